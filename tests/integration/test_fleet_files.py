"""Model files between the hosts of a real Ray: several raylets, each with an object store."""

import hashlib
import re
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import psutil
import pytest
import ray

from orchestrator.fleet.fetch_job import Policy
from orchestrator.fleet.fetch_run import Fetching
from orchestrator.fleet.files import Cannot, Files, Ready
from tests.raylets import Raylets, raylets
from workers.contract import ModelFile
from workers.models.config import ModelConfig, ModelFileConfig, SourceConfig, TruncateSource
from workers.models.fetching import BY_HASH, Wanted
from workers.models.hashing import HashMemo, file_sha256

SIZE_BYTES = 160 * 2**20
LIMIT_S = 90.0


@pytest.fixture(scope="module")
def hosts() -> Iterator[Raylets]:
    with raylets("alpha", "beta", "gamma") as made:
        yield made


@dataclass(frozen=True)
class Fleet:
    """Files on hosts that share nothing: each has a store of its own."""

    files: Files
    hosts: Raylets
    folder: Path

    def store(self, host_id: str) -> Path:
        return self.folder / host_id / "models"

    def join(self, host_id: str, *has: ModelFile) -> None:
        store = str(self.store(host_id))
        self.files.joined(host_id, self.hosts.node_id(host_id), has, store)

    def part(self, host_id: str, wanted: Wanted) -> Path:
        return self.store(host_id) / ".incomplete" / (wanted.sha256 or "") / wanted.name

    def end(self, host_id: str, wanted: Wanted) -> Ready | Cannot:
        """Drive until a host has the file or cannot get it."""

        ends: list[Ready | Cannot] = []

        def ended() -> bool:
            state = self.files.need_file(host_id, wanted)
            ends.extend([] if isinstance(state, Fetching) else [state])
            return bool(ends)

        self.until(ended)
        return ends[0]

    def until(self, seen: Callable[[], bool]) -> None:
        """Drive as the driver's loop does until something is seen."""
        deadline = time.monotonic() + LIMIT_S
        while time.monotonic() < deadline:
            if seen():
                return
            self.files.step()
            ray.wait(self.files.refs(), timeout=0.002) if self.files.refs() else None
        raise AssertionError("it did not come to pass")

    def stop_midway(self, host_id: str, wanted: Wanted) -> psutil.Process:
        """Stop (SIGSTOP) a host's mover while it receives the file."""
        part = self.part(host_id, wanted)
        self.until(lambda: part.exists() and part.stat().st_size > 0)
        mover = self.hosts.mover(host_id)
        mover.send_signal(signal.SIGSTOP)
        assert 0 < part.stat().st_size < SIZE_BYTES
        return mover


@pytest.fixture
def fleet(hosts: Raylets, tmp_path: Path) -> Iterator[Fleet]:
    files = Files(Policy())
    yield Fleet(files, hosts, tmp_path)
    files.close()


@pytest.fixture(scope="module")
def content() -> bytes:
    return np.random.default_rng(6).bytes(SIZE_BYTES)


@pytest.fixture(scope="module")
def wanted(content: bytes) -> Wanted:
    sha256 = hashlib.sha256(content).hexdigest()
    model = ModelConfig(name="big", files={"F16": ModelFileConfig(file="big.gguf", sha256=sha256)})
    return Wanted(model, "F16", sha256, len(content), "big.gguf")


def put(fleet: Fleet, host_id: str, content: bytes) -> ModelFile:
    """A file in a host's store, hashed as when the host was inspected."""
    path = fleet.store(host_id) / "big" / "big.gguf"
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    return ModelFile(str(path), file_sha256(path, HashMemo()), len(content))


def test_a_host_that_has_the_file_needs_nothing(
    fleet: Fleet, wanted: Wanted, content: bytes
) -> None:
    file = put(fleet, "alpha", content)
    fleet.join("alpha", file)
    assert fleet.files.need_file("alpha", wanted) == Ready(file)
    assert fleet.files.refs() == []


def test_two_hosts_that_want_it_at_once_get_it_once_each(
    fleet: Fleet, wanted: Wanted, content: bytes
) -> None:
    fleet.join("alpha", put(fleet, "alpha", content))
    fleet.join("beta")
    fleet.join("gamma")
    for _ in range(3):  # asked for at every turn of the loop
        for host_id in ("beta", "gamma"):
            assert isinstance(fleet.files.need_file(host_id, wanted), Fetching)
    assert len(fleet.files.refs()) == 2
    for host_id in ("beta", "gamma"):
        fleet.until(fleet.part(host_id, wanted).exists)
        assert fleet.hosts.mover(host_id).nice() == 19
    for host_id in ("beta", "gamma"):
        end = fleet.end(host_id, wanted)
        path = fleet.store(host_id) / "big" / "big.gguf"
        assert end == Ready(ModelFile(str(path), wanted.sha256, SIZE_BYTES))
        assert path.read_bytes() == content
    # movers end with their work: nothing of them is left to disturb a measurement
    fleet.files.step()
    fleet.until(lambda: not any(fleet.hosts.movers(h) for h in ("alpha", "beta", "gamma")))


def test_what_is_on_its_way_is_seen(fleet: Fleet, wanted: Wanted, content: bytes) -> None:
    fleet.join("alpha", put(fleet, "alpha", content))
    fleet.join("beta")
    fleet.files.need_file("beta", wanted)
    part = fleet.part("beta", wanted)
    fleet.until(lambda: part.exists() and part.stat().st_size > 0)
    source = fleet.hosts.mover("alpha")
    source.send_signal(signal.SIGSTOP)
    fleet.until(lambda: fleet.files.fetching()["beta"].done_bytes > 0)
    seen = fleet.files.fetching()["beta"]
    assert (seen.stage, seen.total_bytes) == ("copying big.gguf from alpha", SIZE_BYTES)
    assert 0 < seen.done_bytes < SIZE_BYTES
    assert re.fullmatch(r"copying big\.gguf from alpha: \d+ of 160 MiB(, \d+ MiB/s)?", str(seen))
    source.send_signal(signal.SIGCONT)
    assert isinstance(fleet.end("beta", wanted), Ready)


def test_who_got_it_gives_it_on(fleet: Fleet, wanted: Wanted, content: bytes) -> None:
    fleet.join("alpha", put(fleet, "alpha", content))
    fleet.join("beta")
    fleet.join("gamma")
    assert isinstance(fleet.end("beta", wanted), Ready)
    fleet.files.lost("alpha")
    assert isinstance(fleet.end("gamma", wanted), Ready)


@pytest.mark.parametrize("whose", ["source", "target"])
def test_a_mover_that_is_killed_midway_costs_a_pause(
    fleet: Fleet, wanted: Wanted, content: bytes, whose: str
) -> None:
    fleet.join("alpha", put(fleet, "alpha", content))
    fleet.join("beta")
    fleet.files.need_file("beta", wanted)
    mover = fleet.stop_midway("beta", wanted)
    part = fleet.part("beta", wanted)
    written = part.stat()
    killed = mover if whose == "target" else fleet.hosts.mover("alpha")
    killed.kill()
    killed.wait(30)
    if whose == "source":
        fleet.until(lambda: bool(fleet.files.fetching()["beta"].silent_s))
        assert re.search(r"no word for \d+ s$", str(fleet.files.fetching()["beta"]))
        mover.send_signal(signal.SIGCONT)
    end = fleet.end("beta", wanted)
    assert isinstance(end, Ready)
    path = Path(end.file.path)
    assert path.read_bytes() == content
    # it went on in the file that was there
    assert path.stat().st_ino == written.st_ino


def test_a_source_that_is_lost_midway_is_waited_for_by_the_next_need(
    fleet: Fleet, wanted: Wanted, content: bytes
) -> None:
    file = put(fleet, "delta", content)
    fleet.hosts.up("delta")
    fleet.join("delta", file)
    fleet.join("beta")
    fleet.files.need_file("beta", wanted)
    mover = fleet.stop_midway("beta", wanted)
    inode = fleet.part("beta", wanted).stat().st_ino
    fleet.hosts.kill("delta")
    fleet.files.lost("delta")
    mover.send_signal(signal.SIGCONT)
    end = fleet.end("beta", wanted)
    assert isinstance(end, Cannot)
    assert "delta: the worker" in end.reason
    assert not end.host_lost
    fleet.hosts.up("delta")
    fleet.join("delta", file)
    again = fleet.end("beta", wanted)
    assert isinstance(again, Ready)
    assert Path(again.file.path).stat().st_ino == inode
    fleet.hosts.kill("delta")


def test_a_host_that_is_lost_while_it_gets_a_file_goes_on_when_it_is_back(
    fleet: Fleet, wanted: Wanted, content: bytes
) -> None:
    fleet.hosts.up("delta")
    fleet.join("alpha", put(fleet, "alpha", content))
    fleet.join("delta")
    fleet.files.need_file("delta", wanted)
    fleet.stop_midway("delta", wanted)
    inode = fleet.part("delta", wanted).stat().st_ino
    fleet.hosts.kill("delta")
    # the driver may learn of the host's end later than of its mover's
    end = fleet.end("delta", wanted)
    assert isinstance(end, Cannot)
    assert end.host_lost
    fleet.files.lost("delta")
    fleet.hosts.up("delta")
    fleet.join("delta")
    again = fleet.end("delta", wanted)
    assert isinstance(again, Ready)
    assert Path(again.file.path).stat().st_ino == inode
    fleet.hosts.kill("delta")


def test_a_file_that_changed_on_its_host_is_not_given(
    fleet: Fleet, wanted: Wanted, content: bytes
) -> None:
    file = put(fleet, "alpha", content)
    Path(file.path).write_bytes(content[:-1] + b"x")
    fleet.join("alpha", file)
    fleet.join("beta")
    end = fleet.end("beta", wanted)
    assert isinstance(end, Cannot)
    assert "beta has no big.gguf" in end.reason
    assert f"alpha: {file.path} is not the file that it was" in end.reason
    assert not any(path.stat().st_size for path in fleet.store("beta").rglob("*") if path.is_file())


def test_the_catalogue_is_the_last_way(fleet: Fleet, wanted: Wanted, content: bytes) -> None:
    """And a file named by its path on one host comes to another one under its hash."""
    model = replace(
        wanted.model,
        files={
            **wanted.model.files,
            "cut": ModelFileConfig(
                file="cut.gguf", source=SourceConfig(truncate=TruncateSource("F16", 1000))
            ),
        },
    )
    put(fleet, "beta", content)
    fleet.join("beta")
    cut = Wanted(model, "cut", None, None, "cut.gguf")
    end = fleet.end("beta", cut)
    assert isinstance(end, Ready)
    assert Path(end.file.path).read_bytes() == content[:1000]
    sha256 = hashlib.sha256(content[:1000]).hexdigest()
    assert end.file.sha256 == sha256
    fleet.join("gamma")
    own = Wanted(ModelConfig(name="own", path="/nowhere/own.gguf"), "Q", sha256, 1000, "own.gguf")
    other = fleet.end("gamma", own)
    assert isinstance(other, Ready)
    assert other.file.path == str(fleet.store("gamma") / BY_HASH / sha256 / "own.gguf")
    nowhere = replace(own, sha256="0" * 64)
    last = fleet.end("gamma", nowhere)
    assert isinstance(last, Cannot)
    assert "there is no file /nowhere/own.gguf; no other host of the fleet has it" in last.reason
