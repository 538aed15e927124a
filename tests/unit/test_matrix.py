from collections.abc import Mapping
from math import prod
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.config.limits import MAX_CELLS
from orchestrator.matrix import expand
from warehouse.errors import ConfigError


def values_of(_key: str, value: object) -> tuple[object, ...]:
    """A preset's lists and scalars, without Hydra's grammar."""
    return tuple(value) if isinstance(value, list) else (value,)


def points(
    matrix: Mapping[str, object],
    axes: Mapping[str, tuple[object, ...]] | None = None,
    pinned: Mapping[str, object] | None = None,
) -> list[dict[str, Any]]:
    return expand(matrix, axes or {}, pinned or {}, values_of)


def refusal(
    matrix: Mapping[str, object], axes: Mapping[str, tuple[object, ...]] | None = None
) -> str:
    with pytest.raises(ConfigError) as told:
        points(matrix, axes)
    return str(told.value)


def test_without_a_matrix_there_is_one_point_that_says_nothing() -> None:
    assert points({}) == [{}]


def test_a_product_varies_its_last_key_fastest() -> None:
    assert points({"product": {"a": [1, 2], "b": ["x", "y"]}}) == [
        {"a": 1, "b": "x"},
        {"a": 1, "b": "y"},
        {"a": 2, "b": "x"},
        {"a": 2, "b": "y"},
    ]


def test_a_zip_goes_side_by_side_within_every_combination() -> None:
    matrix = {"product": {"a": [1, 2]}, "zip": {"b": ["x", "y"], "c": ["p", "q"]}}
    assert [(p["a"], p["b"], p["c"]) for p in points(matrix)] == [
        (1, "x", "p"),
        (1, "y", "q"),
        (2, "x", "p"),
        (2, "y", "q"),
    ]


def test_a_union_has_the_points_of_each_block_in_turn() -> None:
    matrix = {"union": [{"product": {"a": [1, 2]}}, {"zip": {"b": [3, 4]}}]}
    assert points(matrix) == [{"a": 1}, {"a": 2}, {"b": 3}, {"b": 4}]


def test_what_stands_beside_a_union_holds_for_each_of_its_blocks() -> None:
    matrix = {"product": {"a": [1, 2]}, "union": [{"product": {"b": 1}}, {"product": {"b": 2}}]}
    assert points(matrix) == [
        {"a": 1, "b": 1},
        {"a": 1, "b": 2},
        {"a": 2, "b": 1},
        {"a": 2, "b": 2},
    ]


def test_the_inner_block_wins_for_its_key() -> None:
    matrix = {"product": {"a": 1, "b": 1}, "union": [{"product": {"a": 2}}, {}]}
    assert points(matrix) == [{"a": 2, "b": 1}, {"a": 1, "b": 1}]


def test_exclude_drops_what_matches_all_of_an_entry() -> None:
    matrix = {
        "product": {"a": [1, 2, 3], "b": ["x", "y"]},
        "exclude": [{"a": 1, "b": "x"}, {"a": [2, 3], "b": "y"}],
    }
    assert points(matrix) == [{"a": 1, "b": "y"}, {"a": 2, "b": "x"}, {"a": 3, "b": "x"}]


def test_exclude_compares_as_written() -> None:
    """A context is a number in a list, and text where Hydra's grammar made it."""
    assert points({"product": {"a": [1, "2"]}, "exclude": [{"a": "1"}]}) == [{"a": "2"}]
    assert points({"product": {"a": [1, "2"]}, "exclude": [{"a": 2}]}) == [{"a": 1}]


def test_exclude_leaves_points_without_its_key() -> None:
    matrix = {"union": [{"product": {"a": [1, 2]}}, {"product": {"b": 1}}], "exclude": [{"a": 1}]}
    assert points(matrix) == [{"a": 2}, {"b": 1}]


def test_exclude_of_a_nested_block_is_for_that_block() -> None:
    inner = {"product": {"a": [1, 2]}, "exclude": [{"a": 1}]}
    matrix = {"union": [inner, {"product": {"a": [1, 3]}}]}
    assert points(matrix) == [{"a": 2}, {"a": 1}, {"a": 3}]


def test_when_adds_axes_to_the_points_that_match() -> None:
    rule = {"match": {"a": 2}, "product": {"b": [1, 2]}}
    assert points({"product": {"a": [1, 2, 3]}, "when": [rule]}) == [
        {"a": 1},
        {"a": 2, "b": 1},
        {"a": 2, "b": 2},
        {"a": 3},
    ]


def test_when_matches_any_of_several_values_and_may_set_what_is_there() -> None:
    rule = {"match": {"a": [1, 2]}, "product": {"a": 9}}
    assert points({"product": {"a": [1, 3]}, "when": [rule]}) == [{"a": 9}, {"a": 3}]


def test_later_rules_see_what_earlier_ones_added_and_exclude_sees_all() -> None:
    matrix = {
        "product": {"a": [1, 2]},
        "when": [
            {"match": {"a": 1}, "product": {"b": [1, 2]}},
            {"match": {"b": 2}, "product": {"c": [1, 2]}},
        ],
        "exclude": [{"c": 1}],
    }
    assert points(matrix) == [{"a": 1, "b": 1}, {"a": 1, "b": 2, "c": 2}, {"a": 2}]


def test_an_axis_of_the_command_line_replaces_the_matrix_values_wherever_they_are() -> None:
    matrix = {"union": [{"product": {"a": [1, 2], "b": 1}}, {"product": {"a": 5}}]}
    assert points(matrix, {"a": (7, 8)}) == [
        {"a": 7, "b": 1},
        {"a": 8, "b": 1},
        {"a": 7},
        {"a": 8},
    ]


def test_a_single_value_of_the_command_line_narrows_and_multiplies_nothing() -> None:
    matrix = {"union": [{"product": {"a": [1, 2]}}, {"product": {"b": 1}}]}
    assert points(matrix, pinned={"a": 2, "z": 3}) == [{"a": 2}, {"b": 1}]


def test_an_axis_that_the_matrix_has_not_multiplies_all_points() -> None:
    matrix = {"union": [{"product": {"a": [1, 2]}}, {"product": {"b": 1}}]}
    assert points(matrix, {"z": (8, 9)}) == [
        {"z": 8, "a": 1},
        {"z": 9, "a": 1},
        {"z": 8, "a": 2},
        {"z": 9, "a": 2},
        {"z": 8, "b": 1},
        {"z": 9, "b": 1},
    ]


def test_a_point_counts_once_at_its_first_place_whatever_the_order_of_its_keys() -> None:
    matrix = {
        "union": [
            {"product": {"a": [1, 2], "b": 1}},
            {"product": {"b": 1, "a": [2, 3]}},
        ]
    }
    assert points(matrix) == [{"a": 1, "b": 1}, {"a": 2, "b": 1}, {"a": 3, "b": 1}]


def test_values_that_only_look_alike_stay_apart() -> None:
    assert points({"product": {"a": [1, "1", True, None, "None"]}}) == [
        {"a": 1},
        {"a": "1"},
        {"a": True},
        {"a": None},
        {"a": "None"},
    ]


@pytest.mark.parametrize(
    "matrix",
    [
        {"product": {"a": []}},
        {"product": {"a": [1, 2], "b": []}},
        {"zip": {"a": [], "b": []}},
        {"product": {"a": [1, 2]}, "exclude": [{"a": [1, 2]}]},
    ],
)
def test_an_empty_matrix_is_an_error(matrix: dict[str, object]) -> None:
    complaint = "the matrix is empty: an axis has no values, or all points are excluded"
    assert refusal(matrix) == complaint


def test_the_cap_counts_the_matrix_alone_and_times_the_command_line() -> None:
    hundred = list(range(100))
    matrix = {"product": {"a": hundred, "b": hundred}}
    assert len(points(matrix, {"c": tuple(range(10))})) == MAX_CELLS == 100_000
    complaint = "the matrix has over 100,000 cells: narrow an axis"
    assert refusal(matrix, {"c": tuple(range(11))}) == complaint
    assert refusal({"product": {**matrix["product"], "c": hundred}}) == complaint


def test_an_astronomic_matrix_is_refused_at_once() -> None:
    matrix = {"product": {f"k{i}": list(range(10)) for i in range(30)}}
    assert "over 100,000 cells" in refusal(matrix)


@pytest.mark.parametrize(
    ("matrix", "complaint"),
    [
        (
            {"prodcut": {}},
            "unknown key 'prodcut'; known: exclude, product, union, when, zip",
        ),
        ({"union": [{"quant": [1]}]}, "unknown key 'quant'"),
        ({"product": [1, 2]}, "'product' wants a mapping of keys, not [1, 2]"),
        ({"zip": "a"}, "'zip' wants a mapping of keys, not 'a'"),
        ({"union": {"product": {}}}, "'union' wants a list, not {'product': {}}"),
        ({"union": ["a"]}, "'matrix' wants a mapping of keys, not 'a'"),
        ({"exclude": {"a": 1}}, "'exclude' wants a list, not {'a': 1}"),
        ({"exclude": ["a"]}, "'exclude' wants a mapping of keys, not 'a'"),
        ({"when": [{"product": {"a": 1}}]}, "each entry of 'when' needs 'match'"),
        ({"when": [{"match": "a"}]}, "'match' wants a mapping of keys, not 'a'"),
        (
            {"zip": {"a": [1, 2], "b": [1]}},
            "the lists of a zip differ in length: a has 2, b has 1",
        ),
    ],
)
def test_a_malformed_block_is_told_in_one_line(matrix: dict[str, object], complaint: str) -> None:
    told = refusal(matrix)
    assert told.startswith("matrix: ")
    assert complaint in told
    assert "\n" not in told


def test_a_command_line_axis_of_another_length_than_its_zip_is_told() -> None:
    matrix = {"zip": {"a": [1, 2], "b": [1, 2]}}
    assert "a has 3, b has 2" in refusal(matrix, {"a": (1, 2, 3)})


KEYS = st.sampled_from("abcd")
LISTS = st.lists(st.integers(0, 9), min_size=1, max_size=4, unique=True)
AXES = st.dictionaries(KEYS, LISTS, max_size=4)
CONDITIONS = st.lists(st.dictionaries(KEYS, st.integers(0, 9), min_size=1), max_size=3)


def as_set(found: list[dict[str, Any]]) -> set[frozenset[tuple[str, Any]]]:
    return {frozenset(point.items()) for point in found}


@given(AXES)
def test_a_product_has_as_many_points_as_its_sizes_multiplied(axes: dict[str, list[int]]) -> None:
    assert len(points({"product": axes})) == prod(len(values) for values in axes.values())


@given(AXES, st.randoms())
def test_the_order_of_keys_and_values_changes_no_point(
    axes: dict[str, list[int]], random: Any
) -> None:
    shuffled = [(key, random.sample(values, len(values))) for key, values in axes.items()]
    random.shuffle(shuffled)
    assert as_set(points({"product": dict(shuffled)})) == as_set(points({"product": axes}))


@given(st.lists(AXES, min_size=1, max_size=4), st.randoms())
def test_the_order_of_blocks_changes_no_point(blocks: list[dict[str, Any]], random: Any) -> None:
    shuffled = random.sample(blocks, len(blocks))
    one = points({"union": [{"product": block} for block in blocks]})
    other = points({"union": [{"product": block} for block in shuffled]})
    assert as_set(one) == as_set(other)
    assert len(one) == len(other) == len(as_set(one))


@given(AXES, CONDITIONS)
def test_exclude_leaves_exactly_the_points_that_no_condition_holds_for(
    axes: dict[str, list[int]], conditions: list[dict[str, int]]
) -> None:
    whole = points({"product": axes})
    kept = [p for p in whole if not any(c.items() <= p.items() for c in conditions)]
    matrix = {"product": axes, "exclude": conditions}
    if kept:
        assert points(matrix) == kept
    else:
        assert "empty" in refusal(matrix)


@given(AXES, AXES)
def test_the_command_line_decides_its_axes_alone(
    axes: dict[str, list[int]], typed: dict[str, list[int]]
) -> None:
    found = points({"product": axes}, {key: tuple(values) for key, values in typed.items()})
    assert as_set(found) == as_set(points({"product": {**axes, **typed}}))
