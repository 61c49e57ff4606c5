"""The syntax tree of a regular expression: plain `Regex` nodes wherever possible, and a few nodes for assertions.

An assertion looks at what stands around the place where it is, so it denotes no set of texts by itself;
`regex_assertions.py` dissolves them. All anchors and boundaries are spelled with `Before` and `After`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias, TypeGuard, cast

from .ir import EMPTY_TEXT, Regex
from .regex_algebra import concat, ending_with, longest, repeat, shortest, starting_with, total
from .regex_algebra import union as ir_union
from .regex_sets import CodePoints
from .rule_analysis import nullable_regex


@dataclass(frozen=True, slots=True, eq=False)
class Before:
    """Matches no text, where the character before is in `ranges`, or there is none and `edge` is set."""

    ranges: CodePoints
    edge: bool


@dataclass(frozen=True, slots=True, eq=False)
class After:
    """Matches no text, where the character after is in `ranges`, or there is none and `edge` is set."""

    ranges: CodePoints
    edge: bool


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """Matches no text, where `inner` matches from here on (`ahead`) or up to here; `negative`: where it does not."""

    inner: Tree
    ahead: bool
    negative: bool


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """One after the other; some part is not a plain `Regex`."""

    parts: tuple[Tree, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Either:
    """Any of these; some part is not a plain `Regex`."""

    parts: tuple[Tree, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Loop:
    """`inner` repeated; it is not a plain `Regex`, or stands in an atomic group, where the order of attempts matters."""

    inner: Tree
    minimum: int
    maximum: int | None
    lazy: bool = False


Assertion: TypeAlias = Before | After | Look
Tree: TypeAlias = Regex | Assertion | Series | Either | Loop

_NOT_PLAIN = (Before, After, Look, Series, Either, Loop)


def is_plain(tree: Tree) -> TypeGuard[Regex]:
    """Whether the tree is a `Regex`, free of assertions."""
    return not isinstance(tree, _NOT_PLAIN)


def series(parts: Iterable[Tree]) -> Tree:
    """Concatenation. `x(?=[a-z])y`, with a condition on one character beside a text, is settled at once."""
    parts = tuple(parts)
    if not any(isinstance(part, _NOT_PLAIN) for part in parts):
        return concat(cast(tuple[Regex, ...], parts))
    result: list[Tree] = []
    for part in parts:
        for piece in part.parts if isinstance(part, Series) else (part,):
            _append(result, piece)
    if not result:
        return EMPTY_TEXT
    return result[0] if len(result) == 1 else Series(tuple(result))


def _append(result: list[Tree], piece: Tree) -> None:
    """Add a part to a series; plain neighbours become one, and one-character conditions are worked into them."""
    if is_plain(piece):
        while result and isinstance(after := result[-1], After) and not nullable_regex(piece):
            result.pop()
            piece = starting_with(piece, after.ranges, False)
        if result and is_plain(last := result[-1]):
            result.pop()
            piece = concat((last, piece))
        if piece is EMPTY_TEXT and result:
            return
    elif isinstance(piece, Before) and result and is_plain(last := result[-1]) and not nullable_regex(last):
        result[-1] = ending_with(last, piece.ranges)
        return
    if result and result[-1] is EMPTY_TEXT:
        result.pop()
    result.append(piece)


def either(parts: Iterable[Tree]) -> Tree:
    """Alternation; the plain alternatives are gathered into one."""
    plain: list[Regex] = []
    others: list[Tree] = []
    for part in parts:
        for piece in part.parts if isinstance(part, Either) else (part,):
            if is_plain(piece):
                plain.append(piece)
            else:
                others.append(piece)
    if not others:
        return ir_union(plain)
    if plain:
        others.insert(0, ir_union(plain))
    return others[0] if len(others) == 1 else Either(tuple(others))


def loop(inner: Tree, minimum: int, maximum: int | None) -> Tree:
    """Repetition. Repeating what matches no text changes nothing."""
    if is_plain(inner):
        return repeat(inner, minimum, maximum)
    if maximum == 0:
        return EMPTY_TEXT
    if (minimum, maximum) == (1, 1):
        return inner
    if width(inner)[1] == 0:
        return inner if minimum else EMPTY_TEXT
    return Loop(inner, minimum, maximum)


def settled(tree: Tree) -> Tree:
    """The tree rebuilt by the smart constructors, once the order of attempts no longer matters."""
    match tree:
        case Series(parts):
            return series(map(settled, parts))
        case Either(parts):
            return either(map(settled, parts))
        case Loop(inner, minimum, maximum):
            return loop(settled(inner), minimum, maximum)
        case Look(inner, ahead, negative):
            return Look(settled(inner), ahead, negative)
    return tree


def width(tree: Tree) -> tuple[int, int | None]:
    """The least and the greatest length of what the tree matches, in code points; None is without bound."""
    match tree:
        case Before() | After() | Look():
            return 0, 0
        case Series(parts):
            widths = [width(part) for part in parts]
            return sum(low for low, _ in widths), total(high for _, high in widths)
        case Either(parts):
            widths = [width(part) for part in parts]
            highs = [high for _, high in widths if high is not None]
            return min(low for low, _ in widths), max(highs) if len(highs) == len(widths) else None
        case Loop(inner, minimum, maximum):
            low, high = width(inner)
            return low * minimum, 0 if high == 0 else None if high is None or maximum is None else high * maximum
    return shortest(tree), longest(tree)
