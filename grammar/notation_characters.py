"""Character classes of GBNF and EBNF: members and ranges to a set of code points, or a mistake with its place."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from .ir import NOTHING, Range, Regex
from .regex_algebra import chars
from .regex_escapes import Mistake
from .regex_sets import SURROGATES, inverted, normalised


class Member(NamedTuple):
    """A character of a class; `plain` if it stands for itself, and may so be the hyphen of a range."""

    code: int
    offset: int
    plain: bool


def bracketed(text: str, offset: int, members: Callable[[str, int], Iterable[Member]]) -> Regex:
    """The class that `[...]` or `[^...]` writes; `members` reads what stands inside, given its place."""
    negative = text.startswith("[^")
    first = 2 if negative else 1
    return class_of(list(members(text[first:-1], offset + first)), offset, negative=negative)


def class_of(members: Sequence[Member], offset: int, *, negative: bool) -> Regex:
    """The class of these members, which are characters and ranges `x-y`; a hyphen at either end is itself.

    Raises `Mistake` for a range out of order, half of a surrogate pair, and a class that no character is in.
    """
    if not members:
        meaning = "a single . or the negation of something" if negative else '"" for the empty text'
        raise Mistake(f"this character class is empty; write {meaning}", offset, "a character", "a range")
    ranges: list[Range] = []
    at = 0
    while at < len(members):
        is_range = at + 2 < len(members) and members[at + 1].plain and members[at + 1].code == ord("-")
        low, high = members[at], members[at + 2 if is_range else at]
        ranges.append(_range(low, high))
        at += 3 if is_range else 1
    found = normalised(ranges)
    regex = chars(inverted(found) if negative else found)
    if regex is NOTHING:
        raise Mistake("no character is in this class, so nothing could be written here", offset)
    return regex


def _range(low: Member, high: Member) -> Range:
    if high.code < low.code:
        raise Mistake(
            f"the range {_shown(low.code)} to {_shown(high.code)} is out of order; the smaller character comes first",
            low.offset,
        )
    if low is high:
        refuse_surrogate(low.code, low.offset)
    return low.code, high.code


def refuse_surrogate(code: int, offset: int) -> None:
    """Raise `Mistake` for a code point that no text contains."""
    if SURROGATES[0] <= code <= SURROGATES[1]:
        raise Mistake(
            f"U+{code:04X} is half of a surrogate pair: no text contains it alone; write the code point of the whole pair",
            offset,
        )


def _shown(code: int) -> str:
    return repr(chr(code)) if 0x20 < code < 0x7F else f"U+{code:04X}"
