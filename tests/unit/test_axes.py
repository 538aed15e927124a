import pytest

from orchestrator import axes
from orchestrator.pairing import Split
from warehouse.errors import ConfigError


@pytest.mark.parametrize(
    ("typed", "tokens"),
    [
        (4096, 4096),
        ("4096", 4096),
        ("128k", 131_072),
        ("128K", 131_072),
        (" 8k ", 8192),
        (16_000_000, 16_000_000),
    ],
)
def test_a_context_is_tokens_or_multiples_of_1024(typed: int | str, tokens: int) -> None:
    assert axes.parse_context(typed) == tokens


@pytest.mark.parametrize("typed", [0, -1, "0k", "-8k", "1.5k", "8m", "k", "", "8 k", "1_000"])
def test_other_contexts_are_refused_with_both_forms(typed: int | str) -> None:
    with pytest.raises(ConfigError) as told:
        axes.parse_context(typed)
    complaint = f"context={typed}: write tokens (131072) or multiples of 1024 (128k)"
    assert str(told.value) == complaint


def test_a_cache_is_k_then_v() -> None:
    assert axes.parse_cache("q8_0/q4_0") == ("q8_0", "q4_0")


@pytest.mark.parametrize(
    ("typed", "unknown"), [("q9_0/f16", "q9_0"), ("f16/Q8_0", "Q8_0"), ("f16", ""), ("f16/", "")]
)
def test_an_unknown_cache_type_is_named_with_the_known_ones(typed: str, unknown: str) -> None:
    with pytest.raises(ConfigError) as told:
        axes.parse_cache(typed)
    complaint = str(told.value)
    assert complaint.startswith(f"cache={typed}: unknown cache type '{unknown}'; write K/V of ")
    assert "q4_0" in complaint


def test_three_cache_types_are_too_many() -> None:
    with pytest.raises(ConfigError, match="unknown cache type 'f16/f16'"):
        axes.parse_cache("f16/f16/f16")


@pytest.mark.parametrize(
    ("typed", "ratio"),
    [
        ("even", None),
        ("by_memory", "by_memory"),
        ("14/10", (14.0, 10.0)),
        ("1", (1.0,)),
        ("1/0", (1.0, 0.0)),
    ],
)
def test_a_split_is_even_by_memory_or_a_ratio(typed: str, ratio: Split) -> None:
    assert axes.parse_split(typed) == ratio


@pytest.mark.parametrize("typed", ["", "0/0", "2/-1", "a/b", "14/", "memory"])
def test_other_splits_are_refused(typed: str) -> None:
    with pytest.raises(ConfigError, match="write even, by_memory, or a ratio such as 14/10"):
        axes.parse_split(typed)


@pytest.mark.parametrize("typed", ["nan/1", "inf/1"])
def test_a_split_is_of_finite_parts(typed: str) -> None:
    with pytest.raises(ConfigError, match=f"split={typed}"):
        axes.parse_split(typed)


@pytest.mark.parametrize(
    ("typed", "canonical"),
    [("pair", "pair"), ("2", "pair"), (" RTX 3060+RTX 3060 ", "2x RTX 3060")],
)
def test_a_pairing_is_held_in_one_way_of_writing(typed: str, canonical: str) -> None:
    assert axes.check_pairing(typed) == canonical


def test_an_unknown_pairing_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ConfigError) as told:
        axes.check_pairing("triple")
    assert str(told.value) == (
        "pairing=triple: unknown; write one of auto, cpu, all, every, single, pair, a number of "
        "GPUs, or their names (RTX 3060 + GTX 1050, 2x RTX 3060)"
    )


def test_a_quant_that_the_catalogue_lacks_is_refused_with_those_it_has() -> None:
    assert axes.check_quant("tiny", "Q4_1", ["Q4_1", "Q8_0"]) == "Q4_1"
    with pytest.raises(ConfigError) as told:
        axes.check_quant("tiny", "Q9", ["Q4_1", "Q8_0"])
    assert str(told.value) == "model tiny has no quant 'Q9'; the catalogue has Q4_1, Q8_0"
    with pytest.raises(ConfigError, match="the catalogue has none"):
        axes.check_quant("tiny", "Q9", [])
