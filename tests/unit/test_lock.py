import stat
import threading
from pathlib import Path

import pytest

from tests.warehouse_samples import START, holder
from warehouse.errors import HeldError, WarehouseError
from warehouse.lock import Holder, held


def never(other: Holder | None) -> None:
    raise AssertionError(f"waited for {other}")


def test_the_second_is_told_who_holds_it(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with (
        held(path, holder("demo"), wait=False, on_wait=never),
        pytest.raises(HeldError) as error,
        held(path, holder("other"), wait=False, on_wait=never),
    ):
        pass
    assert str(error.value) == (
        f"{path} is held by demo (pid 4321 on alpha, since 2026-03-01 12:00:00+00:00): "
        "stop it, or wait with --wait"
    )


def test_it_is_free_again_after_the_block_and_after_an_error(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with pytest.raises(KeyError), held(path, holder(), wait=False, on_wait=never):
        raise KeyError
    with held(path, holder(), wait=False, on_wait=never):
        pass
    assert path.read_bytes() == b""


def test_what_a_dead_holder_wrote_misleads_nobody(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    path.write_text('{"pid": 1, "host": "gone", "what": "dead", "since": "2026-01-01T00:00:00"}')
    with held(path, holder("alive"), wait=False, on_wait=never):
        assert "dead" not in path.read_text()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": "x"}'])
def test_a_holder_who_has_not_written_yet_is_another_process(tmp_path: Path, text: str) -> None:
    path = tmp_path / "lock"
    with held(path, holder(), wait=False, on_wait=never):
        path.write_text(text)
        with (
            pytest.raises(HeldError, match="held by another process"),
            held(path, holder(), wait=False, on_wait=never),
        ):
            pass


def test_waiting_goes_on_until_it_is_free_and_tells_once(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    told: list[Holder | None] = []
    waits = threading.Event()
    order: list[str] = []

    def on_wait(other: Holder | None) -> None:
        told.append(other)
        waits.set()

    def second() -> None:
        with held(path, holder("second"), wait=True, on_wait=on_wait):
            order.append("second")

    thread = threading.Thread(target=second)
    with held(path, holder("first"), wait=False, on_wait=never):
        thread.start()
        assert waits.wait(10)
        order.append("first")
    thread.join(10)
    assert order == ["first", "second"]
    assert told == [Holder(4321, "alpha", "first", START)]


def test_the_mode_is_as_asked_whatever_the_umask(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with held(path, holder(), wait=False, on_wait=never, mode=0o666):
        assert stat.S_IMODE(path.stat().st_mode) == 0o666


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_text("mine")
    link = tmp_path / "lock"
    link.symlink_to(target)
    with (
        pytest.raises(WarehouseError, match="cannot lock"),
        held(link, holder(), wait=False, on_wait=never),
    ):
        pass
    assert target.read_text() == "mine"


def test_a_missing_folder_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "none" / "lock"
    with (
        pytest.raises(WarehouseError, match=f"cannot lock {path}"),
        held(path, holder(), wait=False, on_wait=never),
    ):
        pass
