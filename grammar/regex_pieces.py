"""Expressions that are put together piece by piece, and never grow beyond what is worth being one expression."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from . import ir
from .regex_algebra import concat, repeat, union
from .rule_analysis import barren_regex, regex_parts, regexes_within

_MOST_SIZE: Final = 4000
_MOST_DEPTH: Final = 200  # the lexer follows up to 1000, but counts in another way
_PLAIN: Final = (ir.Text, ir.Chars, ir.TextSet)
_NARROW: Final = 16
_UNIT: Final = 16  # characters or ranges that cost as much as a node


class Piece(NamedTuple):
    """An expression, its size if nothing of it is shared, and how deep it is nested."""

    regex: ir.Regex
    size: int = 1
    depth: int = 1


NOTHING: Final = Piece(ir.NOTHING)
EMPTY: Final = Piece(ir.EMPTY_TEXT)


def piece_of(regex: ir.Regex) -> Piece | None:
    """A given expression; None if it is too large to be part of a larger one."""
    if isinstance(regex, ir.Text):
        return _bounded(regex, _own_size(regex), 1)
    sizes: dict[int, tuple[int, int]] = {}
    for node in regexes_within(regex):
        parts = [sizes[id(part)] for part in regex_parts(node)]
        size = _own_size(node) + sum(size for size, _ in parts)
        sizes[id(node)] = min(size, _MOST_SIZE + 1), 1 + max((depth for _, depth in parts), default=0)
    size, depth = sizes[id(regex)]
    return NOTHING if barren_regex(regex) else _bounded(regex, size, depth)


def _own_size(regex: ir.Regex) -> int:
    match regex:
        case ir.Text(text):
            return 1 + len(text) // _UNIT
        case ir.TextSet(texts):
            return 1 + sum(map(len, texts)) // _UNIT
        case ir.Chars(ranges):
            return 1 + len(ranges) // _UNIT
    return 1


def _bounded(regex: ir.Regex, size: int, depth: int) -> Piece | None:
    return None if size > _MOST_SIZE or depth > _MOST_DEPTH else Piece(regex, size, depth)


def is_narrow(piece: Piece) -> bool:
    """Whether the expression is small, and reads few different characters at each place.

    It has no mask that would be worth sharing. Others, like names and strings, have one wherever they stand by themselves.
    """
    if piece.size > _NARROW:
        return False
    for regex in regexes_within(piece.regex):
        if isinstance(regex, ir.Chars) and sum(high - low + 1 for low, high in regex.ranges) > _NARROW:
            return False
        if isinstance(regex, (ir.Complement, ir.JsonString)):
            return False
    return True


def chain(*pieces: Piece) -> Piece | None:
    """One after the other; None if that is too large. What is repeated beside itself is repeated once more."""
    if any(piece.regex is ir.NOTHING for piece in pieces):
        return NOTHING
    kept = [piece for piece in pieces if piece.regex is not ir.EMPTY_TEXT]
    if len(kept) == 1:
        return kept[0]
    parts: list[ir.Regex] = []
    for piece in kept:
        for part in piece.regex.parts if isinstance(piece.regex, ir.Concat) else (piece.regex,):
            merged = _repeated_together(parts[-1], part) if parts else None
            if merged is None:
                parts.append(part)
            else:
                parts[-1] = merged
    return _grown(parts[0], kept) if len(parts) == 1 else _combined(concat(parts), kept)


def alternation(pieces: Iterable[Piece]) -> Piece | None:
    """One of them; None if that is too large."""
    kept = [piece for piece in pieces if piece.regex is not ir.NOTHING]
    if not kept:
        return NOTHING
    plain = [piece for piece in kept if isinstance(piece.regex, _PLAIN)]
    others = [piece for piece in kept if not isinstance(piece.regex, _PLAIN)]
    if len(plain) > 1:  # they become a set of characters and a set of texts
        merged = union(piece.regex for piece in plain)
        plain = [Piece(merged, sum(map(_own_size, regexes_within(merged))), 2)]
    found = union(dict.fromkeys(piece.regex for piece in (*plain, *others)))
    match found:
        case ir.Repeat(ir.Repeat(inner, 1, maximum), 0, 1):
            return _grown(repeat(inner, 0, maximum), others)
    return _combined(found, (*plain, *others))


def any_number(piece: Piece) -> Piece | None:
    """Repeated, also never."""
    return _combined(repeat(piece.regex, 0, None), (piece,))


def _combined(regex: ir.Regex, pieces: Iterable[Piece]) -> Piece | None:
    pieces = list(pieces)
    size = 1 + sum(piece.size for piece in pieces)
    return _bounded(regex, size, 1 + max((piece.depth for piece in pieces), default=0))


def _grown(regex: ir.Regex, pieces: list[Piece]) -> Piece | None:
    """A repetition that the pieces were merged into, most of which are parts of it."""
    more = not any(isinstance(piece.regex, ir.Repeat) for piece in pieces)
    return _bounded(regex, max(piece.size for piece in pieces) + more, max(piece.depth for piece in pieces) + more)


def _repeated_together(left: ir.Regex, right: ir.Regex) -> ir.Regex | None:
    """`x* x` and its like as one repetition."""
    one, least, most = _repetition(left)
    other, less, more = _repetition(right)
    if not _same(one, other) or (isinstance(one, ir.Text) and left is one and right is other):
        return None
    return repeat(one, least + less, None if most is None or more is None else most + more)


def _repetition(regex: ir.Regex) -> tuple[ir.Regex, int, int | None]:
    return (regex.inner, regex.minimum, regex.maximum) if isinstance(regex, ir.Repeat) else (regex, 1, 1)


def _same(left: ir.Regex, right: ir.Regex) -> bool:
    match left, right:
        case ir.Chars(ranges), ir.Chars(others):
            return ranges == others
        case ir.Text(text), ir.Text(other):
            return text == other
    return left is right
