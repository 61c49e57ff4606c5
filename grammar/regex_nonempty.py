"""The non-empty texts of a regular expression, as an expression of about the same size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .ir import (
    EMPTY_TEXT,
    NOTHING,
    Chars,
    Complement,
    Concat,
    DigitsModulo,
    Intersection,
    Regex,
    Repeat,
    Text,
    TextSet,
    Union,
)
from .regex_algebra import concat, repeat, union
from .rule_analysis import nullable_regex, regexes_within

_DIGITS = Repeat(Chars(((ord("0"), ord("9")),)), 1)


def without_empty(regex: Regex) -> Regex:
    """The texts of the expression but the empty one; `NOTHING` if there is no other by form."""
    if not nullable_regex(regex):
        return regex
    known: dict[int, Regex] = {}
    for part in regexes_within(regex):
        known[id(part)] = _without_empty(part, known)
    return known[id(regex)]


def _without_empty(regex: Regex, known: Mapping[int, Regex]) -> Regex:
    match regex:
        case Text(text):
            return regex if text else NOTHING
        case TextSet(texts):
            return union(Text(text) for text in texts if text) if "" in texts else regex
        case Union(parts):
            return union(known[id(part)] for part in parts) if _changed(parts, known) else regex
        case Concat(parts):
            return _concat(parts, known) if all(known[id(part)] is not part for part in parts) else regex
        case Repeat(inner, minimum, maximum):
            if minimum == 0 or known[id(inner)] is not inner:
                return NOTHING if maximum == 0 else repeat(known[id(inner)], 1, maximum)
        case Intersection(parts):
            if all(known[id(part)] is not part for part in parts):
                return Intersection((known[id(parts[0])], *parts[1:]))
        case Complement(inner):
            if known[id(inner)] is inner:
                return Complement(union((inner, EMPTY_TEXT)))
        case DigitsModulo():
            return Intersection((regex, _DIGITS)) if nullable_regex(regex) else regex
    return regex


def _changed(parts: Sequence[Regex], known: Mapping[int, Regex]) -> bool:
    return any(known[id(part)] is not part for part in parts)


def _concat(parts: Sequence[Regex], known: Mapping[int, Regex]) -> Regex:
    """Of parts that all match the empty text: halved, so that the result nests no deeper than the logarithm."""
    if not parts:
        return NOTHING
    if len(parts) == 1:
        return known[id(parts[0])]
    half = len(parts) // 2
    left, right = parts[:half], parts[half:]
    return union((concat((_concat(left, known), *right)), _concat(right, known)))
