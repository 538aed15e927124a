"""The hand-written record of February through the views: its figures, typed in here once more."""

from pathlib import Path
from typing import Any

import pytest

from tests.imports import answer, import_files, table_answer
from warehouse.imports.importing import parse_file
from warehouse.imports.record import shipped_records
from warehouse.imports.runs import Given

SOURCE = "hand-written record"
K = 1024
NEW, OLD = "i1-IQ3_M", "Q2_K_XL"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("record")
    import_files(root, *shipped_records())
    return root


def test_speed_at_an_empty_cache(place: Path) -> None:
    found = answer(
        place, "select quant, context, tg_tok_s, pp_tok_s, source from speed where context > 0"
    )
    assert {each["source"] for each in found} == {SOURCE}
    told = {(e["quant"], e["context"]): (e["tg_tok_s"], e["pp_tok_s"]) for e in found}
    assert told == {
        (OLD, 48 * K): (21.0, 135.0),
        (OLD, 64 * K): (21.0, 137.0),
        (OLD, 128 * K): (21.0, 133.0),
        # 22.4 to 22.5 at all sizes
        **{
            (NEW, context): (pytest.approx(22.45), None)
            for context in (32 * K, 64 * K, 128 * K, 196_608, 262_144)
        },
    }


def test_degradation_with_a_filled_cache(place: Path) -> None:
    found = answer(
        place,
        "select context, depth, fill_pct, tg_tok_s, tg_pct from degradation where depth > 0",
    )
    record = {
        (64 * K, 50_001): (18.5, -17, 76),  # the record has 77 % here
        (128 * K, 50_925): (18.4, -18, 39),
        (196_608, 50_925): (18.5, -18, 26),
        (262_144, 101_817): (15.3, -32, 39),
    }
    assert {(e["context"], e["depth"]): e["tg_tok_s"] for e in found} == {
        key: value[0] for key, value in record.items()
    }
    for each in found:
        _, change, fill = record[each["context"], each["depth"]]
        assert each["tg_pct"] - 100 == pytest.approx(change, abs=1)
        assert each["fill_pct"] == pytest.approx(fill, abs=0.5)


def memory(place: Path, where: str) -> dict[tuple[Any, ...], float]:
    found = answer(
        place,
        f"select context, cache_k, cache_v, device, part, mib from memory_by_device where {where}",
    )
    return {
        (each["context"], each["cache_k"], each["cache_v"], each["device"], each["part"]): each[
            "mib"
        ]
        for each in found
    }


def test_memory_of_the_new_quant_by_context(place: Path) -> None:
    told = {32 * K: (18.2, 320), 64 * K: (18.5, 640), 128 * K: (19.3, 1280)} | {
        196_608: (20.1, 1.9 * K),
        262_144: (21.0, 2.6 * K),
    }
    wanted = {}
    for context, (vram_gb, kv_mib) in told.items():
        wanted[context, "q8_0", "q4_0", "GPUs", "total"] = pytest.approx(vram_gb * K)
        wanted[context, "q8_0", "q4_0", "GPUs", "kv"] = pytest.approx(kv_mib)
    assert memory(place, f"quant = '{NEW}'") == wanted


def test_kv_by_cache_and_context(place: Path) -> None:
    table = {
        ("f16", "f16"): (1.5, 3.0, 4.6, 6.1),
        ("q8_0", "q8_0"): (0.75, 1.5, 2.3, 3.1),
        ("q8_0", "q4_0"): (0.625, 1.25, 1.9, 2.6),
        ("q4_0", "q4_0"): (0.375, 0.75, 1.2, 1.5),
    }
    contexts = (64 * K, 128 * K, 196_608, 262_144)
    assert memory(place, f"quant = '{OLD}' and part = 'kv'") == {
        (context, *caches, "GPUs", "kv"): pytest.approx(gb * K)
        for caches, row in table.items()
        for context, gb in zip(contexts, row, strict=True)
    }


def test_a_card_that_holds_more_than_it_has_is_kept_and_marked(place: Path) -> None:
    found = answer(place, "select mib, note from memory where device = 'GPU1' order by mib")
    assert [each["mib"] for each in found] == pytest.approx([8.8 * K, 9.0 * K, 9.5 * K])
    assert all("more than the card has: GTX 1050 2GB" in each["note"] for each in found)


def test_tasks_that_do_not_sum_to_their_total_are_kept_and_marked(place: Path) -> None:
    (total,) = answer(
        place,
        "select * from agents where level = 'all' and task_class = 'all' and tasks > 0 limit 1",
    )
    assert (total["tasks"], total["source"]) == (9, SOURCE)
    assert total["eventual_pct"] == pytest.approx(100 * 8 / 9)  # 89 %
    assert total["first_try_pct"] == pytest.approx(100 * 7 / 9)  # 78 %
    assert total["overclaims"] == 1
    classes = answer(
        place,
        "select task_class, count(distinct task) as tasks, "
        "any_value(reason) filter (outcome = 'success') as reason "
        "from agent_runs group by 1",
    )
    assert {each["task_class"]: each["tasks"] for each in classes} == {
        "weather lookup": 1,
        "browser automation": 1,
        "web research": 3,
        "not told": 4,
    }
    (odd,) = [each["reason"] for each in classes if each["task_class"] == "not told"]
    assert "the classes sum to 5 of its 9 tasks" in odd


def test_what_was_called_stable_has_no_round_to_show(place: Path) -> None:
    found = answer(place, "select context, verdict, source from stability")
    assert len(found) == 5
    assert {each["verdict"] for each in found} == {"no round was measured"}


def test_sizes_of_files_and_an_odd_one(place: Path) -> None:
    found = answer(place, "select model, quant, size_bytes, note from models")
    sizes = {(each["model"], each["quant"]): each["size_bytes"] / 1e9 for each in found}
    assert sizes["qwen3-coder-next-reap-40b-a3b", NEW] == 18.2
    assert sizes["qwen3-coder-next-reap-40b-a3b", OLD] == 19.0
    assert [each["quant"] for each in found if each["note"]] == ["Q4_K_M"]


def test_every_row_says_where_it_is_from(place: Path) -> None:
    tables = ("cells", "trials", "launches", "hosts", "models", "memory")
    for table in tables:
        found = table_answer(place, f"select distinct source from {table}")
        assert [each["source"] for each in found] == [SOURCE], table


def test_days_are_those_of_the_record(place: Path) -> None:
    found = answer(place, "select distinct started_at::date::varchar as day from cells order by 1")
    assert [each["day"] for each in found] == ["2026-02-07", "2026-02-14"]


def test_the_same_record_twice_adds_nothing(place: Path) -> None:
    (again,) = import_files(place, *shipped_records())
    assert (again.row.cells, again.known > 30) == (0, True)


def test_lines_in_another_order_are_the_same_record(place: Path, tmp_path: Path) -> None:
    (shipped,) = shipped_records()
    header, *lines = shipped.read_text().splitlines()
    turned = tmp_path / "record.csv"
    turned.write_text("\n".join([header, *reversed(lines)]))
    (again,) = import_files(place, turned)
    assert again.row.cells == 0
    assert parse_file(turned, Given()).imported.form == "csv"
