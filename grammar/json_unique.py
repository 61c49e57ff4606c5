"""One spelling for each value: how scalars and names are written where texts are compared.

`uniqueItems` compares values, an automaton compares texts. Inside arrays whose items must differ, numbers therefore are
plain decimals without exponent, without zeros at the end of the fraction and without `-0`, and those with a fraction
have at most 16 characters, so that no two of them are read as the same double; strings are canonical.
"""

from __future__ import annotations

from .ir import ANY_CHAR, ANY_TEXT, Chars, Complement, Concat, Intersection, Regex, Repeat, Text, Union
from .json_numbers import DIGIT, INTEGER, MINUS, NATURAL, NONZERO
from .lower_regex import share

_LONGEST_FRACTION = 16

_WHOLE = Intersection((INTEGER, Complement(Text("-0"))))
_BROKEN = Intersection(
    (Concat((NATURAL, Text("."), Repeat(DIGIT), NONZERO)), Repeat(Chars(((46, 46), (48, 57))), 1, _LONGEST_FRACTION))
)
UNIQUE_INTEGER = share(_WHOLE)
UNIQUE_NUMBER = share(Union((_WHOLE, Concat((Repeat(MINUS, 0, 1), _BROKEN)))))
UNIQUE_TEXT = share(Concat((ANY_TEXT,)))


def unique_number(regex: Regex) -> Regex:
    """The numbers of `regex` that are spelled uniquely."""
    return Intersection((regex, UNIQUE_NUMBER))


def unique_content(content: Regex) -> Regex:
    """The same strings, none of which may be spelled freely: only repeated `ANY_CHAR` by itself may."""
    if content is ANY_TEXT:
        return UNIQUE_TEXT
    free = isinstance(content, Repeat) and content.inner is ANY_CHAR
    return Concat((content,)) if free else content
