"""In a process of its own: file descriptors 1 and 2 of this one are pytest's."""

import subprocess
import sys
from pathlib import Path

SCRIPT = """\
import os, sys
from pathlib import Path
from orchestrator.terminal import quiet

print("before")
try:
    with quiet(Path(sys.argv[1])) as console:
        console.print("to the user")
        print("by Python")
        os.write(1, b"by a library on 1\\n")
        os.system("echo by a child on 2 >&2")
        console.print("to the user again")
        if sys.argv[2] == "fail":
            raise KeyboardInterrupt
except KeyboardInterrupt:
    print("interrupted")
print("after")
print("after on 2", file=sys.stderr)
print(sorted(os.listdir("/proc/self/fd"))[:3], len(os.listdir("/proc/self/fd")))
"""


def run(log: Path, how: str = "end") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", SCRIPT, str(log), how]
    return subprocess.run(command, check=True, capture_output=True, text=True)


def test_the_user_sees_herd_and_the_log_all_others(tmp_path: Path) -> None:
    log = tmp_path / "driver.log"
    log.write_text("from before\n")
    ended = run(log)
    shown = ended.stdout.splitlines()
    assert shown[:4] == ["before", "to the user", "to the user again", "after"]
    assert ended.stderr == "after on 2\n"
    kept = ["by Python", "by a child on 2", "by a library on 1", "from before"]
    assert sorted(log.read_text().splitlines()) == kept


def test_the_terminal_is_back_after_an_interrupt_and_no_file_stays_open(tmp_path: Path) -> None:
    ended, failed = run(tmp_path / "end.log"), run(tmp_path / "fail.log", "fail")
    assert failed.stdout.splitlines()[3:5] == ["interrupted", "after"]
    assert failed.stderr == "after on 2\n"
    assert failed.stdout.splitlines()[-1] == ended.stdout.splitlines()[-1]
