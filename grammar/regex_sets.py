"""Sets of code points as ascending, disjoint, non-touching inclusive ranges, and the algebra of such sets.

This is the form that `ir.Chars` holds. Every function takes and returns sets in this form; `normalised` makes it from
any list of ranges.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from typing import TypeAlias

from .ir import MAX_CODE_POINT, Range

CodePoints: TypeAlias = tuple[Range, ...]

NO_CODE_POINT: CodePoints = ()
EVERY_CODE_POINT: CodePoints = ((0, MAX_CODE_POINT),)
SURROGATES: Range = (0xD800, 0xDFFF)


def normalised(ranges: Iterable[Range]) -> CodePoints:
    """Sort, and merge what overlaps or touches."""
    result: list[Range] = []
    for low, high in sorted(ranges):
        if result and low <= result[-1][1] + 1:
            if high > result[-1][1]:
                result[-1] = (result[-1][0], high)
        else:
            result.append((low, high))
    return tuple(result)


def of_code_points(codes: Iterable[int]) -> CodePoints:
    """The set of these code points."""
    return normalised((code, code) for code in codes)


def union(*sets: CodePoints) -> CodePoints:
    """What is in any of the sets."""
    return normalised([pair for ranges in sets for pair in ranges])


def inverted(ranges: CodePoints) -> CodePoints:
    """Every code point that is not in the set."""
    result = []
    start = 0
    for low, high in ranges:
        if low > start:
            result.append((start, low - 1))
        start = high + 1
    if start <= MAX_CODE_POINT:
        result.append((start, MAX_CODE_POINT))
    return tuple(result)


def intersection(left: CodePoints, right: CodePoints) -> CodePoints:
    """What is in both sets."""
    if left == EVERY_CODE_POINT:
        return right
    if right == EVERY_CODE_POINT:
        return left
    return tuple(_overlaps(left, right))


def _overlaps(left: CodePoints, right: CodePoints) -> Iterator[Range]:
    i = j = 0
    while i < len(left) and j < len(right):
        low, high = max(left[i][0], right[j][0]), min(left[i][1], right[j][1])
        if low <= high:
            yield low, high
        if left[i][1] < right[j][1]:
            i += 1
        else:
            j += 1


def difference(left: CodePoints, right: CodePoints) -> CodePoints:
    """What is in `left` and not in `right`."""
    return intersection(left, inverted(right))


def contains(ranges: CodePoints, code: int) -> bool:
    """Whether the code point is in the set."""
    place = bisect_right(ranges, (code, MAX_CODE_POINT)) - 1
    return place >= 0 and ranges[place][1] >= code


def partition(sets: Iterable[CodePoints]) -> tuple[CodePoints, ...]:
    """The coarsest division of all code points in which each of the sets is a union of parts."""
    parts = [EVERY_CODE_POINT]
    for ranges in sets:
        halves = [half for part in parts for half in (intersection(part, ranges), difference(part, ranges))]
        parts = [half for half in halves if half]
    return tuple(parts)
