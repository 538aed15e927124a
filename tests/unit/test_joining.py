"""What decides whether a host can be a node, and what a refusal says. Pure."""

import platform
import shlex
import subprocess
import sys
from typing import Any

import pytest

from orchestrator.fleet.bootstrap import check_label
from orchestrator.fleet.facts import unfit
from orchestrator.fleet.pasted import pasted_command
from orchestrator.fleet.ports import Ports
from orchestrator.fleet.probe import refusal as probe_refusal
from orchestrator.fleet.ray_start import HEALTH_CHECK, head_spec, node_spec
from orchestrator.fleet.remote import refusal, remote_command, ssh_remote
from warehouse.errors import FleetError

FACTS: dict[str, Any] = {
    "python": "/usr/bin/python3",
    "version": list(sys.version_info[:3]),
    "machine": platform.machine(),
    "system": platform.system(),
    "libc": list(platform.libc_ver()),
    "free_mib": 2000,
    "shared_memory": True,
}


def test_a_host_like_this_one_fits_and_so_does_another_patch_of_python() -> None:
    assert unfit(FACTS, 1000) is None
    assert unfit({**FACTS, "version": [*sys.version_info[:2], 99]}, 1000) is None


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"machine": "armv6l"}, "armv6l"),
        ({"version": [3, 9, 2]}, "its Python is 3.9.2"),
        ({"libc": ["glibc", "2.17"]}, "2.17"),
        ({"libc": ["", ""]}, "C library"),
        ({"free_mib": 1499}, "1500 MiB are needed"),
        ({"shared_memory": False}, "/dev/shm"),
    ],
)
def test_why_a_host_cannot_be_a_node(change: dict[str, Any], told: str) -> None:
    assert told in (unfit(FACTS | change, 1000) or "")


@pytest.mark.parametrize(
    ("code", "errors", "told"),
    [
        (255, "Host key verification failed.\r\n", "compare the fingerprint"),
        (255, "me@box: Permission denied (publickey).", "ssh-copy-id"),
        (255, "ssh: connect to host box port 22: No route to host", "No route to host"),
        (1, "noise\nits Python is 3.9", "box: its Python is 3.9"),
        (1, "", "exit code 1"),
    ],
)
def test_a_refusal_is_one_line(code: int, errors: str, told: str) -> None:
    line = refusal("box", code, errors)
    assert told in line
    assert "\n" not in line


def test_ssh_asks_nothing_and_trusts_nobody_new() -> None:
    command = " ".join(ssh_remote("me@box", "/etc/x").shell)
    for option in ("BatchMode=yes", "StrictHostKeyChecking=yes", "ConnectTimeout=10", "-F /etc/x"):
        assert option in command
    assert command.endswith("-- me@box")


@pytest.mark.parametrize("python", [None, sys.executable])
def test_the_remote_command_runs_a_program_and_leaves_it_its_input(python: str | None) -> None:
    program = b"import sys; sys.stdout.write(sys.stdin.read())"
    done = subprocess.run(
        ["sh", "-c", remote_command(len(program), python)],
        input=program + b"the rest",
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert (done.stdout, done.returncode) == (b"the rest", 0), done.stderr


def test_another_python_is_refused_before_it_reads_the_program() -> None:
    command = remote_command(5, sys.executable).replace(
        f"({sys.version_info[0]}, {sys.version_info[1]})", "(3, 1)"
    )
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
    assert done.stderr.startswith("its Python is ")
    assert done.stderr.count("\n") == 1


def test_a_pasted_command_is_one_line_and_shows_its_key_to_no_list_of_processes() -> None:
    command = pasted_command("http://10.0.0.1:18369/secret", "0" * 64)
    assert "\n" not in command
    words = shlex.split(command)
    assert words[0] == "printf"  # a builtin of the shell: no process has its arguments
    assert "secret" in words[2]
    assert not any("secret" in word for word in words[3:])


@pytest.mark.parametrize("label", ["", "a b", "-a", "a/b", "a" * 64, "x'; rm"])
def test_a_label_is_what_ray_takes(label: str) -> None:
    with pytest.raises(FleetError, match="no name for a node"):
        check_label(label)


def test_specs_pin_every_port_ask_for_the_token_and_hide_it() -> None:
    head = head_spec("10.0.0.1", "here", Ports(18370), "/state/token", dict(HEALTH_CHECK))
    node = node_spec("10.0.0.1", "box", "abc", Ports(18370))
    for spec in (head, node):
        assert spec["environment"]["RAY_AUTH_MODE"] == "token"
        assert "RAY_AUTH_TOKEN" not in spec["environment"]
        pinned = {int(a.split("=")[1]) for a in spec["arguments"] if "port" in a}
        assert pinned <= set(range(18370, 18450))
        assert sum("port" in argument for argument in spec["arguments"]) >= 8
        assert "--num-gpus=0" in spec["arguments"]
    assert "--labels=host=box,herd-code=abc" in node["arguments"]
    assert node["head"] == ["10.0.0.1", 18370]
    assert head["head"] == []


def test_a_lost_host_is_noticed_in_20_to_30_s() -> None:
    period, limit, failures = (
        int(HEALTH_CHECK[f"RAY_health_check_{name}"])
        for name in ("period_ms", "timeout_ms", "failure_threshold")
    )
    assert 20_000 <= period * failures <= period * failures + limit <= 30_000


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("RPC error: InvalidAuthToken: Authentication token is missing", "refuses the token"),
        (
            "Version mismatch: The cluster was started with:\n  Ray: 2.59.0\n  Python: 3.11.2\n",
            "another Ray or Python: The cluster was started with: Ray: 2.59.0 Python: 3.11.2",
        ),
        ("", "it says nothing"),
    ],
)
def test_a_head_that_refuses_is_told_in_one_line(said: str, told: str) -> None:
    line = probe_refusal("10.0.0.1:18370", said, {"RAY_AUTH_TOKEN_PATH": "/state/token"})
    assert told in line
    assert "\n" not in line
