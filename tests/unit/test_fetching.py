import hashlib
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from warehouse.errors import ModelError
from workers.models.config import ModelConfig, ModelFileConfig, SourceConfig, TruncateSource
from workers.models.fetching import BY_HASH, Fetcher, Wanted
from workers.models.hashing import HashMemo, known_sha256
from workers.models.store import ModelStore, one_at_a_time, silent
from workers.models.transfer import Chunks

CONTENT = b"weights" * 1000
SHA256 = hashlib.sha256(CONTENT).hexdigest()
TINY = ModelConfig(name="tiny", files={"F16": ModelFileConfig(file="tiny.gguf", sha256=SHA256)})
WANTED = Wanted(TINY, "F16", SHA256, len(CONTENT), "tiny.gguf")


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    return ModelStore(tmp_path / "store", HashMemo(tmp_path / "state"))


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    folder = tmp_path / "shared"
    folder.mkdir()
    return folder


@pytest.fixture
def fetcher(store: ModelStore, shared: Path) -> Fetcher:
    return Fetcher(store, shared)


def write(path: Path, content: bytes = CONTENT) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def sent(content: bytes = CONTENT) -> Chunks:
    return lambda offset: iter([content[offset:]])


@pytest.mark.parametrize(
    "place", ["tiny/tiny.gguf", f"{BY_HASH}/{SHA256}/tiny.gguf", "another-name/tiny.gguf"]
)
def test_the_store_is_searched_by_hash(store: ModelStore, fetcher: Fetcher, place: str) -> None:
    with pytest.raises(ModelError, match=r"tiny\.gguf is not in .*store"):
        fetcher.from_store(WANTED, silent)
    path = write(store.root / place)
    found = fetcher.from_store(WANTED, silent)
    assert (found.path, found.sha256, found.size_bytes) == (str(path), SHA256, len(CONTENT))


def test_another_file_of_that_name_is_not_taken(store: ModelStore, fetcher: Fetcher) -> None:
    write(store.root / "tiny/tiny.gguf", b"WEIGHTS" * 1000)
    write(store.root / "other/tiny.gguf", b"shorter")
    with pytest.raises(ModelError, match="is not in"):
        fetcher.from_store(WANTED, silent)
    # a file of another size is told apart without reading 20 GB of it
    assert known_sha256(store.root / "other/tiny.gguf", store.memo) is None


def test_without_a_hash_the_place_in_the_catalogue_counts(
    store: ModelStore, fetcher: Fetcher
) -> None:
    path = write(store.root / "tiny/tiny.gguf")
    found = fetcher.from_store(replace(WANTED, sha256=None, size_bytes=None), silent)
    assert (found.path, found.sha256) == (str(path), SHA256)


@pytest.mark.parametrize("place", ["tiny/tiny.gguf", "tiny.gguf"])
def test_a_shared_file_is_copied_into_the_store(
    store: ModelStore, fetcher: Fetcher, shared: Path, place: str
) -> None:
    with pytest.raises(ModelError, match=r"tiny\.gguf is not in .*shared"):
        fetcher.from_shared(WANTED, silent)
    write(shared / place)
    path = Path(fetcher.from_shared(WANTED, silent).path)
    assert path == store.root / "tiny/tiny.gguf"
    assert path.read_bytes() == CONTENT
    assert known_sha256(path, store.memo) == SHA256
    assert not list((store.root / ".incomplete").iterdir())


def test_a_shared_folder_that_is_not_there_is_named(store: ModelStore, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"there is no folder .*nowhere"):
        Fetcher(store, tmp_path / "nowhere").from_shared(WANTED, silent)
    with pytest.raises(ModelError, match=r"fleet\.shared_models names no folder"):
        Fetcher(store, None).from_shared(WANTED, silent)


def test_a_shared_file_with_another_hash_is_not_taken(
    store: ModelStore, fetcher: Fetcher, shared: Path
) -> None:
    write(shared / "tiny.gguf", b"WEIGHTS" * 1000)
    with pytest.raises(ModelError, match="is not in"):
        fetcher.from_shared(WANTED, silent)
    assert not store.root.exists()


def test_chunks_of_another_host_become_the_file(store: ModelStore, fetcher: Fetcher) -> None:
    stages: set[str] = set()
    found = fetcher.from_chunks(WANTED, sent(), "beta", lambda stage, *_: stages.add(stage))
    assert Path(found.path) == store.root / "tiny/tiny.gguf"
    assert stages == {"copying tiny.gguf from beta"}
    assert fetcher.from_store(WANTED, silent) == found


def test_a_file_whose_place_is_taken_lies_under_its_hash(
    store: ModelStore, fetcher: Fetcher
) -> None:
    other = write(store.root / "tiny/tiny.gguf", b"mine")
    found = fetcher.from_chunks(WANTED, sent(), "beta", silent)
    assert Path(found.path) == store.root / BY_HASH / SHA256 / "tiny.gguf"
    assert other.read_bytes() == b"mine"


def test_a_file_named_by_path_never_goes_there(
    store: ModelStore, fetcher: Fetcher, tmp_path: Path
) -> None:
    own = tmp_path / "home" / "tiny.gguf"
    wanted = replace(WANTED, model=ModelConfig(name="tiny", path=str(own)))
    with pytest.raises(ModelError, match="is not in"):
        fetcher.from_store(wanted, silent)
    found = fetcher.from_chunks(wanted, sent(), "beta", silent)
    assert Path(found.path) == store.root / BY_HASH / SHA256 / "tiny.gguf"
    assert not own.parent.exists()
    write(own)
    assert fetcher.from_store(wanted, silent).path == str(own)


def test_a_wrong_file_leaves_nothing(store: ModelStore, fetcher: Fetcher) -> None:
    with pytest.raises(ModelError, match=f"wanted was {SHA256}"):
        fetcher.from_chunks(WANTED, sent(b"WEIGHTS" * 1000), "beta", silent)
    assert not [path for path in store.root.rglob("*.gguf") if path.is_file()]


def test_one_file_of_several_is_not_copied_alone(store: ModelStore, fetcher: Fetcher) -> None:
    wanted = replace(WANTED, name="tiny-00001-of-00003.gguf")
    with pytest.raises(ModelError, match="is one file of several: put all of them there by hand"):
        fetcher.from_chunks(wanted, sent(), "beta", silent)


def test_a_file_that_came_while_it_waited_is_not_copied_again(
    store: ModelStore, fetcher: Fetcher
) -> None:
    waiting = threading.Event()
    found: list[str] = []

    def tell(stage: str, done: int, total: int | None) -> None:
        if stage.startswith("waiting"):
            waiting.set()

    def never(offset: int) -> Iterator[bytes]:
        raise AssertionError("it is there already")

    def fetch() -> None:
        found.append(fetcher.from_chunks(WANTED, never, "beta", tell).path)

    thread = threading.Thread(target=fetch)
    with one_at_a_time(store.root, "tiny", "tiny.gguf", silent):
        thread.start()
        assert waiting.wait(30)
        path = write(store.root / "tiny/tiny.gguf")
    thread.join()
    assert found == [str(path)]


def test_upstream_is_what_the_catalogue_says(store: ModelStore, fetcher: Fetcher) -> None:
    model = replace(
        TINY,
        files={
            **TINY.files,
            "cut": ModelFileConfig(
                file="cut.gguf", source=SourceConfig(truncate=TruncateSource("F16", 100))
            ),
        },
    )
    write(store.root / "tiny/tiny.gguf")
    sha256 = hashlib.sha256(CONTENT[:100]).hexdigest()
    wanted = Wanted(model, "cut", sha256, 100, "cut.gguf")
    assert Path(fetcher.from_upstream(wanted, silent).path).read_bytes() == CONTENT[:100]
    with pytest.raises(ModelError, match="is another file than the plan's, which has 0000"):
        fetcher.from_upstream(replace(wanted, sha256="0" * 64), silent)
    (store.root / "tiny/tiny.gguf").unlink()
    with pytest.raises(ModelError, match="has no source to fetch it from"):
        fetcher.from_upstream(WANTED, silent)
