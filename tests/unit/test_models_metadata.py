import pytest

from warehouse.errors import ModelError
from workers.models.metadata import LARGEST_VALUE, Metadata

FACTS = Metadata(
    {
        "text": "t",
        "number": 7,
        "list": (1, 2, 3),
        "flags": (True, False),
        "flag": True,
        "half": 0.5,
        "minus": -1,
        "most": LARGEST_VALUE,
        "more": LARGEST_VALUE + 1,
        "mixed": (1, "2"),
    }
)


def test_values_of_the_right_type() -> None:
    assert FACTS.text("text") == "t"
    assert FACTS.number("number") == FACTS.count("number") == 7
    assert FACTS.number("most") == LARGEST_VALUE
    assert FACTS.numbers("list") == (1, 2, 3)
    assert FACTS.by_layer("number", 2, ()) == (7, 7)
    assert FACTS.by_layer("list", 3, ()) == (1, 2, 3)
    assert FACTS.flags("flags") == (True, False)
    assert FACTS.flags("list") == (True, True, True)


def test_what_the_header_does_not_say() -> None:
    assert FACTS.text("none") is None
    assert FACTS.number("none") is None
    assert FACTS.number("none", 3) == 3
    assert FACTS.count("none") == 0
    assert FACTS.numbers("none", (1,)) == (1,)
    assert FACTS.by_layer("none", 2, (4, 5)) == (4, 5)
    assert FACTS.flags("number") is None


@pytest.mark.parametrize("key", ["text", "minus", "more", "half", "flag", "list"])
def test_what_is_no_count_is_an_error(key: str) -> None:
    with pytest.raises(ModelError, match=f"absurd value in '{key}'"):
        FACTS.number(key)


def test_other_types_are_errors() -> None:
    with pytest.raises(ModelError, match="has no text in 'number'"):
        FACTS.text("number")
    with pytest.raises(ModelError, match="absurd value in 'mixed': 2"):
        FACTS.numbers("mixed")
    with pytest.raises(ModelError, match="has 3 values for 4 layers in 'list'"):
        FACTS.by_layer("list", 4, ())
