import pytest

from orchestrator.cli.shell.completion import Names, candidates
from warehouse.views import ColumnInfo, ViewInfo


def view(name: str, *columns: tuple[str, str]) -> ViewInfo:
    found = tuple(ColumnInfo(each, "DOUBLE", unit, f"the {each}") for each, unit in columns)
    return ViewInfo(name, "view", f"about {name}", found)


NAMES = Names(
    tables={
        "speed": view("speed", ("quant", ""), ("tg_tok_s", "tok/s")),
        "speed_steps": view("speed_steps", ("step", "")),
        "hosts": view("hosts", ("host_id", ""), ("ram_gib", "GiB")),
    },
    functions=("avg", "sum", "strlen"),
    keywords=("select", "from", "where", "when", "limit", "order"),
)


def words(before: str, after: str = "") -> list[str]:
    return [each.text for each in candidates(before, after, NAMES)]


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        ("select * from ", "", ["speed", "speed_steps", "hosts"]),
        ("select * from spe", "", ["speed", "speed_steps"]),
        ("select * from hosts h join s", "", ["speed", "speed_steps"]),
        ("describe h", "", ["hosts"]),
        ("select tg", " from speed", ["tg_tok_s"]),
        ("select ho", " from speed", ["hosts"]),
        ("select host", "", ["host_id", "hosts"]),
        ("select s.", " from speed as s", ["quant", "tg_tok_s"]),
        ("select s.q", " from speed s", ["quant"]),
        ("select speed.t", " from speed where true", ["tg_tok_s"]),
        ("select where.", " from speed where true", []),
        ("select nope.", " from speed", []),
        ("select * from hosts; select * from speed where q", "", ["quant"]),
        ("select ';' || q", " from speed", ["quant"]),
        ("select * from speed wh", "", ["where", "when"]),
        ("select * from speed WH", "", ["WHERE", "WHEN"]),
        ("select st", " from speed", ["strlen"]),
        ("\\d spe", "", ["speed", "speed_steps"]),
        ("\\d", "", []),
        ("select * from speed", "", ["speed_steps"]),
    ],
)
def test_the_words_that_can_follow(before: str, after: str, found: list[str]) -> None:
    assert words(before, after) == found


def test_columns_of_what_is_read_come_before_all_else() -> None:
    assert words("select ", " from speed")[:3] == ["quant", "tg_tok_s", "select"]


def test_a_candidate_says_what_it_is_and_what_it_replaces() -> None:
    (column,) = candidates("select s.TG", " from speed s", NAMES)
    assert (column.text, column.typed, column.meaning) == ("tg_tok_s", 2, "[tok/s] the tg_tok_s")
    assert next(candidates("from hos", "", NAMES)).meaning == "view: about hosts"
