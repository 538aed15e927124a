"""Class of a failed start or a died server, from the first error line of its log: pure.

Every clean start failure of llama-server exits with 1, so only the text tells them apart.
Texts and their builds: `shared/reference/llama-server.md` section 7.
"""

import re
import signal
from collections.abc import Sequence
from typing import Literal

from workers.engine.log import error_lines, message
from workers.failures import Failure, FailureClass

Phase = Literal["load", "run"]

_REASON_LENGTH = 300
_OUT_OF_MEMORY = re.compile(
    r"out of memory|insufficient memory|failed to allocate|unable to allocate|bad_alloc"
    r"|Cannot allocate memory|OutOf(?:Device|Host)Memory|Device memory allocation of size"
    r"|failed to create the KV cache|OUT_OF_MEMORY"
)
_AFTER_WEIGHTS = re.compile(
    r"constructing llama_context|failed to initialize the context|buffer for (?:kv|rs) cache"
    r"|allocate compute"
)
# Errors after which the server goes on: fitting to memory, and refused requests.
_HARMLESS = re.compile(r"common_fit_params|send_error:|failed to launch slot|Failed to connect to")

_CLASSES: tuple[tuple[FailureClass, re.Pattern[str]], ...] = (
    (
        FailureClass.ENGINE_MISSING,
        re.compile(
            r"error while loading shared libraries|^(?:/\S+/)?(?:sh|prlimit|setpriv): "
            r"|version `GLIBC|symbol lookup error"
        ),
    ),
    (FailureClass.DEVICE_MISSING, re.compile(r"invalid device: ")),
    (
        FailureClass.BAD_ARGS,
        re.compile(
            r"error: invalid argument|error while handling argument|argument has been removed"
            r"|^error: (?!loading)|invalid value for main_gpu"
        ),
    ),
    (
        FailureClass.MISSING_MODEL,
        re.compile(r"failed to open GGUF file|failed to open .*No such file or directory"),
    ),
    (
        FailureClass.UNSUPPORTED,
        re.compile(
            r"does not support split buffers|not implemented for architecture"
            r"|unknown model architecture|quantized V cache requires|V cache quantization requires"
            r"|does not divide n_embd_head|[Nn]ot supported|does not support"
        ),
    ),
    (
        FailureClass.BAD_MODEL,
        re.compile(
            r"invalid magic|not within the file bounds|corrupted or incomplete|gguf_init_from_\w+:"
            r"|missing tensor|wrong shape|key not found in model|tokenizer|error loading model"
        ),
    ),
    (FailureClass.HOST_LOST, re.compile(r"Remote RPC server crashed|RPC server version mismatch")),
)


def classify(
    lines: Sequence[str],
    exit_code: int,
    phase: Phase,
    *,
    oom_killed: bool = False,
    program: str = "llama-server",
) -> Failure:
    """Why a server ended that should not have.

    Args:
        lines: Its log.
        exit_code: Negative for a signal, as in `subprocess`.
        phase: `load` until it was ready, `run` after.
        oom_killed: The kernel's OOM killer was at work during this life: tells its SIGKILL,
            which leaves no line, from anybody else's.
        program: What to call it where no line says why.
    """
    for line in error_lines(lines):
        if not _HARMLESS.search(line) and (failure_class := _class_of(line, lines, phase)):
            return Failure(failure_class, _shorten(line))
    if oom_killed and exit_code in (-signal.SIGKILL, 128 + signal.SIGKILL):
        return Failure(_memory_class(lines, phase), "killed by the kernel's OOM killer")
    if exit_code in (-signal.SIGILL, 128 + signal.SIGILL):
        text = "the build needs instructions that this CPU does not have (SIGILL)"
        return Failure(FailureClass.UNSUPPORTED, text)
    return Failure(FailureClass.CRASH, _end(lines, exit_code, program))


def _class_of(line: str, lines: Sequence[str], phase: Phase) -> FailureClass | None:
    if _OUT_OF_MEMORY.search(line):
        return _memory_class(lines, phase)
    # "error loading model: ..." names its cause, so the umbrella comes last in the table.
    return next((kind for kind, pattern in _CLASSES if pattern.search(line)), None)


def _memory_class(lines: Sequence[str], phase: Phase) -> FailureClass:
    if phase == "run":
        return FailureClass.OOM_RUN
    if any(_AFTER_WEIGHTS.search(line) for line in lines):
        return FailureClass.OOM_CONTEXT
    return FailureClass.OOM_LOAD


def _end(lines: Sequence[str], exit_code: int, program: str) -> str:
    errors = [line for line in error_lines(lines) if not _HARMLESS.search(line)]
    said = next(iter(errors), "") or next((m for x in reversed(lines) if (m := message(x))), "")
    ended = f"{program} {_exit_text(exit_code)}"
    return _shorten(f"{ended}: {said}" if said else ended)


def _exit_text(exit_code: int) -> str:
    number = -exit_code if exit_code < 0 else exit_code - 128
    if number in {member.value for member in signal.Signals}:
        return f"was ended by {signal.Signals(number).name}"
    return f"ended with exit code {exit_code}"


def _shorten(line: str) -> str:
    text = " ".join(line.split())
    return text if len(text) <= _REASON_LENGTH else text[: _REASON_LENGTH - 3] + "..."
