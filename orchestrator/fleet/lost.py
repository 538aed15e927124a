"""Why a host was lost, out of what Ray says of a dead actor. Pure."""

import re

_PID = re.compile(r"^\s*pid: (\d+)$", re.MULTILINE)
_DETAIL = re.compile(r"Worker exit detail: (.+)", re.DOTALL)
_ADVICE = re.compile(r"(Some common causes include|There are some potential root causes).*", re.S)
_VANISHED = "connection error code 2"
"""Ray's words for a worker whose socket closed without a word: it was killed, or it crashed."""
_LONGEST = 300


def lost_reason(text: str) -> str:
    """One line with what is useful of a Ray error's text: class, ids and advice are left out."""
    pid = _PID.search(text)
    who = f"the worker (pid {pid[1]})" if pid else "the worker"
    if _VANISHED in text:
        return (
            f"{who} was killed, by somebody or by the kernel for want of memory (dmesg tells), "
            "or it crashed"
        )
    detail = _DETAIL.search(text)
    said = detail[1] if detail else "\n".join(_plain_lines(text))
    return f"{who} is gone: {' '.join(_ADVICE.sub('', said).split())[:_LONGEST]}"


def _plain_lines(text: str) -> list[str]:
    """Lines that are no `name: value` of the actor; the first only says that it died."""
    lines = [line for line in text.splitlines() if not re.match(r"\t\w+: ", line)]
    return lines[1:] or lines
