from datetime import UTC, datetime
from itertools import permutations

import pytest

from warehouse.errors import WarehouseError
from warehouse.manifest import Manifest, active, by_name, from_json, next_generation, to_json
from warehouse.visibility import manifests_to_read, visible

DAY = "date=2026-03-01"
NEXT = "date=2026-03-02"


def named(*names: str, day: str = DAY) -> list[str]:
    return [f"{day}/{name}.parquet" for name in names]


def generation(
    name: str, cells: tuple[str, ...] = (), *, replaces: tuple[str, ...] = ()
) -> Manifest:
    covers = {"cells": frozenset(cells)}
    rows = {"cells": len(cells), "trials": len(cells)}
    written_at = datetime(2026, 3, 2, tzinfo=UTC)
    return Manifest(DAY, name, frozenset(replaces), covers, rows, written_at)


def test_children_count_only_once_their_cell_is_there() -> None:
    files = {"cells": named("c1.1.ok"), "trials": named("c1.1", "c1.2", "c2.1")}
    assert visible(files).files["trials"] == named("c1.1")


def test_what_a_killed_writer_left_on_another_day_is_not_committed_with_it() -> None:
    files = {
        "cells": named("c1.1.ok", day=NEXT),
        "trials": [*named("c1.1"), *named("c1.1", day=NEXT)],
    }
    assert visible(files).files["trials"] == named("c1.1", day=NEXT)


def test_the_whole_launch_supersedes_the_ready_one_with_its_memory() -> None:
    files = {
        "launches": named("l1.ready", "l1.done", "l2.ready"),
        "memory": named("l1.ready", "l1.done", "l2.ready"),
    }
    found = visible(files)
    assert found.files["launches"] == named("l1.done", "l2.ready")
    assert found.files["memory"] == named("l1.done", "l2.ready")
    assert found.unfinished_launches() == named("l2.ready")


def test_a_foreign_file_is_left_out_and_named() -> None:
    found = visible({"cells": [f"{DAY}/mine.parquet", *named("c1.1.ok")]})
    assert found.files["cells"] == named("c1.1.ok")
    assert [each.path for each in found.left_out] == [f"cells/{DAY}/mine.parquet"]


def test_a_second_file_of_an_attempt_is_left_out() -> None:
    files = {
        "cells": [*named("c1.1.failed.crash", "c1.1.ok"), *named("c1.1.ok", day=NEXT)],
        "trials": [*named("c1.1"), *named("c1.1", day=NEXT)],
    }
    found = visible(files)
    assert found.files == {"cells": named("c1.1.failed.crash"), "trials": named("c1.1")}
    assert [each.why for each in found.left_out] == ["attempt c1.1 is there already"] * 2


def test_a_compacted_attempt_is_not_there_a_second_time() -> None:
    files = {"cells": [*named("1-a.compacted"), *named("c1.1.failed.crash", day=NEXT)]}
    found = visible(files, [generation("1-a", ("c1.1.ok",))])
    assert found.files["cells"] == named("1-a.compacted")
    assert found.left_out[0].why == "attempt c1.1 is there already"


SMALL = {"cells": named("c1.1.ok", "c2.1.ok"), "trials": named("c1.1", "c2.1")}
BOTH = {
    table: [*paths, *named("1-a.compacted"), *named("2-b.compacted")]
    for table, paths in SMALL.items()
}


def test_without_its_manifest_a_compacted_file_does_not_count() -> None:
    assert visible(BOTH).files == SMALL


def test_with_it_what_it_covers_does_not_and_what_came_later_does() -> None:
    found = visible(BOTH, [generation("1-a", ("c1.1.ok",))])
    assert found.files["cells"] == named("1-a.compacted", "c2.1.ok")
    assert found.files["trials"] == named("1-a.compacted", "c2.1")
    assert found.left_out == ()


def test_of_a_replaced_generation_nothing_counts_in_whatever_order_manifests_are_seen() -> None:
    first = generation("1-a", ("c1.1.ok",))
    second = generation("2-b", ("c1.1.ok", "c2.1.ok"), replaces=("1-a",))
    for order in permutations((first, second)):
        found = visible(BOTH, active(order))
        assert found.files == {"cells": named("2-b.compacted"), "trials": named("2-b.compacted")}


def test_two_generations_of_a_day_stand_beside_each_other() -> None:
    both = [generation("1-a", ("c1.1.ok",)), generation("2-b", ("c2.1.ok",))]
    assert visible(BOTH, both).files["cells"] == named("1-a.compacted", "2-b.compacted")


def test_a_damaged_cell_commits_nothing() -> None:
    found = visible(SMALL, damaged={f"cells/{DAY}/c1.1.ok.parquet": "truncated"})
    assert found.files == {"cells": named("c2.1.ok"), "trials": named("c2.1")}
    manifest = generation("1-a", ("c1.1.ok",))
    found = visible(BOTH, [manifest], {f"cells/{DAY}/1-a.compacted.parquet": "truncated"})
    assert found.files == {"cells": named("c2.1.ok"), "trials": named("c2.1")}


def test_a_damaged_child_is_left_out_alone() -> None:
    found = visible(SMALL, damaged={f"trials/{DAY}/c1.1.parquet": "truncated"})
    assert found.files == {"cells": SMALL["cells"], "trials": named("c2.1")}


def test_a_compacted_file_that_is_missing_is_named() -> None:
    found = visible(
        {"cells": named("1-a.compacted"), "trials": []}, [generation("1-a", ("c.1.ok",))]
    )
    assert [(each.path, each.why) for each in found.left_out] == [
        (f"trials/{DAY}/1-a.compacted.parquet", "it is missing")
    ]


def test_a_launch_that_ended_after_its_day_was_compacted_is_whole() -> None:
    covers = {"launches": frozenset({"l1.ready", "l1.done"})}
    manifest = Manifest(DAY, "1-a", covers=covers, rows={"launches": 1, "memory": 1})
    files = {
        "launches": named("1-a.compacted", "l1.done", "l1.ready", "l2.done", "l2.ready"),
        "memory": named("1-a.compacted", "l1.done", "l1.ready", "l2.done", "l2.ready"),
    }
    found = visible(files, [manifest])
    assert found.files["launches"] == named("1-a.compacted", "l2.done")
    assert found.files["memory"] == named("1-a.compacted", "l2.done")


def test_only_days_with_more_than_one_generation_need_their_manifests_read() -> None:
    one, two = f"{DAY}/1-a.json", f"{NEXT}/1-b.json"
    compacted = {"cells": [*named("1-a.compacted"), *named("1-b.compacted", day=NEXT)]}
    assert manifests_to_read([one, two], compacted) == []
    assert manifests_to_read([one, two, f"{DAY}/2-c.json"], compacted) == [one, f"{DAY}/2-c.json"]
    late = {**compacted, "launches": named("l1.ready", day=NEXT)}
    assert manifests_to_read([one, two], late) == [two]
    left = {**compacted, "trials": named("c9.1", day=NEXT)}
    assert manifests_to_read([one, two], left) == []


def test_a_manifest_is_read_back_whole() -> None:
    manifest = Manifest(
        DAY,
        "000003-ab",
        frozenset({"000001-aa"}),
        {"cells": frozenset({"c1.1.ok"})},
        {"cells": 1, "trials": 15},
        datetime(2026, 3, 2, tzinfo=UTC),
        10.0,
    )
    path = f"{DAY}/000003-ab.json"
    assert manifest.path == f"manifests/{path}"
    assert from_json(path, to_json(manifest)) == manifest
    assert manifest.attempts == {"c1.1"}
    assert by_name(path).file == manifest.file


@pytest.mark.parametrize("text", [b"", b"{}", b"[]", b"null", b"\xff", b'{"replaces": 1}'])
def test_what_is_no_manifest_is_said(text: bytes) -> None:
    with pytest.raises(WarehouseError, match="no manifest"):
        from_json(f"{DAY}/1-a.json", text)


def test_a_manifest_under_another_name_is_none() -> None:
    with pytest.raises(WarehouseError, match="another generation"):
        from_json(f"{NEXT}/1-a.json", to_json(generation("1-a")))


def test_a_generation_is_named_after_all_others_of_its_day() -> None:
    assert next_generation([], "aa") == "000001-aa"
    assert next_generation(["000009-x", "000010-y"], "aa") == "000011-aa"
