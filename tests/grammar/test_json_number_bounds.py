"""Bounds beyond what doubles tell apart: `jsonschema` judges what a reader gets, exact arithmetic what the text spells."""

from __future__ import annotations

import json
from decimal import Decimal
from fractions import Fraction
from math import inf, nextafter
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from json_texts import Language

from latticework.grammar import UnsatisfiableSchemaError, json_schema

EDGE = 2**53
KEYWORDS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
WHOLE = [
    EDGE - 1,
    EDGE,
    EDGE + 1,
    EDGE + 3,
    2**63,
    2**63 - 1,
    2**64 - 1,
    9223372036854776000,
    10**18,
    10**30,
    10**30 + 7,
]
WHOLE += [10**308, 10**309]
DOUBLES = [0.1, 0.3, 2.0**-10, 2.0**-20, 2.0**-30, 1.0, 9.5, 2.0**52, 2.0**53, 9223372036854776000.0, 1e18, 1e23, 1e30]
GIVEN: list[float] = [sign * value for value in (*WHOLE, *DOUBLES, 5e-324, 1.7976931348623157e308) for sign in (1, -1)]
POWERS = (-19, -16, -15, -1, 0, 1, 3, 13, 16, 21)


def plain(value: Fraction) -> str:
    """A decimal without exponent; the value has one."""
    places = 0
    while (value * 10**places).denominator != 1:
        places += 1
    digits = str(abs(int(value * 10**places))).rjust(places + 1, "0")
    sign = "-" if value < 0 else ""
    return f"{sign}{digits[:-places]}.{digits[-places:]}" if places else sign + digits


def spelled(value: float) -> Fraction:
    return Fraction(Decimal(repr(value)))


def doubles_near(bound: float) -> list[float]:
    try:
        near = [float(bound)]
    except OverflowError:
        return [1.7976931348623157e308, -1.7976931348623157e308]
    near += [nextafter(near[0], inf), nextafter(near[0], -inf)]
    return [double for double in near if abs(double) < inf]


def texts_near(bound: float) -> list[str]:
    """With and without a fraction, from some digits beyond those of a double to some before."""
    texts = [plain(spelled(double)) for double in doubles_near(bound)] + [str(int(d)) for d in doubles_near(bound)]
    ends = [spelled(bound), *(Fraction(double) for double in doubles_near(bound) if abs(bound) > 1)]
    for end in ends:
        shifts = [Fraction(10) ** power for power in POWERS] if abs(end) < 10**40 else [Fraction(1)]
        texts += [plain(end + sign * shift) for shift in shifts for sign in (1, -1)]
    return texts + [text + ".0" for text in texts if "." not in text]


def is_within(value: Fraction, schema: dict[str, Any]) -> bool:
    """Of the numbers that schema and text spell."""
    low, high = schema.get("minimum"), schema.get("maximum")
    above, below = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
    return (
        (low is None or value >= spelled(low))
        and (high is None or value <= spelled(high))
        and (above is None or value > spelled(above))
        and (below is None or value < spelled(below))
    )


@pytest.mark.parametrize("bound", GIVEN, ids=repr)
@pytest.mark.parametrize("keyword", KEYWORDS)
def test_what_is_written_is_valid_as_it_is_spelled_and_as_it_is_read(keyword: str, bound: float) -> None:
    schema = {"type": "number", keyword: bound}
    language = Language(json_schema(schema).grammar())
    validator = jsonschema.Draft202012Validator(schema)
    for text in texts_near(bound):
        is_valid = is_within(Fraction(text), schema) and validator.is_valid(json.loads(text))
        assert text not in language or is_valid, text
        is_certain = "." not in text or any(plain(spelled(double)) == text for double in doubles_near(bound))
        assert not (is_certain and is_valid) or text in language, text


@pytest.mark.parametrize("bound", [value for value in GIVEN if abs(value) > 1], ids=repr)
@pytest.mark.parametrize("keyword", KEYWORDS)
def test_integers_beyond_the_doubles(keyword: str, bound: float) -> None:
    schema = {"type": "integer", keyword: bound}
    language = Language(json_schema(schema).grammar())
    validator = jsonschema.Draft202012Validator(schema)
    for text in texts_near(bound):
        if "." not in text:
            is_valid = is_within(Fraction(text), schema) and validator.is_valid(json.loads(text))
            assert (text in language) is is_valid, text


@pytest.mark.parametrize("divisor", [2, 7, 100, 640])
@pytest.mark.parametrize("bound", [1e23, -1e23, 1e30, -9223372036854776000.0], ids=repr)
@pytest.mark.parametrize("keyword", KEYWORDS)
def test_multiples_beyond_the_doubles(keyword: str, bound: float, divisor: int) -> None:
    schema = {"type": "integer", keyword: bound, "multipleOf": divisor}
    language = Language(json_schema(schema).grammar())
    validator = jsonschema.Draft202012Validator(schema)
    ends = [int(spelled(bound)), *(int(double) for double in doubles_near(bound))]
    for value in {end // divisor * divisor + shift * divisor for end in ends for shift in range(-2, 3)} | set(ends):
        is_valid = is_within(Fraction(value), schema) and validator.is_valid(value)
        assert (str(value) in language) is is_valid, value


@given(st.sampled_from(GIVEN), st.sampled_from(GIVEN), st.data())
def test_intervals(low: float, high: float, data: st.DataObject) -> None:
    schema = {"type": "number", data.draw(st.sampled_from(KEYWORDS[::2])): low}
    schema[data.draw(st.sampled_from(KEYWORDS[1::2]))] = high
    validator = jsonschema.Draft202012Validator(schema)
    try:
        language: Any = Language(json_schema(schema).grammar())
    except UnsatisfiableSchemaError:
        language = ()
    for text in data.draw(st.lists(st.sampled_from(texts_near(low) + texts_near(high)), max_size=12)):
        is_valid = is_within(Fraction(text), schema) and validator.is_valid(json.loads(text))
        assert text not in language or is_valid, text
        assert "." in text or not is_valid or text in language, text


NEAR = [
    "0.9999999999999999",
    "0.99999999999999999",
    "1.0000000000000001",
    "5.00000000000000000001",
    "4503599627370497.3",
]
NEAR += ["9007199254740991.7", "0.30000000000000004", "3.141592653589793", "-0.1", "12.5", "2.50000000000000000"]
NEAR += ["0." + "0" * 400 + "1", "99999999999999.9", "0.30000000000000001", "9007199254740993.0", "12345678901234.56"]


@pytest.mark.parametrize("text", NEAR)
def test_what_is_no_integer_or_a_multiple_stays_so_when_it_is_read(text: str) -> None:
    value, exact = json.loads(text), Fraction(text)
    is_multiple = spelled(value) % Fraction(1, 10) == 0
    broken = Language(json_schema({"type": "number", "not": {"type": "integer"}}).grammar())
    assert text not in broken or (exact.denominator != 1 and not value.is_integer())
    multiple = Language(json_schema({"type": "number", "multipleOf": 0.1}).grammar())
    assert text not in multiple or (is_multiple and exact % Fraction(1, 10) == 0)
    other = Language(json_schema({"type": "number", "not": {"multipleOf": 0.1}}).grammar())
    assert text not in other or (not is_multiple and exact % Fraction(1, 10) != 0)


@pytest.mark.parametrize("text", ["0.1", "-12.5", "3.141592653589793", "0.30000000000000004", "1e-7", "123456.789"])
def test_doubles_that_are_no_integers_are_written(text: str) -> None:
    broken = Language(json_schema({"type": "number", "not": {"type": "integer"}}).grammar())
    assert (plain(spelled(float(text))) in broken) is True
