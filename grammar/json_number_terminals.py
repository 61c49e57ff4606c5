"""Numbers of canonical schemas as terminals: which spelling of JSON they take, and where.

Integers are plain digits by default. With the option `integers="any"` they may also have a fraction of zeros (`1.0`), as
JSON Schema has it since draft 6; draft 4 does not count such a text among the integers. A reader takes it for a double,
so it is written only where the integer is one: up to 2**53, or a given value that is a double. Exponents are never
written, for how many zeros `1.5e3` needs is a count without bound. Where a value must have one spelling, digits are it.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from math import lcm
from typing import Any, Final

from jsonschema_rs.canonical import IntegerView, NumberView

from .errors import UnsupportedSchemaError
from .ir import Concat, Regex, Repeat, Terminal, Text, TextSet, Union
from .json_number_bounds import ALL_EXACT, Bounds, whole_bounds
from .json_numbers import INTEGER, DivisorTooLarge, exact, multiples, numbers
from .json_places import Part
from .json_translator import Translator
from .json_unique import unique_number
from .lower_regex import share

_BROKEN = Concat((Text("."), Repeat(Text("0"), 1)))


def broken_integers(minimum: int | None, maximum: int | None, divisors: list[int], not_divisors: list[int]) -> Regex:
    """The integers of `multiples`, with or without a fraction of zeros."""
    plain = multiples(minimum, maximum, divisors, not_divisors)
    low = -ALL_EXACT if minimum is None else max(minimum, -ALL_EXACT)
    high = ALL_EXACT if maximum is None else min(maximum, ALL_EXACT)
    if (low, high) == (minimum, maximum):
        return Concat((plain, Repeat(_BROKEN, 0, 1)))
    return plain if low > high else Union((plain, Concat((multiples(low, high, divisors, not_divisors), _BROKEN))))


ANY_INTEGER: Final = Terminal(INTEGER)
ANY_BROKEN_INTEGER: Final = Terminal(share(broken_integers(None, None, [], [])))


def takes_fractions(translator: Translator, draft: int) -> bool:
    """Whether the integers of a dialect may be written with a fraction of zeros."""
    return translator.fractions and draft > 4


def integer_terminal(view: IntegerView, draft: int, part: Part, translator: Translator) -> Terminal:
    """The integers of a view. Raises UnsupportedSchemaError for a divisor that is too large."""
    divisors = [exact(value).numerator for value in view.multiple_of]
    excluded = [exact(value).numerator for value in view.not_multiple_of]
    spelled = broken_integers if takes_fractions(translator, draft) else multiples
    minimum, maximum = whole_bounds(view.minimum, view.maximum, part.doubles, lcm(*divisors))
    try:
        regex = spelled(minimum, maximum, divisors, excluded)
    except DivisorTooLarge as error:
        raise UnsupportedSchemaError(part.pointer("multipleOf"), "multipleOf", str(error)) from error
    return Terminal(unique_number(regex) if translator.unique else regex)


def number_terminal(view: NumberView, part: Part, translator: Translator) -> Terminal:
    """The numbers of a view. Raises UnsupportedSchemaError for a divisor that is too large."""
    bounds = _bounds(view)
    divisors = [exact(value) for value in view.multiple_of]
    excluded = [exact(value) for value in view.not_multiple_of]
    try:
        regex = numbers(bounds, divisors, excluded, not view.excludes_integers, part.is_double)
    except DivisorTooLarge as error:
        raise UnsupportedSchemaError(part.pointer("multipleOf"), "multipleOf", str(error)) from error
    return Terminal(unique_number(regex) if translator.unique else regex)


def _bounds(view: NumberView) -> Bounds:
    minimum = None if view.minimum is None else exact(view.minimum)
    maximum = None if view.maximum is None else exact(view.maximum)
    return Bounds(minimum, maximum, view.exclusive_minimum, view.exclusive_maximum)


# --------------------------------------------------------------------------------------------------------- given values


def with_fractions(texts: Regex, values: Sequence[Any]) -> Regex:
    """`texts`, and those of `values` that are whole and doubles, with a fraction of zeros."""
    whole = [str(int(value)) for value in values if is_number(value) and _is_whole_double(value)]
    return Union((texts, Concat((TextSet(tuple(whole)), _BROKEN)))) if whole else texts


def is_number(value: object) -> bool:
    """Whether a JSON value is a number."""
    return isinstance(value, (int, float, Decimal)) and not isinstance(value, bool)


def _is_whole_double(value: float | Decimal) -> bool:
    whole = int(value)
    try:
        return whole == value and float(whole) == whole
    except OverflowError:
        return False
