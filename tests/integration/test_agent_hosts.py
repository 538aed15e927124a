"""Sandbox and browser where herd is not root, and on hosts that lack what they need."""

import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

import pytest

from tests.agent_world import HARNESS, opened_browser
from workers.agent.sandbox.limits import Unavailable
from workers.agent.sandbox.sandbox import find_sandbox
from workers.agent.tools.browser import BrowserHost

pytestmark = pytest.mark.timeout(300)


@pytest.mark.root
def test_the_sandbox_works_for_a_user_without_rights() -> None:
    """Where users may make namespaces. As root the others run; here herd itself is not root."""
    if os.geteuid() != 0:
        pytest.skip("not root: all the tests here run without rights")
    code = (
        "from workers.agent.sandbox.sandbox import find_sandbox; s = find_sandbox(); "
        "print(s.run(['python', '-c', 'import os; print(os.getuid())'], {}).stdout, end=''); "
        "print(s.wrapper[0].endswith('bwrap'))"
    )
    house = str(Path(__file__).parents[2])
    become = [str(shutil.which("setpriv")), "--reuid=12345", "--regid=12345", "--clear-groups"]
    env = {"PYTHONPATH": house, "PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [*become, "/usr/bin/python3", "-c", code], env=env, capture_output=True, text=True, cwd="/"
    )
    if done.returncode and "Permission denied" in done.stderr:
        pytest.skip("another user cannot read this checkout")
    assert done.stdout == "12345\nTrue\n", done.stderr


def test_a_host_without_bubblewrap_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """No other way is tried."""
    find_sandbox.cache_clear()
    try:
        monkeypatch.setenv("PATH", str(Path(sys.executable).parent))
        found = find_sandbox()
    finally:
        find_sandbox.cache_clear()
    assert found == Unavailable("install the package bubblewrap (0.8 or newer)")


@pytest.mark.root
def test_the_browser_works_for_a_user_without_rights() -> None:
    """As root the others run; here herd itself is not root."""
    if os.geteuid() != 0:
        pytest.skip("not root: all the tests here run without rights")
    opened_browser().close()
    system = Path("/usr/bin") / f"python{sys.version_info.major}.{sys.version_info.minor}"
    if not system.exists():
        pytest.skip("the system has no Python that this environment's packages are for")
    become = ["setpriv", "--reuid=12345", "--regid=12345", "--clear-groups", "--"]
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        os.chown(folder, 12345, 12345)
        packages = f"{Path(__file__).parents[2]}:{sysconfig.get_path('purelib')}"
        env = {"PYTHONPATH": packages, "PYTHONDONTWRITEBYTECODE": "1"}
        env |= {"PATH": os.environ["PATH"], "HOME": folder, "TMPDIR": folder}
        code = HARNESS.replace("time.sleep(300)", "host.close()")
        done = subprocess.run(
            [*become, str(system), "-c", code, f"{folder}/world"],
            env=env,
            capture_output=True,
            text=True,
            cwd="/",
        )
        if "Permission denied" in done.stderr or "No module named" in done.stderr:
            pytest.skip("another user cannot read this checkout")
        assert done.stdout == "ready\n", done.stderr
        assert [left.name for left in Path(folder).iterdir()] == ["world"]


def test_a_host_without_chromium_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workers.agent.tools.chromium._BINARIES", ())
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent))
    assert BrowserHost.open() == Unavailable("install the package chromium")
