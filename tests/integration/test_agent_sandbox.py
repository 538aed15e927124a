"""Programs that try to get out of the sandbox, for real."""

import dataclasses
import os
import socket
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import psutil
import pytest

from workers.agent.sandbox.limits import Limits, SandboxResult
from workers.agent.sandbox.sandbox import Sandbox
from workers.agent.world.errors import ToolRefusedError

QUICK = Limits(wall_s=20, cpu_s=10)

Run = Callable[..., SandboxResult]


@pytest.fixture
def run(sandbox: Sandbox) -> Run:
    """`run(code, files, processes=8, ...)`."""

    def program(
        code: str, files: Mapping[str, bytes] | None = None, **limits: float
    ) -> SandboxResult:
        changed = dataclasses.replace(QUICK, **limits)  # type: ignore[arg-type]
        return sandbox.run(["python", "-c", code], files or {}, changed)

    return program


def test_files_go_in_and_come_out(run: Run) -> None:
    code = "open('out/b.txt', 'w').write(open('in/a.txt').read() * 2)"
    result = run(
        f"import os; os.mkdir('out'); os.remove('gone'); {code}", {"in/a.txt": b"x", "gone": b""}
    )
    assert (result.exit_code, result.limit) == (0, None)
    assert result.files == {"in/a.txt": b"x", "out/b.txt": b"xx"}


def test_output_and_exit_status(run: Run) -> None:
    result = run("import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)")
    assert (result.stdout, result.stderr, result.exit_code) == ("out\n", "err\n", 3)
    assert run("import os; os.kill(os.getpid(), 15)").exit_code == -15


def test_a_program_that_is_not_there(sandbox: Sandbox) -> None:
    assert sandbox.run(["nothing-like-it"], {}, QUICK).exit_code == 127


def test_no_file_of_the_host_is_there(run: Run, tmp_path: Path) -> None:
    secret = tmp_path / "warehouse.parquet"
    secret.write_text("secret")
    secret.chmod(0o644)
    paths = ["/etc/shadow", "/etc/passwd", "/root", "/home", "/var", "/sys", str(secret)]
    code = (
        f"import os; print([p for p in {paths!r} if os.path.exists(p)]); print(os.listdir('/tmp'))"
    )
    assert run(code).stdout == "[]\n[]\n"


def test_nothing_of_herds_environment(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s3cr3t-of-the-host")
    code = """
import glob, os
own = ["/proc/self/environ"]
for path in own + glob.glob("/proc/[0-9]*/environ") + glob.glob("/proc/[0-9]*/cmdline"):
    try:
        print(open(path).read())
    except OSError:
        pass
"""
    out = run(code).stdout
    assert "HOME=/sandbox/home" in out
    assert "s3cr3t" not in out
    assert "llama" not in out


def test_it_sees_no_process_of_the_host(run: Run) -> None:
    code = "import os; print(sorted(int(n) for n in os.listdir('/proc') if n.isdigit())[-1] < 20)"
    assert run(code).stdout == "True\n"


def test_its_user_is_nobody_and_can_become_no_other(run: Run) -> None:
    code = """
import os
print(os.getuid() == 0, os.geteuid() == 0)
for become in (lambda: os.setuid(0), lambda: os.setgid(0), lambda: os.chroot(".")):
    try:
        become()
        print("became")
    except OSError:
        print("refused")
print([l for l in open("/proc/self/status") if l.startswith("CapEff")][0].split()[1].strip("0"))
"""
    assert run(code).stdout == "False False\nrefused\nrefused\nrefused\n\n"


def test_no_socket_reaches_the_host(run: Run) -> None:
    """The port of an engine, a name, an address outside, and an abstract socket."""
    with (
        socket.create_server(("127.0.0.1", 0)) as engine,
        socket.socket(socket.AF_UNIX) as abstract,
    ):
        abstract.bind(f"\0herd-test-{os.getpid()}")
        abstract.listen()
        port, name = engine.getsockname()[1], abstract.getsockname()
        code = f"""
import socket
def attempt(connect):
    try:
        connect()
        print("connected")
    except OSError as error:
        print("refused")
attempt(lambda: socket.create_connection(("127.0.0.1", {port}), 2))
attempt(lambda: socket.create_connection(("192.0.2.1", 80), 2))
attempt(lambda: socket.getaddrinfo("example.com", 80))
attempt(lambda: socket.socket(socket.AF_UNIX).connect({name!r}))
"""
        assert run(code).stdout == "refused\n" * 4
        engine.settimeout(0.1)
        with pytest.raises(TimeoutError):
            engine.accept()


def test_writing_outside_fails_everywhere(run: Run) -> None:
    code = """
import os
for folder, _, _ in os.walk("/"):
    if folder.startswith(("/proc", "/sandbox", "/dev/shm", "/tmp")):
        continue
    try:
        open(os.path.join(folder, "herd-test"), "w")
        print(folder)
    except OSError:
        pass
"""
    assert run(code).stdout == ""


def test_forks_without_end(run: Run) -> None:
    code = """
import os, sys
made = 0
while True:
    try:
        if os.fork() == 0:
            while True:
                try:
                    os.fork()
                except OSError:
                    pass
        made += 1
    except OSError:
        print(made, flush=True)
        break
while True:
    pass
"""
    result = run(code, processes=16, wall_s=2)
    assert result.limit == "wall time"
    assert 0 < int(result.stdout.split()[0]) <= 16
    assert run("print('next')").stdout == "next\n"


def test_threads_count_as_processes(run: Run) -> None:
    code = """
import threading
wait = threading.Event()
try:
    for number in range(100):
        threading.Thread(target=wait.wait, daemon=True).start()
except RuntimeError:
    pass
print(number)
"""
    assert int(run(code, processes=12).stdout) < 12


def test_two_sandboxes_share_no_count_of_processes(sandbox: Sandbox, run: Run) -> None:
    """The limit is the run's, not the user's: parallel sessions do not starve each other."""
    code = "import os, time; [os.fork() or time.sleep(9) for _ in range(6)]; time.sleep(3)"
    argv = ["python", "-c", code]
    results: list[SandboxResult] = []
    limits = dataclasses.replace(QUICK, processes=12, wall_s=2)
    threads = [
        threading.Thread(target=lambda: results.append(sandbox.run(argv, {}, limits)))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ["BlockingIOError" in result.stderr for result in results] == [False, False]


def test_it_cannot_fill_the_disk(run: Run) -> None:
    code = """
import errno
written = 0
try:
    for number in range(20):
        with open(f"{number}.bin", "wb", buffering=0) as out:
            for _ in range(4):
                written += out.write(bytes(2**20))
except OSError as error:
    print(errno.errorcode[error.errno], written // 2**20)
"""
    result = run(code, disk_mib=16)
    assert result.stdout.split()[0] == "ENOSPC"
    assert int(result.stdout.split()[1]) <= 16


def test_one_file_cannot_be_larger_than_the_disk(run: Run) -> None:
    result = run("open('sparse', 'wb').truncate(2**40)", disk_mib=16)
    assert result.exit_code not in (0, None)
    assert result.files == {"sparse": b""} or result.files == {}


def test_files_without_end(run: Run) -> None:
    code = "n = 0\nwhile True:\n    open(str(n), 'w').close(); n += 1"
    result = run(code, file_count=100)
    assert result.limit == "files"
    assert len(result.files) == 100
    assert "too many files" in result.left_out[0]


def test_memory_of_one_process(run: Run) -> None:
    result = run("bytearray(2**30)")
    assert "MemoryError" in result.stderr


def test_memory_of_many_processes(run: Run) -> None:
    code = """
import os, time
for _ in range(10):
    if os.fork() == 0:
        held = bytearray(b"x") * (64 * 2**20)
        time.sleep(60)
time.sleep(60)
"""
    assert run(code, memory_mib=200).limit == "memory"


def test_memory_outside_any_address_space_is_refused(run: Run) -> None:
    """A memfd and a System V segment belong to no process: no limit would hold them."""
    code = """
import ctypes, os
try:
    os.memfd_create("held")
except PermissionError:
    print("refused")
libc = ctypes.CDLL(None, use_errno=True)
print(libc.shmget(0, 2**20, 0o1600), ctypes.get_errno())
"""
    assert run(code).stdout == "refused\n-1 1\n"


def test_no_namespaces_of_its_own(run: Run) -> None:
    code = "import subprocess; print(subprocess.run(['unshare', '-Ur', 'true']).returncode != 0)"
    assert run(code).stdout == "True\n"


def test_cpu_time(run: Run) -> None:
    assert run("while True: pass", cpu_s=1).limit == "CPU time"
    stubborn = "import signal; signal.signal(signal.SIGXCPU, signal.SIG_IGN)\nwhile True: pass"
    assert run(stubborn, cpu_s=1).limit == "CPU time"


def test_wall_time(run: Run) -> None:
    started = time.monotonic()
    result = run("print('kept', flush=True); import time; time.sleep(99)", wall_s=1)
    assert (result.limit, result.exit_code, result.stdout) == ("wall time", None, "kept\n")
    assert time.monotonic() - started < 60


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_output_without_end(run: Run, stream: str) -> None:
    result = run(f"import sys\nwhile True: sys.{stream}.write('x' * 4096)", output_kib=8)
    assert result.limit == "output"
    assert len(getattr(result, stream)) == 8 * 1024


def test_nothing_outlives_the_run(run: Run) -> None:
    """Double fork, a session of its own, signals ignored, its output closed."""
    mark = f"outlives-{os.getpid()}"
    code = f"""
import os, signal, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        for number in (1, 2, 15):
            signal.signal(number, signal.SIG_IGN)
        os.execv(sys.executable, [sys.executable, "-c", "import time; time.sleep(99)", "{mark}"])
    os._exit(0)
time.sleep(0.5)
pids = [name for name in os.listdir("/proc") if name.isdigit()]
print(any("{mark}" in open(f"/proc/{{pid}}/cmdline").read() for pid in pids))
"""
    assert run(code).stdout == "True\n"
    assert not [p for p in psutil.process_iter(["cmdline"]) if mark in (p.info["cmdline"] or [])]


def test_links_do_not_come_back(run: Run) -> None:
    code = """
import os
os.symlink("/etc/passwd", "report.txt")
os.symlink("/", "everything")
os.mkfifo("pipe")
os.mkdir("real"); open("real/kept.txt", "w").write("kept")
os.symlink("real", "folder")
"""
    result = run(code)
    assert result.files == {"real/kept.txt": b"kept"}
    assert result.left_out == (
        "everything (a link)",
        "folder (a link)",
        "pipe (not a regular file)",
        "report.txt (a link)",
    )


def test_strange_names_come_back_as_text(run: Run) -> None:
    code = """
import os
open(b"\\xff", "w").close()
path = "d"
for _ in range(40):
    os.mkdir(path); path += "/d"
open("locked", "w").write("x"); os.chmod("locked", 0)
"""
    result = run(code)
    assert result.files == {"locked": b"x"}
    assert any(name.startswith("\\xff") for name in result.left_out)


def test_what_it_says_in_place_of_the_supervisor_is_not_heard(run: Run) -> None:
    """It may look into no process of herd's here, and holds no descriptor to the outside."""
    code = """
import glob, os
herd = os.getppid()
for path in glob.glob("/proc/[0-9]*/fd/*") + [f"/proc/{herd}/mem", f"/proc/{herd}/environ"]:
    if path.split("/")[2] != str(os.getpid()):
        try:
            os.close(os.open(path, os.O_RDWR))
            print(path, os.readlink(path))
        except OSError:
            pass
for number in range(3, 1000):
    try:
        print(number, os.fstat(number))
    except OSError:
        pass
"""
    out = run(code).stdout.splitlines()
    assert [line for line in out if not line.endswith("/dev/null")] == []


def test_a_program_that_kills_its_supervisor(run: Run) -> None:
    result = run("import os; os.kill(os.getppid(), 9)", {"a": b"kept"})
    assert (result.limit, result.exit_code, result.files) == ("sandbox", None, {"a": b"kept"})
    assert run("import os; os.kill(-1, 9)").limit in ("sandbox", None)


def test_a_program_that_stops_its_supervisor(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workers.agent.sandbox.sandbox._GRACE_S", 1.0)
    result = run("import os, time; os.kill(os.getppid(), 19); time.sleep(99)", wall_s=1)
    assert result.limit == "sandbox"


def test_files_that_are_too_much(sandbox: Sandbox) -> None:
    with pytest.raises(ToolRefusedError, match="too large"):
        sandbox.run(["python", "-c", ""], {"a": bytes(2**20)}, Limits(disk_mib=1))
