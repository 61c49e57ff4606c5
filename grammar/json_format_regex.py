"""The format `regex`: patterns that every reader of regular expressions reads, with groups nested to a bounded depth.

The patterns of ECMA-262 are no regular language: parentheses balance, a reference needs its group, a name may be given
once. What is described here is a part of them, and every text of it is a pattern for ECMA-262 with the flag `u`, without
it, and for Python's `re`, which is what the format checker of `jsonschema` asks. So the following are left out:

- groups inside more than `MAX_DEPTH` others; references to groups, named groups, flags
- what ECMA-262 reads and Python does not: `[]`, `[^]`, `\\cA`, `\\p{...}`, `\\u{...}`, look-behind of no fixed width
- what Python reads and ECMA-262 does not: `\\a`, `(?P<name>...)`, `(?#...)`, possessive quantifiers, a `]` by itself
- counts beyond 999; and `{n,m}` with an n of three digits and m of as many, since n must not exceed m
- a few ranges of characters beyond ASCII whose ends are close together, for the same reason: see `_ranges`
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from itertools import pairwise

from .ir import Regex, Text, TextSet
from .regex import from_regex
from .regex_algebra import chars, concat, repeat, union
from .regex_sets import intersection, inverted, normalised

MAX_DEPTH = 8
"""How deeply groups nest."""

_SYNTAX = "^$\\.*+?()[]{}|"
_OPERATORS = "&~|"
_CONTROLS = {"\\t": 9, "\\n": 10, "\\v": 11, "\\f": 12, "\\r": 13}
_IDENTITIES = {"\\" + char: ord(char) for char in _SYNTAX + "/"}
_LAST = 0xFFFF
"""The last end of a range. Beyond it, a reader without the flag `u` sees two characters."""
_SURROGATES = (0xD800, 0xDFFF)
_CLASS_ESCAPES = {**_CONTROLS, **_IDENTITIES, "\\b": 8, "\\-": ord("-")}
_CLASS_LITERALS = inverted(normalised((ord(char), ord(char)) for char in "\\]-[^" + _OPERATORS))
"""Of the characters that stand for themselves in a class, those that may come first or begin a range."""


def regex_content() -> Regex:
    """The patterns."""
    quantifier = _quantifier()
    plain = union((_raw(_SYNTAX), Text("."), _escape(), _class()))
    fixed = repeat(concat((plain, repeat(_count(), 0, 1))), 0, None)
    behind = concat((TextSet(("(?<=", "(?<!")), fixed, Text(")")))
    assertion = union((TextSet(("^", "$", "\\b", "\\B")), behind))
    simple = union((assertion, Text("|"), concat((plain, quantifier))))
    inner = repeat(simple, 0, None)
    for _ in range(MAX_DEPTH):
        group = concat((TextSet(("(", "(?:")), inner, Text(")"), quantifier))
        ahead = concat((TextSet(("(?=", "(?!")), inner, Text(")")))
        inner = repeat(union((simple, group, ahead)), 0, None)
    return inner


def _raw(excluded: str) -> Regex:
    """A character that stands for itself."""
    return chars(inverted(normalised((ord(char), ord(char)) for char in excluded)))


def _quantifier() -> Regex:
    """Nothing, or a repetition, which may be lazy."""
    repetition = union((TextSet(("*", "+", "?")), _count(), from_regex(_BOUNDS)))
    return repeat(concat((repetition, repeat(Text("?"), 0, 1))), 0, 1)


def _count() -> Regex:
    return from_regex(r"\{(?:0|[1-9][0-9]{0,2})\}")


def _two_digits() -> str:
    """Pairs `n,m` of two digits each, n not above m."""
    pairs = ((tens, ones) for tens in range(1, 10) for ones in range(10))
    return "|".join(
        f"{tens}{ones},(?:{tens}[{ones}-9]" + (f"|[{tens + 1}-9][0-9])" if tens < 9 else ")") for tens, ones in pairs
    )


_ONE_DIGIT = "|".join(f"{n},[{n}-9]" for n in range(10))
_BOUNDS = (
    r"\{(?:(?:0|[1-9][0-9]{0,2}),|[0-9],[1-9][0-9]{1,2}|[1-9][0-9],[1-9][0-9]{2}"
    rf"|{_ONE_DIGIT}|{_two_digits()})\}}"
)


def _escape() -> Regex:
    """An escape that stands for a character, or for a class of them."""
    return union((TextSet((*_CONTROLS, *_IDENTITIES)), _SETS, from_regex(r"\\x[0-9A-Fa-f]{2}|\\u[0-9A-Fa-f]{4}")))


_SETS = TextSet(tuple("\\" + letter for letter in "dDsSwW"))

# -------------------------------------------------------------------------------------------------------------- classes


def _class() -> Regex:
    """`[...]`. Two of `&~|` beside each other, and `--`, are left out: some dialects take them for operations on sets."""
    range_ = _ranges()
    escape = union((_SETS, TextSet(tuple(_CLASS_ESCAPES)), _byte(0, 0xFF), _unicode(0, _LAST)))
    item = union((_raw("\\]-" + _OPERATORS), escape, range_))
    first = union((chars(_CLASS_LITERALS), escape, range_))
    operator = repeat(TextSet(tuple(_OPERATORS)), 0, 1)
    items = repeat(concat((item, operator)), 0, None)
    dash = repeat(Text("-"), 0, 1)
    begun = concat((first, operator, items, dash))
    body = union((begun, concat((TextSet(tuple(_OPERATORS)), items, dash)), concat((Text("-"), operator, items))))
    return concat((TextSet(("[", "[^")), body, Text("]")))


def _ranges() -> Regex:
    """`a-b` with a not above b, both spelled in the same way: as themselves, `\\x41` or `\\u0041`.

    Of ASCII every such pair (except `\\u`, beyond the control characters). Elsewhere the memory of an automaton ends: the code points are cut into blocks, and b lies in
    a later block than a.
    """
    dash = Text("-")
    found = [concat((_literal(*block), dash, _literal(_beyond(*block), _LAST))) for block in _blocks(_LITERAL_BLOCKS)]
    found += [concat((_unicode(*block), dash, _unicode(_beyond(*block), _LAST))) for block in _blocks(_UNICODE_BLOCKS)]
    found += [concat((_byte(code, code), dash, _byte(code, 0xFF))) for code in range(0x80)]
    return union(found)


_LITERAL_BLOCKS = ((0, 1), (0x80, 0x10), (0x600, 0x40), (0x3200, 0xE00), (0x4000, 0x400))
_UNICODE_BLOCKS = ((0, 1), (0x20, 0x10), (0x600, 0x80), (0x3200, 0xE00), (0x4000, 0x1000))
"""From which code point on the blocks have which size."""


def _blocks(sizes: tuple[tuple[int, int], ...]) -> Iterator[tuple[int, int]]:
    """The blocks of the first ends of ranges."""
    for (start, size), (stop, _) in pairwise((*sizes, (0xF000, 0))):
        for low in range(start, stop, size):
            if not _SURROGATES[0] <= low <= _SURROGATES[1]:
                yield low, low + size - 1


def _beyond(low: int, high: int) -> int:
    """The least second end."""
    return low if low == high else high + 1


def _literal(low: int, high: int) -> Regex:
    """A code point from `low` to `high` that stands for itself in a class, or behind a backslash if it must."""
    escapes = tuple(text for text, code in _CLASS_ESCAPES.items() if low <= code <= high) if low < 0x80 else ()
    return union((TextSet(escapes), chars(intersection(((low, high),), _CLASS_LITERALS))))


def _byte(low: int, high: int) -> Regex:
    return concat((Text("\\x"), _hexadecimal(low, high, 2)))


@cache
def _unicode(low: int, high: int) -> Regex:
    """Without surrogates: two of them are one character where the flag `u` is given, and two where it is not."""
    parts = ((low, min(high, _SURROGATES[0] - 1)), (max(low, _SURROGATES[1] + 1), high))
    return concat((Text("\\u"), union(_hexadecimal(first, last, 4) for first, last in parts if first <= last)))


@cache
def _hexadecimal(low: int, high: int, digits: int) -> Regex:
    """The numbers from `low` to `high` in so many hexadecimal digits, of either case."""
    if digits == 1:
        return _digits(low, high)
    size = 16 ** (digits - 1)
    first, last = low // size, high // size
    if first == last:
        return concat((_digits(first, first), _hexadecimal(low % size, high % size, digits - 1)))
    found: list[Regex] = []
    if low % size:
        found.append(concat((_digits(first, first), _hexadecimal(low % size, size - 1, digits - 1))))
        first += 1
    if (high + 1) % size:
        found.append(concat((_digits(last, last), _hexadecimal(0, high % size, digits - 1))))
        last -= 1
    if first <= last:
        found.append(concat((_digits(first, last), repeat(_digits(0, 15), digits - 1, digits - 1))))
    return union(found)


@cache
def _digits(first: int, last: int) -> Regex:
    letters = "0123456789abcdef"[first : last + 1]
    return chars(normalised((ord(char), ord(char)) for char in letters + letters.upper()))
