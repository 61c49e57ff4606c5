"""Where an interval of numbers begins and ends for readers, who take integers as they are, and other texts for doubles.

What is written must be valid for the number that the text spells, which is what JSON Schema speaks of, and for the double
next to it, which is what a reader makes of a fraction: `9007199254740993.0` is read as 2**53. A text without a fraction is
read exactly. So beyond 2**53, and next to a bound that is excluded, the texts with a fraction end at another place than
those without. Every double inside the interval can be written.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from math import ceil, floor, inf, nextafter
from typing import TypeAlias

Edge: TypeAlias = tuple[Fraction | None, bool]
"""An end of an interval, None if it is open, and whether the end is excluded."""

_LARGEST = sys.float_info.max
ALL_EXACT = 1 << 53
"""Every integer from the negative of this to this is a double."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """An interval of the number line; None is without bound."""

    minimum: Fraction | None = None
    maximum: Fraction | None = None
    excludes_minimum: bool = False
    excludes_maximum: bool = False

    @property
    def is_small(self) -> bool:
        """Whether both ends are among the integers that are all doubles: then those within are the same for every text."""
        return all(bound is None or abs(bound) < ALL_EXACT for bound in (self.minimum, self.maximum))

    def for_doubles(self) -> tuple[Edge, Edge] | None:
        """The ends for texts with a fraction; None if there are none."""
        low = _least(self.minimum, self.excludes_minimum)
        high = _least(None if self.maximum is None else -self.maximum, self.excludes_maximum)
        if low is None or high is None:
            return None
        return low, (None if high[0] is None else -high[0], high[1])

    def for_integers(self, is_double: Callable[[int], bool]) -> tuple[int | None, int | None]:
        """The ends for texts without one, both included. `is_double`: whether the schema spells a bound as a double."""
        low = None if self.minimum is None else _first(self.minimum, self.excludes_minimum, is_double)
        high = None if self.maximum is None else -_first(-self.maximum, self.excludes_maximum, lambda v: is_double(-v))
        return low, high


def _least(bound: Fraction | None, excluded: bool) -> Edge | None:
    """From where on decimals, and the doubles next to them, are not below a bound; None if no double is so large."""
    if not bound:  # at zero, the sign tells
        return bound, excluded
    if bound.denominator == 1 and abs(bound) < ALL_EXACT and not excluded:
        return bound, False
    double = _nearest(bound)
    if abs(bound) < ALL_EXACT and _spelled(double) == bound:  # it is that double to the readers of the schema
        if not excluded:
            return bound, False
        double = nextafter(double, inf)
    else:
        double = max(double, -_LARGEST)
        while double < inf and (Fraction(double) < bound or (excluded and Fraction(double) == bound)):
            double = nextafter(double, inf)
        if double == inf:
            return None
    first = _spelled(double)
    if first < bound and not excluded:
        return bound, False
    if first < bound or (first == bound and excluded):
        double = nextafter(double, inf)
        first = _spelled(double)
    return None if double == inf else (first, False)


def _first(bound: Fraction, excluded: bool, is_double: Callable[[int], bool]) -> int:
    """The least integer that is not below a bound, nor below the double that the bound may be."""
    first = _next(bound, excluded)
    if bound.denominator != 1 or not may_be_double(int(bound)) or not is_double(int(bound)):
        return first
    return max(first, int(_nearest(bound)) + int(excluded))


def whole_bounds(
    minimum: int | None, maximum: int | None, doubles: Collection[int], step: int = 1
) -> tuple[int | None, int | None]:
    """The bounds of integers, moved to the doubles by which the schema spells them. An excluded double is next to them.

    `doubles`: the whole numbers that the schema spells as doubles. `step`: the integers are multiples of it, and the
    bounds the first and the last of them inside what the schema says.
    """
    low = None if minimum is None else _first_whole(minimum, doubles, step)
    high = None if maximum is None else -_first_whole(-maximum, [-value for value in doubles], step)
    return low, high


def _first_whole(minimum: int, doubles: Collection[int], step: int) -> int:
    near = [value for value in doubles if minimum - step <= value <= minimum and may_be_double(value)]
    return max([minimum, *(int(_nearest(Fraction(value))) + int(value < minimum) for value in near)])


def _next(end: Fraction, excluded: bool) -> int:
    return floor(end) + 1 if excluded else ceil(end)


def may_be_double(value: int) -> bool:
    """Whether a whole number is how a double beyond 2**53 is spelled, though it has another value."""
    double = _nearest(Fraction(value))
    return ALL_EXACT < abs(double) < inf and int(double) != value and _spelled(double) == value


def _nearest(value: Fraction) -> float:
    try:
        return float(value)
    except OverflowError:
        return inf if value > 0 else -inf


def _spelled(double: float) -> Fraction:
    """The number that the shortest text for a double spells."""
    return Fraction(Decimal(repr(double))) if abs(double) < inf else Fraction(0)
