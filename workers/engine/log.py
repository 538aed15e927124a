"""What llama-server's log says, read line by line: pure functions.

Formats: those of `-lv 4` logs, `0.03.208.400 I llama_kv_cache: ...` (elapsed time, level letter),
of builds with and without a prefix. Memory lines show only from verbosity 4 on.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_PREFIX = re.compile(r"^(?:\x1b\[[0-9;]*m)*\d+\.\d{2}\.\d{3}\.\d{3} ([A-Z]) ")
_LISTENING = re.compile(r"listening on https?://\S+?:(\d+)\b")
_BUFFER = re.compile(
    r":\s+(\S+)\s+(model|KV|RS|compute|output) buffer size\s*=\s*(\d+(?:\.\d+)?) MiB"
)
_DEVICE = re.compile(r"\busing device (\S+) \(")
_WINDOW = re.compile(r"creating\s+SWA KV cache, size = (\d+) cells")
_FLASH = re.compile(
    r"\bflash_attn\s+= (enabled|disabled)|Flash Attention (?:.*set to )?(enabled|disabled)"
)
_EXIT = "cleaning up before exit"
_BREAKDOWN = re.compile(
    r"\|\s+- (\S+)[^|]*\|[^|]*?(\d+) =\s+(\d+) \+\s+(\d+) \+\s+(\d+)\)?(?: \+\s+(-?\d+))?\s*\|"
)
_BARE_ERROR = re.compile(
    r"^(?:error:|error while |terminate called|\s*what\(\):|CUDA error"
    r"|(?:/\S+/)?(?:sh|prlimit|setpriv): )"
    r"|error while loading shared libraries|GGML_ASSERT|GGML_ABORT|: CUDA error"
)
_FACT = re.compile(r"([A-Za-z][A-Za-z0-9_]*) = ([^|]+?)\s*(?:\||$)")
_PARTS = {
    "model": "model",
    "KV": "kv",
    "RS": "recurrent",
    "compute": "compute",
    "output": "output",
}


@dataclass(frozen=True, slots=True)
class MemoryPart:
    """A part of a device's memory."""

    device: str
    """Device or buffer type as the engine names it (CUDA0, CPU_Mapped), or Host."""
    part: str
    """From buffer lines: model, kv, recurrent, compute, output; from the breakdown: model,
    context, compute, unaccounted."""
    mib: float
    source: str
    """log or breakdown"""


def message(line: str) -> str:
    """A line without its time and level, on which equal events are equal."""
    return _PREFIX.sub("", line, count=1).strip()


def listening_port(line: str) -> int | None:
    """The TCP port of the line that says where the server listens, else None."""
    found = _LISTENING.search(line)
    return int(found[1]) if found else None


def memory_by_device(lines: Iterable[str]) -> tuple[MemoryPart, ...]:
    """Buffer sizes by device and part, in order of appearance.

    A sliding-window model has two KV caches and prints a line for each: lines of the same device
    and part are added up.
    """
    hundredths: dict[tuple[str, str], int] = {}
    for line in lines:
        if found := _BUFFER.search(line):
            key = (found[1], _PARTS[found[2]])
            # Added as hundredths, so that a sum is exact to the printed digit.
            hundredths[key] = hundredths.get(key, 0) + round(float(found[3]) * 100)
    return tuple(MemoryPart(d, part, n / 100, "log") for (d, part), n in hundredths.items())


def window_cells(lines: Iterable[str]) -> int | None:
    """Cells of the cache of the layers with a sliding window; None without such layers."""
    found = (_WINDOW.search(line) for line in lines)
    return next((int(match[1]) for match in found if match), None)


def breakdown(lines: Sequence[str]) -> tuple[MemoryPart, ...]:
    """The actual memory by device that a cleanly stopped server prints; empty without it.

    The same table before that (with `--fit on`) is a projection and left out. Over RPC,
    `unaccounted` may be a wrapped negative number: it is kept only between 0 and the total.
    """
    parts: list[MemoryPart] = []
    for line in _after_exit(lines):
        if found := _BREAKDOWN.search(line):
            parts.extend(_breakdown_row(found))
    return tuple(parts)


def _after_exit(lines: Sequence[str]) -> Sequence[str]:
    starts = [i for i, line in enumerate(lines) if _EXIT in line]
    return lines[starts[-1] :] if starts else ()


def _breakdown_row(row: re.Match[str]) -> list[MemoryPart]:
    device, own = row[1], int(row[2])
    named = zip(("model", "context", "compute"), row.group(3, 4, 5), strict=True)
    parts = [MemoryPart(device, part, float(mib), "breakdown") for part, mib in named]
    total = re.search(r"\|\s*(\d+) =[^|]*\(", row[0])
    if row[6] is not None and 0 <= int(row[6]) <= (int(total[1]) if total else own):
        parts.append(MemoryPart(device, "unaccounted", float(row[6]), "breakdown"))
    return parts


def devices_used(lines: Iterable[str]) -> tuple[str, ...]:
    """Devices that the model was put on (CUDA0, RPC0[...]); none is the CPU alone."""
    found = (_DEVICE.search(line) for line in lines)
    return tuple(dict.fromkeys(match[1] for match in found if match))


def flash_attention(lines: Iterable[str]) -> bool | None:
    """Whether flash attention is on, `auto` as it was resolved; None when the log is silent."""
    state = None
    for line in lines:
        if found := _FLASH.search(line):
            state = (found[1] or found[2]) == "enabled"
    return state


def error_lines(lines: Iterable[str]) -> tuple[str, ...]:
    """The messages of the lines that report an error, in order, without time and level."""
    return tuple(message(line) for line in lines if _is_error(line))


def _is_error(line: str) -> bool:
    prefix = _PREFIX.match(line)
    return prefix[1] == "E" if prefix else bool(_BARE_ERROR.search(line))


def system_info(lines: Iterable[str]) -> dict[str, str]:
    """Facts of the line `system_info`: CPU features and back ends (`FA_QUANTS`, `ARCHS`, ...)."""
    for line in lines:
        if "system_info:" in line:
            facts = line.split("system_info:", 1)[1]
            # "CUDA : ARCHS = 900": the back end's name stands before its first fact.
            return {found[1]: found[2] for found in _FACT.finditer(facts)}
    return {}
