"""What is sent to a node is enough for its workers, and says by its name what it is."""

import shutil
import tarfile
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

from orchestrator.fleet.bundle import Part, closure, code_digest, parts


def test_the_closure_follows_requirements_and_extras() -> None:
    names = {dist.name.lower() for dist in closure("herd", frozenset({"duckdb"}), ("hub",))}
    assert {"ray", "pyarrow", "click", "msgpack", "huggingface_hub"} <= names
    assert not names & {"duckdb", "herd", "pytest", "mypy"}


def test_the_code_is_named_by_its_content() -> None:
    site, code = parts()
    assert code.name == f"code/{code_digest()}"
    names = {name for _, name in code.files}
    assert {"workers/host.py", "warehouse/rows/base.py", "workers/node/supervisor.py"} <= names
    assert not any(name.startswith("orchestrator") or name.endswith(".pyc") for name in names)
    assert site.size_mib > 100 > code.size_mib


def test_large_files_of_the_same_content_are_packed_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "a").write_bytes(bytes(3 * 2**20))
    shutil.copy(tmp_path / "a", tmp_path / "b")
    (tmp_path / "run").write_text("#!/bin/sh\n")
    (tmp_path / "run").chmod(0o755)
    Part("code/old", ()).packed()
    Part("site/old", ()).packed()
    part = Part("site/x", tuple((tmp_path / n, f"p/{n}") for n in ("a", "b", "run")))
    with tarfile.open(part.packed()) as archive:
        members = archive.getmembers()
        assert [(m.name, m.size, m.linkname) for m in members[:2]] == [
            ("p/a", 3 * 2**20, ""),
            ("p/b", 0, "p/a"),
        ]
        assert members[2].mode & 0o111
        assert (members[0].uid, members[0].uname) == (0, "")
        archive.extractall(tmp_path / "out", filter="data")
    kept = {path.name for path in part.packed().parent.iterdir()}
    assert kept == {"site-x.tar.gz", "code-old.tar.gz"}
    assert (tmp_path / "out/p/b").read_bytes() == bytes(3 * 2**20)


def test_agent_tasks_do_not_make_every_node_carry_a_browsers_driver() -> None:
    site, _ = parts()
    packages = {name.partition("/")[0] for _, name in site.files}
    assert "httpx" in packages
    assert not packages & {"inspect_ai", "playwright", "openai"}


def test_the_extra_for_agent_tasks_leaves_ray_as_lean_as_it_is() -> None:
    """With these beside it, Ray starts a dashboard and a client server in every process."""
    found = {canonicalize_name(d.name) for d in closure("herd", frozenset(), ("agent",))}
    assert not found & {"grpcio", "aiohttp-cors", "opencensus", "prometheus-client"}
