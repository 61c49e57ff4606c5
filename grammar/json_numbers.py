"""Bounds and multiples of JSON numbers as regular expressions: pure decimal arithmetic, no floats.

In: exact bounds (`Fraction`) and divisors. Out: a `Regex` over spellings.

Spelling. An integer is `-?(0|[1-9][0-9]*)`: no fraction, no exponent, so `1.0` and `1e2`, equal to integers, are not
written. A number without constraint has the full grammar of RFC 8259. With a bound or a divisor it is a plain decimal:
an optional fraction of any length, no exponent; only `minimum: 0` and `maximum: 0`, where the sign decides alone, keep
the exponent. `-0` is 0: it is in the language exactly when 0 is.

Where an interval ends for texts with a fraction, which readers round to doubles, is said in `json_number_bounds.py`. What is
a multiple, or no multiple, or no integer, stays so when it is rounded: beside a divisor at most 15 digits count in a text
with a fraction, and what is no integer is not written so close to one that a double cannot tell.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from math import gcd

from .ir import EMPTY_TEXT, NOTHING, Chars, Complement, Concat, DigitsModulo, Intersection, Regex, Repeat, Text, Union
from .json_number_bounds import Bounds, Edge
from .lower_regex import share

Real = int | float | Decimal | Fraction

MAX_RESIDUES = 512
"""Largest divisor (as an integer, after scaling) whose remainders are tracked across a decimal point."""
MAX_MODULUS = 1 << 20
"""Largest divisor of an integer."""
_BLOCK = 16
_KEPT = 15
"""So many significant digits of a decimal come back from the double next to it."""
_MOST_ZEROS = 290
"""After more of them a double has fewer digits, and then none."""

DIGIT = Chars(((48, 57),))
NONZERO = Chars(((49, 57),))
DIGITS = Repeat(DIGIT, 1)
MINUS = Text("-")
NATURAL = Union((Text("0"), Concat((NONZERO, Repeat(DIGIT)))))
FRACTION = Repeat(Concat((Text("."), DIGITS)), 0, 1)
_ZERO_FRACTION = Repeat(Concat((Text("."), Repeat(Text("0"), 1))), 0, 1)
_SIGN = Repeat(MINUS, 0, 1)
_EXPONENT = Repeat(Concat((Chars(((69, 69), (101, 101))), Repeat(Chars(((43, 43), (45, 45))), 0, 1), DIGITS)), 0, 1)


def _of_few_digits() -> Regex:
    """Among unsigned decimals those that a double keeps: with a fraction, at most 15 digits count."""
    small = Concat((Text("0."), Repeat(Text("0"), 0, _MOST_ZEROS), Repeat(DIGIT, 0, _KEPT)))
    return Union((NATURAL, small, Concat((NONZERO, Repeat(Chars(((46, 46), (48, 57))), 0, _KEPT)))))


def _next_to_integers() -> Regex:
    """Decimals that a reader may round to an integer: in the first 16 digits that count, the fraction is zeros or nines."""
    beside = [Concat((Text("0."), Repeat(Text("0"), _MOST_ZEROS + 1))), Concat((Text("0."), Text("9" * (_KEPT + 1))))]
    for length in range(1, _KEPT + 1):
        fraction = Union((Text("0" * (_KEPT + 1 - length)), Text("9" * (_KEPT + 1 - length))))
        beside.append(Concat((NONZERO, Repeat(DIGIT, length - 1, length - 1), Text("."), fraction)))
    beside.append(Concat((NONZERO, Repeat(DIGIT, _KEPT), Text("."))))
    return Concat((Union(tuple(beside)), Repeat(DIGIT)))


UNSIGNED_DECIMAL = Concat((NATURAL, FRACTION))
UNSIGNED_NUMBER = Concat((NATURAL, FRACTION, _EXPONENT))
INTEGER = share(Concat((_SIGN, NATURAL)))
NUMBER = share(Concat((_SIGN, UNSIGNED_NUMBER)))
_ZERO = Concat((Text("0"), _ZERO_FRACTION))
_WHOLE = Concat((NATURAL, _ZERO_FRACTION))
_BROKEN = Concat((NATURAL, Text("."), DIGITS))
_FEW_DIGITS = share(Intersection((UNSIGNED_DECIMAL, _of_few_digits())))
_NO_INTEGER = share(Intersection((UNSIGNED_DECIMAL, Complement(Union((_WHOLE, _next_to_integers()))))))
_FEW_DIGITS_OR_NO_INTEGER = share(Union((_FEW_DIGITS, _NO_INTEGER)))

MAX_RESIDUES = 512
"""Largest divisor (as an integer, after scaling) whose remainders are tracked across a decimal point."""
MAX_MODULUS = 1 << 20
"""Largest divisor of an integer."""


class DivisorTooLarge(ValueError):  # noqa: N818 - says what is wrong, and is turned into a SchemaError with its place
    """A divisor has more remainders than an automaton should have states."""


def exact(value: Real) -> Fraction:
    """The rational number that `value` spells in decimal: 0.1 is 1/10."""
    if isinstance(value, float):
        value = Decimal(repr(value))
    return Fraction(value)


# ------------------------------------------------------------------------------------------------------------ integers


@lru_cache(maxsize=256)
def integers(minimum: int | None = None, maximum: int | None = None) -> Regex:
    """The integers from `minimum` to `maximum`, both included."""
    if minimum is None and maximum is None:
        return INTEGER
    parts: list[Regex] = []
    if maximum is None or maximum >= 0:
        parts.append(_naturals(max(minimum or 0, 0), maximum))
    if minimum is None or minimum <= 0:
        negative = _naturals(max(-(maximum or 0), 0), None if minimum is None else -minimum)
        parts.append(Concat((MINUS, negative)))
    return _union(parts)


def multiples(minimum: int | None, maximum: int | None, divisors: list[int], not_divisors: list[int]) -> Regex:
    """Integers within bounds that every one of `divisors` divides, and none of `not_divisors`."""
    modulus = _common_multiple([Fraction(d) for d in divisors]).numerator
    _check_modulus(modulus, MAX_MODULUS)
    digits: list[Regex] = [] if modulus == 1 else [DigitsModulo(modulus)]
    for divisor in not_divisors:
        _check_modulus(divisor, MAX_MODULUS)
        digits.append(Complement(DigitsModulo(divisor)))
    if not digits:
        return integers(minimum, maximum)
    parts: list[Regex] = []
    if maximum is None or maximum >= 0:
        parts.append(Intersection((_naturals(max(minimum or 0, 0), maximum), *digits)))
    if minimum is None or minimum <= 0:
        magnitude = _naturals(max(-(maximum or 0), 0), None if minimum is None else -minimum)
        parts.append(Concat((MINUS, Intersection((magnitude, *digits)))))
    return _union(parts)


def _naturals(low: int, high: int | None) -> Regex:
    """Unsigned integers in [low, high], one alternative for each number of digits."""
    if high is None:
        return NATURAL if low == 0 else _naturals_from(low)
    if low > high:
        return NOTHING
    short, long = len(str(low)), len(str(high))
    if short == long:
        return _same_length(str(low), str(high))
    parts = [_digits_from(str(low))]
    if long - short > 1:
        parts.append(Concat((NONZERO, Repeat(DIGIT, short, long - 2))))
    return _union([*parts, _digits_to("1" + "0" * (long - 1), str(high))])


def _naturals_from(low: int) -> Regex:
    text = str(low)
    return _union([_digits_from(text), Concat((NONZERO, Repeat(DIGIT, len(text))))])


def _same_length(low: str, high: str) -> Regex:
    """Digit strings from `low` to `high`, which are equally long."""
    common = 0
    while common < len(low) and low[common] == high[common]:
        common += 1
    if common == len(low):
        return Text(low)
    head, first, last = low[:common], int(low[common]), int(high[common])
    rest = len(low) - common - 1
    parts = [Concat((Text(low[: common + 1]), _digits_from(low[common + 1 :])))]
    if last - first > 1:
        parts.append(Concat((Text(head), _digit(first + 1, last - 1), Repeat(DIGIT, rest, rest))))
    parts.append(Concat((Text(high[: common + 1]), _digits_to("0" * rest, high[common + 1 :]))))
    return _union(list(parts))


def _digits_from(low: str) -> Regex:
    """Digit strings as long as `low` that are not below it. "135" -> 135 | 13[6-9] | 1[4-9]d | [2-9]dd"""

    def larger(i: int) -> list[Regex]:
        rest = len(low) - i - 1
        return [] if low[i] == "9" else [Concat((_digit(int(low[i]) + 1, 9), Repeat(DIGIT, rest, rest)))]

    return _along(low, EMPTY_TEXT, larger)


def _digits_to(low: str, high: str) -> Regex:
    """Digit strings as long as `high`, not above it and not below `low`, which is "00..0" or "10..0"."""

    def smaller(i: int) -> list[Regex]:
        rest, smallest, digit = len(high) - i - 1, int(low[i]) if i == 0 else 0, int(high[i])
        return [Concat((_digit(smallest, digit - 1), Repeat(DIGIT, rest, rest)))] if digit > smallest else []

    return _along(high, EMPTY_TEXT, smaller)


def _along(digits: str, end: Regex, beside: Callable[[int], list[Regex]]) -> Regex:
    """All of `digits` and `end`, or the first i of them and one of `beside(i)`.

    A block of digits is inside the one before it, so that thousands of digits take thousands of nodes, and not millions.
    """
    found = end
    for start in range((len(digits) - 1) // _BLOCK * _BLOCK, -1, -_BLOCK):
        block = digits[start : start + _BLOCK]
        parts = [_then(block, found)]
        for i in range(len(block)):
            parts += [_then(block[:i], other) for other in beside(start + i)]
        found = _union(parts)
    return found


def _then(text: str, regex: Regex) -> Regex:
    if regex is EMPTY_TEXT:
        return Text(text)
    return Concat((Text(text), regex)) if text else regex


# ------------------------------------------------------------------------------------------------------------ decimals


def numbers(
    bounds: Bounds,
    divisors: list[Fraction],
    not_divisors: list[Fraction],
    whole: bool = True,
    is_double: Callable[[int], bool] = lambda _: False,
) -> Regex:
    """Numbers within `bounds` that every one of `divisors` divides and none of `not_divisors`.

    `whole=False` leaves out numbers that are integers. `is_double`: whether a bound is spelled as a double in the schema.
    """
    whole = whole and 1 not in not_divisors
    not_divisors = [divisor for divisor in not_divisors if divisor != 1]
    magnitudes = [_multiples_of(_common_multiple(divisors))] if divisors else []
    magnitudes += [Complement(_multiples_of(divisor)) for divisor in not_divisors]
    if divisors or any(divisor.denominator != 1 for divisor in not_divisors):
        magnitudes.append(_FEW_DIGITS)
    elif magnitudes:
        magnitudes.append(_FEW_DIGITS_OR_NO_INTEGER)
    if not whole:
        magnitudes.append(_NO_INTEGER)
    if not magnitudes:
        signed = _by_sign(bounds)
        if signed is not None:
            return signed
    edges = bounds.for_doubles()
    if edges is not None and (bounds.is_small or not whole):
        return _between(*edges, magnitudes)
    parts = [] if edges is None else [_between(*edges, [*magnitudes, _BROKEN])]
    if whole:
        low, high = [(None if end is None else Fraction(end), False) for end in bounds.for_integers(is_double)]
        parts.append(_between(low, high, [*magnitudes, NATURAL]))
    return _union(parts)


def _between(low: Edge, high: Edge, magnitudes: list[Regex]) -> Regex:
    """Decimals between two ends, the magnitude of which is in all of `magnitudes`."""
    parts: list[Regex] = []
    if high[0] is None or high[0] >= 0:
        least = low if low[0] is not None and low[0] >= 0 else (Fraction(0), False)
        parts.append(_meet([_at_least(*least), _at_most(*high), *magnitudes]))
    if low[0] is None or low[0] <= 0:
        least = (Fraction(0), False) if high[0] is None or high[0] > 0 else (-high[0], high[1])
        most = (None if low[0] is None else -low[0], low[1])
        parts.append(Concat((MINUS, _meet([_at_least(*least), _at_most(*most), *magnitudes]))))
    return _union(parts)


def _by_sign(bounds: Bounds) -> Regex | None:
    """The language of bounds that the sign alone decides, exponents included; None if there is more to decide."""
    if bounds.minimum is None and bounds.maximum is None:
        return NUMBER
    if bounds.minimum == 0 and bounds.maximum is None and not bounds.excludes_minimum:
        return _union([UNSIGNED_NUMBER, Concat((MINUS, _ZERO))])
    if bounds.maximum == 0 and bounds.minimum is None and not bounds.excludes_maximum:
        return _union([Concat((MINUS, UNSIGNED_NUMBER)), _ZERO])
    return None


def _at_least(low: Fraction | None, excluded: bool) -> Regex:
    """Unsigned decimals that are not below `low`; above it if `excluded`."""
    if low is None or (low <= 0 and not excluded):
        return UNSIGNED_DECIMAL
    if low == 0:  # the zeros are bounded: with more of them a double underflows to 0, which is excluded
        tiny = Concat((Text("0."), Repeat(Text("0"), 0, 300), NONZERO, Repeat(DIGIT)))
        return _union([tiny, Concat((_naturals_from(1), FRACTION))])
    whole, digits = _decimal_digits(low)
    larger = Concat((_naturals_from(whole + 1), FRACTION))
    if not digits:
        return _union([larger, Concat((Text(str(whole)), FRACTION))])
    more = Repeat(DIGIT)
    fraction = _along(
        digits, more, lambda i: [] if digits[i] == "9" else [Concat((_digit(int(digits[i]) + 1, 9), more))]
    )
    return _union([larger, Concat((Text(f"{whole}."), fraction))])


def _at_most(high: Fraction | None, excluded: bool) -> Regex:
    """Unsigned decimals that are not above `high`; nothing if that is an excluded 0."""
    if high is None:
        return UNSIGNED_DECIMAL
    if high < 0 or (high == 0 and excluded):
        return NOTHING
    whole, digits = _decimal_digits(high)
    parts: list[Regex] = [Concat((_naturals(0, whole - 1), FRACTION))] if whole else []
    if not digits:
        return _union([*parts, Concat((Text(str(whole)), _ZERO_FRACTION))])

    def smaller(i: int) -> list[Regex]:
        shorter: list[Regex] = [EMPTY_TEXT] if i else []
        return shorter if digits[i] == "0" else [*shorter, Concat((_digit(0, int(digits[i]) - 1), Repeat(DIGIT)))]

    fraction = _along(digits, Repeat(Text("0")), smaller)
    return _union([*parts, Text(str(whole)), Concat((Text(f"{whole}."), fraction))])


# ----------------------------------------------------------------------------------------------------- decimal divisors


@lru_cache(maxsize=64)
def _multiples_of(divisor: Fraction) -> Regex:
    """Unsigned decimals that are multiples of `divisor` = modulus / 10**places.

    The whole part has some remainder modulo `modulus`; the fraction, read as an integer, must make up for it.
    """
    places, modulus = _scale(divisor)
    needs: dict[int, list[int]] = {}  # what the fraction must be congruent to -> remainders of the whole part
    _check_modulus(modulus // gcd(modulus, 10**places), MAX_RESIDUES)
    shared = modulus // gcd(modulus, 10**places)
    for remainder in range(shared):
        needs.setdefault(-remainder * 10**places % modulus, []).append(remainder)
    parts: list[Regex] = []
    for need, remainders in needs.items():
        whole: Regex = NATURAL
        if shared > 1:
            whole = Intersection((NATURAL, _union([DigitsModulo(shared, r) for r in remainders])))
        parts.append(Concat((whole, _fractions(need, modulus, places))))
    return _union(parts)


def _fractions(need: int, modulus: int, places: int) -> Regex:
    """Optional fractions whose first `places` digits are congruent to `need`, and then only zeros follow."""
    parts: list[Regex] = [EMPTY_TEXT] if need == 0 else []
    for count in range(1, places + 1):
        digits = _congruent(need, modulus, places - count)
        if digits is not None:
            written = _meet([Repeat(DIGIT, count, count), *digits])
            tail = Repeat(Text("0")) if count == places else EMPTY_TEXT
            parts.append(Concat((Text("."), written, tail)))
    if places == 0 and need == 0:
        parts.append(Concat((Text("."), Repeat(Text("0"), 1))))
    return _union(parts)


def _congruent(need: int, modulus: int, missing: int) -> list[Regex] | None:
    """What s must be for s * 10**missing to be congruent to `need` modulo `modulus`; None if nothing is."""
    scale = 10**missing
    divisor = gcd(scale, modulus)
    if need % divisor:
        return None
    reduced = modulus // divisor
    if reduced == 1:
        return []
    return [DigitsModulo(reduced, need // divisor * pow(scale // divisor, -1, reduced) % reduced)]


def _scale(value: Fraction) -> tuple[int, int]:
    """value = modulus / 10**places -> (places, modulus). 0.25 -> (2, 25)"""
    places = 0
    while (value * 10**places).denominator != 1:
        places += 1
    return places, int(value * 10**places)


def _common_multiple(divisors: list[Fraction]) -> Fraction:
    result = Fraction(1) if not divisors else divisors[0]
    for other in divisors[1:]:
        top = result.numerator * other.numerator // gcd(result.numerator, other.numerator)
        result = Fraction(top, gcd(result.denominator, other.denominator))
    return result


def _check_modulus(modulus: int, limit: int) -> None:
    if modulus > limit:
        raise DivisorTooLarge(f"its multiples need {modulus} states; at most {limit} are supported")


# -------------------------------------------------------------------------------------------------------------- pieces


def _decimal_digits(value: Fraction) -> tuple[int, str]:
    """The whole part, and the digits after the point. 12.5 -> (12, "5")"""
    places, scaled = _scale(value)
    whole, rest = divmod(scaled, 10**places)
    return whole, str(rest).rjust(places, "0") if places else ""


def _digit(first: int, last: int) -> Regex:
    return Chars(((48 + first, 48 + last),))


def _union(parts: list[Regex]) -> Regex:
    return parts[0] if len(parts) == 1 else Union(tuple(parts))


def _meet(parts: list[Regex]) -> Regex:
    """The intersection; unsigned decimals are what every part is made of, so they need not be named."""
    named = [part for part in parts if part is not UNSIGNED_DECIMAL]
    if not named or all(isinstance(part, Complement) for part in named):
        named.append(UNSIGNED_DECIMAL)
    return named[0] if len(named) == 1 else Intersection(tuple(named))
