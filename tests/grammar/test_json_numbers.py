"""The arithmetic of number languages, against exact comparison of what the texts say."""

from __future__ import annotations

import json
import random
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from json_texts import regex_language

from latticework.grammar.ir import Regex
from latticework.grammar.json_numbers import (
    INTEGER,
    NUMBER,
    Bounds,
    DivisorTooLarge,
    exact,
    integers,
    multiples,
    numbers,
)
from oracle import matches

SMALL = st.integers(-1200, 1200)
HUNDREDTHS = SMALL.map(lambda value: Fraction(value, 100))
DIVISORS = [Fraction(text) for text in ("1", "2", "5", "7", "0.01", "0.05", "0.1", "0.25", "0.3", "1.5", "2.5", "12")]


def within(value: Fraction, bounds: Bounds) -> bool:
    low, high = bounds.minimum, bounds.maximum
    above = low is None or value > low or (value == low and not bounds.excludes_minimum)
    below = high is None or value < high or (value == high and not bounds.excludes_maximum)
    return above and below


def spellings(value: Fraction) -> list[str]:
    """Plain decimals of a value in hundredths, -0 and superfluous zeros included."""
    sign = "-" if value < 0 else ""
    whole, rest = divmod(abs(value) * 100, 100)
    texts = [f"{sign}{whole}.{int(rest):02}", f"{sign}{whole}.{int(rest):02}00"]
    if rest % 10 == 0:
        texts.append(f"{sign}{whole}.{int(rest) // 10}")
    if rest == 0:
        texts.append(f"{sign}{whole}")
    return texts + [f"-{text}" for text in texts if value == 0]


@given(st.none() | SMALL, st.none() | SMALL, st.lists(SMALL, max_size=12))
def test_integers_are_those_between_the_bounds(low: int | None, high: int | None, values: list[int]) -> None:
    regex = integers(low, high)
    near = [bound + shift for bound in (low, high) if bound is not None for shift in (-10, -1, 0, 1, 9)]
    for value in [*values, *near, 0]:
        expected = (low is None or value >= low) and (high is None or value <= high)
        assert matches(regex, str(value)) is expected
        if value == 0:
            assert matches(regex, "-0") is expected


@given(st.integers(0, 10**30), st.integers(0, 10**6), st.booleans())
def test_integer_bounds_may_be_large(low: int, span: int, negative: bool) -> None:
    high = low + span
    regex = integers(-high, -low) if negative else integers(low, high)
    for value in (low - 1, low, low + span // 2, high, high + 1, 10 * high):
        text = str(-value) if negative else str(value)
        assert matches(regex, text) is (low <= value <= high)


def test_every_interval_of_small_integers() -> None:
    values = list(range(-25, 131))
    for low in range(-12, 121, 11):
        for high in range(low, 121, 7):
            regex = integers(low, high)
            assert [value for value in values if matches(regex, str(value))] == list(range(low, high + 1))


@pytest.mark.parametrize("text", ["", "-", "01", "1.0", "1e2", "+1", " 1", "--1", "1 ", "0x1"])
def test_integers_have_one_spelling(text: str) -> None:
    assert not matches(INTEGER, text)
    assert not matches(integers(-5, 100), text)


@given(st.text("0123456789.eE+-", max_size=8))
def test_numbers_are_those_of_json(text: str) -> None:
    try:
        json.loads(text)
        is_json = True
    except ValueError:
        is_json = False
    assert matches(NUMBER, text) is is_json


@given(st.integers(1, 60), st.none() | SMALL, st.none() | SMALL, st.lists(SMALL, min_size=1, max_size=8))
def test_multiples_of_integers(divisor: int, low: int | None, high: int | None, values: list[int]) -> None:
    regex = multiples(low, high, [divisor], [])
    others = multiples(low, high, [], [divisor])
    for value in [*values, *(value * divisor for value in values)]:
        inside = (low is None or value >= low) and (high is None or value <= high)
        assert matches(regex, str(value)) is (inside and value % divisor == 0)
        assert matches(others, str(value)) is (inside and value % divisor != 0)


@given(st.none() | HUNDREDTHS, st.none() | HUNDREDTHS, st.booleans(), st.booleans(), st.lists(HUNDREDTHS, max_size=8))
def test_numbers_within_bounds(
    low: Fraction | None, high: Fraction | None, above: bool, below: bool, values: list[Fraction]
) -> None:
    bounds = Bounds(low, high, above, below)
    regex = numbers(bounds, [], [])
    shifts = [Fraction(shift, 100) for shift in (-100, -1, 0, 1, 100)]
    near = [bound + shift for bound in (low, high) if bound is not None for shift in shifts]
    for value in [*values, *near, Fraction(0)]:
        for text in spellings(value):
            assert matches(regex, text) is within(value, bounds), (text, bounds)


@given(st.sampled_from(DIVISORS), st.none() | HUNDREDTHS, st.none() | HUNDREDTHS, st.lists(HUNDREDTHS, max_size=6))
def test_multiples_of_decimals(
    divisor: Fraction, low: Fraction | None, high: Fraction | None, values: list[Fraction]
) -> None:
    bounds = Bounds(low, high)
    regex, others = numbers(bounds, [divisor], []), numbers(bounds, [], [divisor])
    for value in [*values, *(value * 100 * divisor for value in values[:3])]:
        if (value * 100).denominator == 1:
            is_multiple = (value / divisor).denominator == 1
            for text in spellings(value):
                assert matches(regex, text) is (within(value, bounds) and is_multiple), text
                assert matches(others, text) is (within(value, bounds) and not is_multiple), text


@given(HUNDREDTHS, st.booleans())
def test_numbers_that_are_no_integers(value: Fraction, bounded: bool) -> None:
    bounds = Bounds(Fraction(-5)) if bounded else Bounds()
    regex = numbers(bounds, [], [], whole=False)
    for text in spellings(value):
        assert matches(regex, text) is (within(value, bounds) and value.denominator != 1)


@pytest.mark.parametrize("bound", [0.1, 1.0, 5.0, 100.0, -3.5, 1e-7, 123456.789, 1e14, 2.0**52])
def test_an_excluded_bound_is_excluded_for_doubles_too(bound: float) -> None:
    """What is accepted stays inside after a reader has rounded it, and every double inside is accepted."""
    generator = random.Random(7)
    above = regex_language(numbers(Bounds(minimum=exact(bound), excludes_minimum=True), [], []))
    below = regex_language(numbers(Bounds(maximum=exact(bound), excludes_maximum=True), [], []))
    for _ in range(300):
        scale = Fraction(10) ** generator.randint(-25, 2)
        text = plain(exact(bound) + scale * generator.randint(-30, 30))
        assert text not in above or float(text) > bound
        assert text not in below or float(text) < bound
    assert plain(exact(bound)) not in above
    assert plain(exact(bound)) not in below


@pytest.mark.parametrize("value", [0.1, 0.30000000000000004, 5e-324, 1.7976931348623157e308, 123.25, 1e22])
def test_bounds_are_what_the_schema_spells(value: float) -> None:
    regex = numbers(Bounds(exact(value), exact(value)), [], [])
    assert matches(regex, plain(exact(value)))
    assert not matches(regex, plain(exact(value) + 1))


def plain(value: Fraction) -> str:
    """A decimal without exponent."""
    places = 0
    while (value * 10**places).denominator != 1:
        places += 1
    digits = str(abs(int(value * 10**places))).rjust(places + 1, "0")
    sign = "-" if value < 0 else ""
    return f"{sign}{digits[:-places]}.{digits[-places:]}" if places else sign + digits


def test_the_sign_decides_with_exponents() -> None:
    positive = numbers(Bounds(minimum=Fraction(0)), [], [])
    assert all(matches(positive, text) for text in ("0", "-0", "-0.00", "1e-7", "2.5E+9"))
    assert not any(matches(positive, text) for text in ("-1", "-1e-7", "-0.1"))
    negative = numbers(Bounds(maximum=Fraction(0)), [], [])
    assert all(matches(negative, text) for text in ("0", "-0", "0.0", "-1e-7", "-2"))
    assert not any(matches(negative, text) for text in ("1", "1e-7", "0.1"))


def test_above_zero_is_above_the_smallest_double() -> None:
    regex: Regex = numbers(Bounds(minimum=Fraction(0), excludes_minimum=True), [], [])
    assert matches(regex, "0." + "0" * 300 + "1")
    assert not matches(regex, "0." + "0" * 400 + "1")
    assert not matches(regex, "0.000")


def test_divisors_with_too_many_remainders_are_refused() -> None:
    with pytest.raises(DivisorTooLarge, match="states"):
        multiples(None, None, [2**40 + 1], [])
    with pytest.raises(DivisorTooLarge, match="states"):
        numbers(Bounds(), [Fraction(10007, 10)], [])
