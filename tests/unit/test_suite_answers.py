"""What an answer says, in whatever form it says it."""

from decimal import Decimal

import pytest

from workers.agent.suite.answers import (
    ends_on,
    has_any,
    has_number,
    has_words,
    in_order,
    is_german,
    json_of,
    numbers,
    plain,
    same_json,
)
from workers.agent.suite.quantities import has_quantity


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12", "12"),
        ("It is **-3 °C**.", "-3"),
        ("It is \u22123 degrees", "-3"),
        ("1,234", "1234"),
        ("1.234", "1234"),
        ("1.234", "1.234"),
        ("1.234,50 Euro", "1234.5"),
        ("1,234.50 euros", "1234.5"),
        ("1\u202f234", "1234"),
        ("1'234", "1234"),
        ("12,5 %", "12.5"),
        ("2.234.000", "2234000"),
        ("0.125", "0.125"),
        ("so it costs $42.", "42"),
        ("`42`", "42"),
    ],
)
def test_numbers_in_any_notation(text: str, value: str) -> None:
    assert has_number(text, Decimal(value))
    assert ends_on(text, Decimal(value))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12", "2"),
        ("-3", "3"),
        ("0.125", "125"),
        ("1.2345", "12345"),
        ("12.34.5", "12345"),
        ("1,2,3", "123"),
        ("no number", "0"),
        ("", "0"),
        ("2031-03-04", "-3"),
    ],
)
def test_what_a_number_does_not_say(text: str, value: str) -> None:
    assert not has_number(text, Decimal(value))


def test_the_last_number_is_the_answer() -> None:
    assert ends_on("First 3, then 4, so 12.", 12)
    assert not ends_on("It is 12, not 13.", 12)
    assert [min(each) for each in numbers("3 of 4")] == [3, 4]


def test_words_are_whole_and_free_of_markup() -> None:
    assert has_words("It is in **Old Mill**.", "old mill")
    assert has_words("the answer:\n- Zürich", "ZÜRICH")
    assert has_words("“Kestrel\u00a0Bay”", "Kestrel Bay")
    assert not has_words("Viennas", "Vienna")
    assert not has_any("", ("a", "b"))
    assert plain("# Title\n\n> *quoted* \u2013 text") == "title quoted - text"


def test_order_is_that_of_the_last_mentions() -> None:
    assert in_order("b, a? No: a, b", ("a", "b"))
    assert not in_order("a, b? No: b, a", ("a", "b"))
    assert not in_order("a", ("a", "b"))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": 1}', {"a": 1}),
        ('```json\n{"a": 1}\n```', {"a": 1}),
        ("Here:\n```\n[1, 2]\n```\nAll done.", [1, 2]),
        ("a: 1", None),
        ("", None),
    ],
)
def test_json_with_and_without_a_fence(text: str, value: object) -> None:
    assert json_of(text) == value


def test_json_values_are_alike_by_value_and_kind() -> None:
    assert same_json({"a": 12, "b": [1.5]}, {"b": [1.5], "a": 12.0})
    assert not same_json({"a": True}, {"a": 1})
    assert not same_json({"a": "12"}, {"a": 12})
    assert not same_json([1, 2], [1])
    assert not same_json({"a": 1}, {"a": 1, "b": 2})


@pytest.mark.parametrize(
    ("text", "german"),
    [
        ("Das Museum zieht nach Seehausen und kostet 3 Millionen Euro.", True),
        ("Der Code der Bestätigung ist AB12.", True),
        ("The museum is moving to Seehausen for 3 million euros.", False),
        ("The word for it is der Bahnhof.", False),
        ("Seehausen", False),
        ("", False),
    ],
)
def test_german_by_its_little_words(text: str, german: bool) -> None:
    assert is_german(text) is german


@pytest.mark.parametrize(
    "text",
    [
        "48 million euros",
        "EUR 48,000,000",
        "€48m",
        "48 Mio. Euro",
        "48 Millionen Euro",
        "0.048 billion",
        "It costs **48,0 Millionen** Euro",
    ],
)
def test_an_amount_in_any_words(text: str) -> None:
    assert has_quantity(text, "48 million euros")


@pytest.mark.parametrize(
    "text", ["48 euros", "4.8 million euros", "49 million euros", "48 billion"]
)
def test_another_amount(text: str) -> None:
    assert not has_quantity(text, "48 million euros")
