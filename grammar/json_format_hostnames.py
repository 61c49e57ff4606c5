"""The formats `hostname` and `idn-hostname`: labels of ASCII (RFC 1123), and internationalised ones (RFC 5890 to 5893).

What is a valid label of an internationalised name hangs on Unicode (which characters, what beside what, which direction)
and on the length of its encoding. The former is regular, apart from its tables, which are read off the packages `regex` and
`unicodedata` on first use. The latter is not: Punycode spends between one and five characters on each that is not
ASCII, by what came before. So a bound is kept that holds for every text: see `_weighed`.

Narrower than the RFCs are, so that what is written is certain to be valid:

- no label begins with `xn--`, or has hyphens in third and fourth place: whether the rest decodes is not regular
- in labels that are not ASCII: characters of the basic plane only, which this interpreter's Unicode knows; one
  combining mark after a character (the order of more matters), and of those that may compose with it only vowel signs;
  hyphens one at a time; U+30FB beside a Japanese character; zero-width non-joiners directly between joining letters
- the length of these labels, see above; at most four labels in a name that is not ASCII
- beside a label that is written from right to left, other labels are ASCII
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache

from .ir import EMPTY_TEXT, Concat, Intersection, Regex, Text, TextSet, Union
from .regex import from_regex
from .regex_algebra import chars, concat, repeat, union
from .regex_sets import CodePoints, contains, difference, intersection, of_code_points
from .regex_sets import union as union_of_sets

_ALNUM = "[0-9A-Za-z]"
_INNER = "[0-9A-Za-z-]"
# By length up to four, and beyond. Written out, since the complement of what is reserved, beside the bound on the length
# of the whole name, costs a hundred times as many states.
_BEGUN = rf"{_INNER}(?:{_ALNUM}{_INNER}|-{_ALNUM})"
_REST = rf"(?:{_INNER}{{0,2}}{_ALNUM}|{_BEGUN}{_INNER}{{0,58}}{_ALNUM})?"
_LABEL = rf"{_ALNUM}{_REST}"
_SHORTER_LABEL = rf"(?!.{{63}}){_LABEL}"
_INDIC = (0x900, 0x1C00)


@cache
def hostname_content() -> Regex:
    """Names of ASCII labels."""
    return Intersection((from_regex(rf"{_LABEL}(?:\.{_LABEL})*"), from_regex(r".{1,253}")))


@cache
def idn_hostname_content(dots: str) -> Regex:
    """Names of ASCII and other labels, with one of `dots` between them.

    If one label has a letter that is written from right to left, all of them must keep the rules of RFC 5893. Four labels
    of at most 62 characters each are no more than 253.
    """
    free = union((from_regex(_SHORTER_LABEL), _left_to_right()))
    directed = union((from_regex(rf"(?=[A-Za-z]){_SHORTER_LABEL}"), _right_to_left()))
    dot = from_regex(f"[{dots}]")
    names = (concat((label, repeat(concat((dot, label)), 0, 3))) for label in (free, directed))
    return union((hostname_content(), *names))


# ------------------------------------------------------------------------------------------------------------ characters


@cache
def _basic_plane() -> str:
    return "".join(map(chr, range(0x10000)))


@cache
def _having(expression: str) -> CodePoints:
    """The code points of the basic plane that an expression of the package `regex` describes."""
    import regex

    found = regex.finditer(rf"{expression}+", _basic_plane(), flags=regex.VERSION1)
    return tuple((match.start(), match.end() - 1) for match in found)


_JAMO = r"\p{Hangul_Syllable_Type=L}\p{Hangul_Syllable_Type=V}\p{Hangul_Syllable_Type=T}"
_EXCEPTIONS = "\u00df\u03c2\u06fd\u06fe\u0f0b\u3007"
_DISALLOWED = r"\u0640\u07fa\u302e\u302f\u3031-\u3035\u303b\u20d0-\u20ff"
_CONTEXTUAL = r"\u00b7\u0375\u05f3\u05f4\u0660-\u0669\u06f0-\u06f9\u30fb"


@cache
def _valid() -> CodePoints:
    """PVALID of RFC 5892 in the basic plane: letters, marks and digits that no mapping changes."""
    letters = r"\p{Ll}\p{Lo}\p{Lm}\p{Mn}\p{Mc}\p{Nd}"
    changed = r"\p{NFKC_QC=No}\p{Changes_When_Casefolded=Yes}\p{Default_Ignorable_Code_Point=Yes}"
    derived = _having(rf"[[{letters}]--[{changed}{_JAMO}{_DISALLOWED}{_CONTEXTUAL}]]")
    known = (match.span() for match in re.finditer(r"\w+", _basic_plane()))
    marks = (code for low, high in _having(r"\p{M}") for code in range(low, high + 1))
    assigned = of_code_points(code for code in marks if unicodedata.category(chr(code)) != "Cn")
    present = union_of_sets(tuple((start, end - 1) for start, end in known), assigned)
    return union_of_sets(intersection(derived, present), of_code_points(map(ord, _EXCEPTIONS)))


@cache
def _vowel_signs() -> tuple[CodePoints, CodePoints]:
    """The marks that may compose with a character before them and are no combining marks, and the characters they compose with."""
    signs = intersection(_valid(), _having(r"[\p{NFC_QC=Maybe}&&\p{CCC=0}]"))
    firsts: list[int] = []
    for code in range(*_INDIC):
        parts = unicodedata.decomposition(chr(code)).split()
        if len(parts) == 2 and contains(signs, int(parts[1], 16)):
            firsts.append(int(parts[0], 16))
    return difference(signs, of_code_points(firsts)), of_code_points(firsts)


# ---------------------------------------------------------------------------------------------------------------- labels


def _directed(*classes: str) -> str:
    return "".join(rf"\p{{Bidi_Class={name}}}" for name in classes)


@cache
def _left_to_right() -> Regex:
    """A label without any letter or digit that is written from right to left: RFC 5893 demands no more of it."""
    return Intersection((_units(_having(rf"[^{_directed('R', 'AL', 'AN')}]")), _short()))


@cache
def _right_to_left() -> Regex:
    """Rules 1 to 4 of RFC 5893: digits of one kind only."""
    letter, mark = (chars(_having(rf"[{_directed(*names)}]")) for names in (("R", "AL"), ("NSM",)))
    labels: list[Regex] = []
    for own, other in (("EN", "AN"), ("AN", "EN")):
        inner = repeat(chars(_having(rf"[^{_directed('L', other)}]")), 0, None)
        last = chars(_having(rf"[{_directed('R', 'AL', own)}]"))
        labels.append(concat((letter, repeat(concat((inner, last)), 0, 1), repeat(mark, 0, None))))
    return Intersection((_units(_having(rf"[^{_directed('L')}]")), union(labels), _short()))


def _units(allowed: CodePoints) -> Regex:
    """Characters with at most one combining mark each, in the contexts that RFC 5892 demands of some.

    No mark begins, and none stands where it composes with the character before it, so the text is in normal form C. A hyphen
    stands between two others.
    """
    valid = intersection(_valid(), allowed)
    combining, maybe = _having(r"\P{CCC=0}"), _having(r"\p{NFC_QC=Maybe}")
    signs, firsts = (intersection(valid, some) for some in _vowel_signs())
    single = difference(valid, union_of_sets(combining, maybe))
    digits = intersection(_having("[\u0660-\u0669\u06f0-\u06f9]"), allowed)
    free = difference(union_of_sets(single, digits), firsts)
    settled_marks = difference(intersection(valid, combining), maybe)
    joined = concat((chars(intersection(settled_marks, _having(r"\p{CCC=9}"))), _JOINERS))
    marks, contexts = union((chars(settled_marks), joined)), _in_context(single)
    unit, first = (
        concat((union((chars(letters), contexts)), repeat(marks, 0, 1)))
        for letters in (free, difference(free, _having(r"\p{M}")))
    )
    open_ = chars(firsts)  # no vowel sign may follow at once
    settled = union((unit, concat((open_, marks)), concat((Text("-"), unit))))
    go_on = union((concat((repeat(open_, 0, None), settled)), concat((chars(signs), repeat(marks, 0, 1)))))
    return concat((first, repeat(go_on, 0, None), repeat(open_, 0, None)))


_NON_JOINER = Text("\u200c")
_JOINERS = TextSet(("\u200c", "\u200d"))


def _in_context(single: CodePoints) -> Regex:
    """Characters of appendix A of RFC 5892 beside the characters of `single` that they need."""

    def having(expression: str) -> Regex:
        return chars(intersection(single, _having(expression)))

    both = r"\p{Joining_Type=Dual_Joining}"
    inside = repeat(concat((having(both), _NON_JOINER)), 0, None)
    right = having(rf"[{both}\p{{Joining_Type=Right_Joining}}]")
    joined = concat((having(rf"[{both}\p{{Joining_Type=Left_Joining}}]"), _NON_JOINER, inside, right))
    catalan = concat((having("l"), repeat(Text("\u00b7l"), 1, None)))
    greek = concat((Text("\u0375"), having(r"[\p{Script=Greek}&&[\u0370-\u03ff]]")))
    hebrew = concat((having(r"\p{Script=Hebrew}"), repeat(TextSet(("\u05f3", "\u05f4")), 1, None)))
    japanese = having(r"[[\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Han}]&&[\u3041-\u30ff\u4e00-\u9fff]]")
    dots = repeat(Text("\u30fb"), 1, None)
    return union((joined, catalan, greek, hebrew, concat((japanese, dots)), concat((dots, japanese))))


# ---------------------------------------------------------------------------------------------------------------- length

_ENCODED = 54
"""What the weights of a label may come to. With four characters for `xn--` and one for the hyphen behind what is ASCII, no
label that keeps it takes more than 62: the costs below, and two characters more, are the most that Punycode can need."""
_BLOCKS = ((0x80, 0x17F), *((low, low + 0xFF) for low in (*range(0x300, 0x1100, 0x100), 0x3000)))


@cache
def _short() -> Regex:
    """Labels that are certainly not too long: every character of the basic plane costs at most five, and three if all that are
    not ASCII are of one script, that is, of 256 neighbours. Then their differences, which are what is encoded, are small.
    """
    everything = _weighed(((0x80, 0xFFFF),), 5)
    return union((everything, *(_weighed(((low, high),), 3) for low, high in _BLOCKS)))


def _weighed(ranges: CodePoints, weight: int) -> Regex:
    """Texts of ASCII characters, which weigh 1, and of the characters of `ranges`, up to the bound."""
    ascii_, heavy = chars(((0, 0x7F),)), chars(ranges)
    light: list[Regex] = [EMPTY_TEXT]
    for budget in range(1, _ENCODED + 1):
        go_on: list[Regex] = [Concat((ascii_, light[budget - 1]))]
        go_on += [Concat((heavy, light[budget - weight]))] if budget >= weight else []
        light.append(Union((EMPTY_TEXT, *go_on)))
    return light[-1]
