"""Strings of many thousands of characters, counted in blocks, so that counting takes few states.

A repetition has a state for each count. Here the characters within a block are counted by a lexeme, which is the same for
all blocks, and the blocks by the place in the grammar: 100,000 characters take 2,048 counts of the one, and 49 of the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from . import ir
from .lower_regex import free_bounds

_LONG: Final = 1 << 15
"""A bound up to which a repetition does."""
_BLOCK: Final = 1 << 11
"""Where a token may go from one block into the next, masks take longer: so blocks are not small."""
_MOST_BLOCKS: Final = 1 << 10


@dataclass(frozen=True, slots=True, eq=False)
class FreeChars(ir.Terminal):
    """So many characters of a JSON string, in any spelling: a node of the lowered grammar alone."""


def long_string(content: ir.Regex) -> ir.Sequence | None:
    """A JSON string with this content, if that is any text with a large bound on its length; else None."""
    bounds = free_bounds(content)
    if bounds is None or max(bounds) <= _LONG:
        return None
    minimum, maximum = bounds
    block = max(_BLOCK, max(bounds) // _MOST_BLOCKS + 1)
    full = _chars(block, block)
    parts: list[ir.Node] = [full] * (minimum // block)
    parts.append(_chars(minimum % block, minimum % block))
    parts.append(_chars(0, None) if maximum < 0 else _at_most(maximum - minimum, block, full))
    quote = ir.Terminal(ir.Text('"'))
    return ir.Sequence((quote, *parts, quote))


def _at_most(most: int, block: int, full: ir.Node) -> ir.Node:
    """Full blocks and less than one more; after all of them, the rest."""
    less = _chars(0, block - 1)
    result: ir.Node = _chars(0, most % block)
    for _ in range(most // block):
        result = ir.Choice((ir.Sequence((full, result)), less))
    return result


def _chars(minimum: int, maximum: int | None) -> FreeChars:
    return FreeChars(ir.Repeat(ir.ANY_CHAR, minimum, maximum))
