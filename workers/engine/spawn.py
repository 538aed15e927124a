"""Start processes that never outlive this one, whatever kills it.

PR_SET_PDEATHSIG makes the kernel kill the child when its parent's *thread* ends, so one
permanent thread starts them all. `setpriv` sets it between fork and exec: a `preexec_fn` may
deadlock in a process with threads. A session of its own is not given, since Ray's clean-up works
by process group.
"""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache

from warehouse.errors import EngineError

# The parent may die between fork and setpriv's prctl, and nothing would kill the child: so
# it goes on only if its parent is, after that, still the one that started it.
_CHECK_PARENT = '[ "$PPID" = "$0" ] && exec "$@"'


def spawn(
    command: Sequence[str],
    *,
    env: Mapping[str, str],
    address_space_bytes: int | None = None,
    stdin: int = subprocess.DEVNULL,
    stderr: int = subprocess.STDOUT,
) -> subprocess.Popen[bytes]:
    """Start `command`; it is killed (SIGKILL) when this process ends. From any thread.

    Its standard output comes through a pipe, and standard error with it if nothing else is said.
    The process id is that of `command` itself: the wrappers replace themselves by it.

    Args:
        command: Program (a path) and arguments.
        env: The whole environment.
        address_space_bytes: Limit on the address space (RLIMIT_AS).
        stdin: Its standard input, as of `Popen`; empty by default.
        stderr: Its standard error, as of `Popen`.

    Raises:
        EngineError: util-linux is missing.
    """
    limit = [] if address_space_bytes is None else _limit(address_space_bytes)
    guard = [_tool("setpriv"), "--pdeathsig", "KILL", "--", "/bin/sh", "-c", _CHECK_PARENT]
    wrapped = [*guard, str(os.getpid()), *limit, *command]
    return _spawner(os.getpid()).submit(_popen, wrapped, dict(env), stdin, stderr).result()


@cache
def _spawner(pid: int) -> ThreadPoolExecutor:  # noqa: ARG001 - a fork has no thread: keyed by pid
    return ThreadPoolExecutor(max_workers=1, thread_name_prefix="spawner")


def _popen(
    command: list[str], env: dict[str, str], stdin: int, stderr: int
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command,
        env=env,
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=stderr,
        close_fds=True,
    )


def _limit(address_space_bytes: int) -> list[str]:
    return [_tool("prlimit"), f"--as={address_space_bytes}", "--"]


def _tool(name: str) -> str:
    if found := shutil.which(name):
        return found
    raise EngineError(f"{name} is missing on this host: install the package util-linux")
