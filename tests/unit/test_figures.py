"""Figures of generations: what the trials give, to the bit, and nothing else."""

import random
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.warehouse_samples import at, cell, trial, warehouse
from warehouse import loading
from warehouse.connection import connect
from warehouse.figures import compute, figures_file, keep_figures
from warehouse.retention import removals, remove
from warehouse.rows import Trial
from warehouse.schemas import readable_schema, table_of
from warehouse.snapshot import Snapshots
from warehouse.storage import storage_at
from warehouse.store import Warehouse
from warehouse.views import View, load_views

KEPT = [view for view in load_views() if view.kept]
ASKED = ("attempt_speeds", "speed", "compare_hosts")
Rows = list[dict[str, Any]]


def random_trials(source: random.Random, cell_id: str, attempt: int) -> list[Trial]:
    """Of several depths and prompt sizes; some invalid, some without a speed."""
    found = []
    for order in range(source.randrange(12)):
        prompt = source.choice((None, 512, 2048))
        speed = source.choice((None, source.lognormvariate(3, 1), -1.0, 1e308, 0.1 + 0.2))
        pp, tg = (None, speed) if prompt is None else (speed, None)
        found.append(
            trial(
                cell_id, attempt, kind="tg" if prompt is None else "pp", prompt_n_asked=prompt,
                depth=source.choice((0, 0, 0, 4096)), valid=source.random() < 0.8, pp_tok_s=pp,
                tg_tok_s=tg, ttft_ms=source.choice((None, source.random() * 100)),
                run_order=order, repetition=order,
            )
        )  # fmt: skip
    return found


def commit(store: Warehouse, seed: int, cells: int = 6) -> None:
    source = random.Random(seed)
    for number in range(cells):
        name = f"c{seed}-{number}"
        for attempt in range(1, 1 + source.randrange(1, 4)):
            row = cell(
                name, attempt, status=source.choice(("ok", "ok", "failed")),
                started_at=at(86_400 * (number % 3)), hardware_class=f"class{number % 3}",
            )  # fmt: skip
            store.commit_cell(row, random_trials(source, name, attempt))


def answers(root: Path) -> dict[str, list[str]]:
    """All rows of what reads figures; `repr` tells every bit of a float."""
    with connect(root) as connection:
        found = {name: connection.query(f"SELECT * FROM {name}").to_pylist() for name in ASKED}
        assert connection.left_out == ()
    return {name: sorted(map(repr, rows)) for name, rows in found.items()}


def figures(root: Path) -> list[Path]:
    return sorted((root / "figures").rglob("*.parquet"))


def drop(root: Path) -> None:
    for path in figures(root):
        path.unlink()


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("filled")
    commit(warehouse(root), 1)
    return root


@pytest.fixture
def store(filled: Path, tmp_path: Path) -> Warehouse:
    shutil.copytree(filled, tmp_path, dirs_exist_ok=True)
    return Warehouse(tmp_path)


@pytest.mark.parametrize("seed", range(2, 4))
def test_they_are_what_the_trials_give(tmp_path: Path, seed: int) -> None:
    store = warehouse(tmp_path)
    commit(store, seed)
    before = answers(tmp_path)
    store.compact()
    assert len(figures(tmp_path)) == 3 * len(KEPT)
    assert answers(tmp_path) == before
    commit(store, seed + 100, 5)  # beside them
    both = answers(tmp_path)
    drop(tmp_path)
    assert answers(tmp_path) == both
    assert len(both["attempt_speeds"]) > len(before["attempt_speeds"]) > 5


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
@pytest.mark.parametrize("view", KEPT, ids=lambda view: view.name)
def test_row_groups_that_part_an_attempt_change_nothing(view: View, size: int) -> None:
    source = random.Random(3)
    rows = [
        each
        for name in ("a", "b", "c")
        for attempt in (1, 2)
        for each in random_trials(source, name, attempt)
    ]
    trials = table_of(Trial, rows).cast(readable_schema("trials"))
    pieces = [trials.slice(start, size) for start in range(0, trials.num_rows, size)]
    assert compute(view.sql, pieces).equals(compute(view.sql, [trials]))


@pytest.mark.parametrize("view", KEPT, ids=lambda view: view.name)
def test_a_kept_view_reads_trials_only(view: View) -> None:
    own = {name for name in view.sources if f"{name} AS" in view.sql}
    assert set(view.sources) - own == {"trials"}


def rewritten(path: Path, change: Callable[[pa.Table], pa.Table]) -> None:
    found = pq.ParquetFile(path).read()
    pq.write_table(change(found), path, store_schema=False, write_page_checksum=True)


def doubled(rows: pa.Table) -> pa.Table:
    place = rows.schema.get_field_index("tg_trials")
    values = [each and 1000 + each for each in rows["tg_trials"].to_pylist()]
    return rows.set_column(place, "tg_trials", pa.array(values, pa.int64()))


def test_they_are_read_instead_of_the_trials(store: Warehouse, tmp_path: Path) -> None:
    store.compact()
    with connect(tmp_path) as connection:
        before = connection.query("SELECT sum(tg_trials) AS n FROM attempt_speeds").to_pylist()
        raw = connection.query("SELECT count(*) AS n FROM trials").to_pylist()
    for path in figures(tmp_path):
        rewritten(path, doubled)
    with connect(tmp_path) as connection:
        after = connection.query("SELECT sum(tg_trials) AS n FROM attempt_speeds").to_pylist()
        assert connection.query("SELECT count(*) AS n FROM trials").to_pylist() == raw
    assert after[0]["n"] > before[0]["n"] + 1000


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def changed_inside(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[:30] + bytes(60) + content[90:])


def of_other_columns(path: Path) -> None:
    rewritten(path, lambda rows: rows.drop_columns(["ttft_ms"]))


@pytest.mark.parametrize("damage", [truncated, changed_inside, of_other_columns, Path.unlink])
def test_whatever_becomes_of_them_the_answers_are_the_same(
    store: Warehouse, tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    store.compact()
    before = answers(tmp_path)
    for path in figures(tmp_path):
        damage(path)
    assert answers(tmp_path) == before


def test_those_that_go_while_they_are_read_are_done_without(
    store: Warehouse, tmp_path: Path
) -> None:
    store.compact()
    before = answers(tmp_path)["attempt_speeds"]
    with connect(tmp_path) as connection:
        connection.query("SELECT * FROM attempt_speeds")  # footers are read
        changed_inside(figures(tmp_path)[0])
        figures(tmp_path)[1].unlink()
        found = connection.query("SELECT * FROM attempt_speeds").to_pylist()
    assert sorted(map(repr, found)) == before


def test_of_another_version_they_do_not_count(store: Warehouse, tmp_path: Path) -> None:
    (view, *_) = KEPT
    other = replace(view, sql=f"{view.sql} -- changed")
    trials = "date=2026-03-01/000001-ab.compacted.parquet"
    assert figures_file(other, trials) != figures_file(view, trials)
    store.compact()
    before = answers(tmp_path)
    for path in figures(tmp_path):
        rewritten(path, doubled)
        path.rename(path.with_name(path.name.replace("speeds-", "speeds-0")))
    assert answers(tmp_path) == before


def test_a_generation_that_has_none_gets_them(store: Warehouse, tmp_path: Path) -> None:
    store.compact()
    before = answers(tmp_path)
    drop(tmp_path)
    assert store.compact().manifests == ()
    assert len(figures(tmp_path)) == 3 * len(KEPT)
    assert answers(tmp_path) == before
    assert keep_figures(storage_at(tmp_path), KEPT) == 0


def test_trials_that_do_not_count_have_none(
    store: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "SMALL_BYTES", 0)
    store.compact()
    (first, *_) = sorted((tmp_path / "trials").rglob("*.compacted.parquet"))
    lost = {str(each) for each in pq.ParquetFile(first).read(["cell_id"])["cell_id"].to_pylist()}
    first.unlink()
    with connect(tmp_path) as connection:
        found = connection.query("SELECT cell_id FROM attempt_speeds")["cell_id"].to_pylist()
        (left,) = connection.left_out
    assert found
    assert left.why == "it is missing"
    assert figures(tmp_path)  # of the missing file too, which count no more
    assert lost - set(found)


def test_damaged_trials_get_none(store: Warehouse, tmp_path: Path) -> None:
    store.compact()
    drop(tmp_path)
    (first, *_) = sorted((tmp_path / "trials").rglob("*.compacted.parquet"))
    truncated(first)
    store.compact()
    assert len(figures(tmp_path)) == 2 * len(KEPT)


def test_they_go_with_their_generation(store: Warehouse, tmp_path: Path) -> None:
    store.compact()
    old = figures(tmp_path)
    commit(store, 2)
    store.compact()
    assert set(old) < set(figures(tmp_path))  # for who has listed them
    state = Snapshots(storage_at(tmp_path)).state()
    remove(storage_at(tmp_path), removals(state, datetime.now(UTC) + timedelta(hours=1)))
    assert len(figures(tmp_path)) == 3 * len(KEPT)
    assert not set(old) & set(figures(tmp_path))


def test_relations_keep_them(store: Warehouse, tmp_path: Path) -> None:
    store.compact()
    with connect(tmp_path) as connection:
        relation = connection.sql("SELECT tg_tok_s FROM speed")
        commit(store, 2)
        later = connection.query("SELECT tg_tok_s FROM speed").num_rows
        assert 0 < len(relation.fetchall()) < later
