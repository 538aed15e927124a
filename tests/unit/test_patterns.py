import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.patterns import Card, Count, Keyword, Named, Pattern, parse_pattern
from warehouse.errors import ConfigError

RTX, GTX = Card("RTX 3060"), Card("GTX 1050")


@pytest.mark.parametrize(
    ("typed", "pattern", "written"),
    [
        ("auto", Keyword.AUTO, "auto"),
        ("cpu", Keyword.CPU, "cpu"),
        ("all", Keyword.ALL, "all"),
        ("every", Keyword.EVERY, "every"),
        ("single", Count(1), "single"),
        ("2", Count(2), "pair"),
        ("3", Count(3), "3"),
        ("RTX 3060", Named((RTX,)), "RTX 3060"),
        ("P40", Named((Card("P40"),)), "P40"),
        ("TITAN RTX", Named((Card("TITAN RTX"),)), "TITAN RTX"),
        ("RTX 3060 +  GTX 1050", Named((RTX, GTX)), "RTX 3060 + GTX 1050"),
        ("GTX 1050+RTX 3060", Named((GTX, RTX)), "GTX 1050 + RTX 3060"),
        ("2x RTX 3060", Named((RTX, RTX)), "2x RTX 3060"),
        ("RTX 3060 + RTX 3060 + GTX 1050", Named((RTX, RTX, GTX)), "2x RTX 3060 + GTX 1050"),
        (
            "RTX 3060 + RTX 3060@beta",
            Named((RTX, Card("RTX 3060", "beta"))),
            "RTX 3060 + RTX 3060@beta",
        ),
        ("P40 + 2x P40 @ b.c", Named((Card("P40"), *[Card("P40", "b.c")] * 2)), "P40 + 2x P40@b.c"),
    ],
)
def test_what_is_written_is_understood_and_written_back(
    typed: str, pattern: Pattern, written: str
) -> None:
    assert parse_pattern(typed) == pattern
    assert str(pattern) == written
    assert parse_pattern(written) == pattern


@pytest.mark.parametrize(
    "typed", ["", "triple", "ALL", "pair + single", "+", "RTX 3060 +", "-1", "2x 2x P40"]
)
def test_other_patterns_are_refused_with_the_known_ones(typed: str) -> None:
    with pytest.raises(ConfigError, match="unknown; write one of auto, cpu, all, every, single"):
        parse_pattern(typed)


@pytest.mark.parametrize("typed", ["0", "65", "0x RTX 3060", "40x P40 + 40x P40"])
def test_no_gpu_and_too_many_are_mistakes(typed: str) -> None:
    with pytest.raises(ConfigError, match=r"write 1 to 64 GPUs"):
        parse_pattern(typed)


@pytest.mark.parametrize("typed", ["P40@beta", "P40@beta + P40", "P40 + P40@beta + P40"])
def test_the_host_that_runs_the_server_comes_first(typed: str) -> None:
    with pytest.raises(ConfigError, match="own host first"):
        parse_pattern(typed)


def test_three_hosts_are_too_many() -> None:
    with pytest.raises(ConfigError, match="may span two hosts"):
        parse_pattern("P40 + P40@beta + P40@gamma")


@given(st.text(max_size=30) | st.text("23x RTXP@+b ", max_size=20))
def test_any_text_is_a_pattern_that_is_written_back_or_a_clear_error(text: str) -> None:
    try:
        pattern = parse_pattern(text)
    except ConfigError:
        return
    assert parse_pattern(str(pattern)) == pattern
