"""Strings of many thousands of characters, counted in blocks, so that counting takes few states.

A repetition has a state for each count. Here the characters within a block are counted by a lexeme, which is the same for
all blocks, and the blocks by the place in the grammar: 100,000 characters take 2,048 counts of the one, and 49 of the other.
"""

from __future__ import annotations

from typing import Final

from . import ir

_LONG: Final = 1 << 15
"""A bound up to which a repetition does."""
_BLOCK: Final = 1 << 11
"""Where a token may go from one block into the next, masks take longer: so blocks are not small."""
_MOST_BLOCKS: Final = 1 << 10


@ir.immutable
class FreeChars(ir.Terminal):
    """So many characters of a JSON string, in any spelling: a node of the lowered grammar alone."""


def long_string(minimum: int, maximum: int) -> ir.Sequence | None:
    """A JSON string of any text between these bounds (-1: no upper one), if one of them is large; else None."""
    if minimum <= _LONG >= maximum:
        return None
    block = max(_BLOCK, max(minimum, maximum) // _MOST_BLOCKS + 1)
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
