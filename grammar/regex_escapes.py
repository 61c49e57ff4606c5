"""Escapes and bracketed classes of regular expressions, in the spelling of Python and of ECMA-262.

Each reader takes the pattern and the place of a backslash or bracket, and returns what stands there and the place
behind it. Mistakes are raised as `Mistake`, which `from_regex` turns into `GrammarSyntaxError`.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import NamedTuple, NoReturn, TypeAlias

from .ir import MAX_CODE_POINT, Range, Regex
from .regex_algebra import chars
from .regex_case import ignoring_case
from .regex_sets import CodePoints, inverted, normalised
from .regex_unicode import python_class, unicode_property

Element: TypeAlias = int | CodePoints
Found: TypeAlias = tuple[Element, int]

LINE_TERMINATORS: CodePoints = ((0x0A, 0x0A), (0x0D, 0x0D), (0x2028, 0x2029))
_ECMA_CLASSES: dict[str, CodePoints] = {
    "d": ((0x30, 0x39),),
    "w": ((0x30, 0x39), (0x41, 0x5A), (0x5F, 0x5F), (0x61, 0x7A)),
    "s": (
        (0x09, 0x0D), (0x20, 0x20), (0xA0, 0xA0), (0x1680, 0x1680), (0x2000, 0x200A),
        (0x2028, 0x2029), (0x202F, 0x202F), (0x205F, 0x205F), (0x3000, 0x3000), (0xFEFF, 0xFEFF),
    ),
}  # fmt: skip
_CONTROLS = {"f": 0x0C, "n": 0x0A, "r": 0x0D, "t": 0x09, "v": 0x0B}
_OCTAL = re.compile(r"[0-7]{1,3}")
_PROPERTY = re.compile(r"\{(\w+)(?:=(\w+))?\}", re.ASCII)


class Mistake(Exception):  # noqa: N818 - it never leaves the front end
    """What is wrong with a pattern, at which offset, and what could have stood there."""

    def __init__(self, message: str, offset: int, *expected: str) -> None:
        super().__init__(message)
        self.message = message
        self.offset = offset
        self.expected = expected


class Flags(NamedTuple):
    """The settings that change what a piece of pattern means."""

    ecma: bool
    ignore_case: bool = False
    multiline: bool = False
    dot_all: bool = False
    verbose: bool = False
    ascii: bool = False

    @property
    def case_kind(self) -> str:
        """The rule for comparing characters, as `ignoring_case` names it."""
        return "ecma" if self.ecma else "ascii" if self.ascii else "python"


# ------------------------------------------------------------------------------------------------------------ escapes


@lru_cache(maxsize=64)
def class_escape(letter: str, flags: Flags) -> CodePoints:
    """What `\\d \\D \\s \\S \\w \\W` mean."""
    ranges = _ECMA_CLASSES[letter.lower()] if flags.ecma else python_class(letter.lower(), flags.ascii)
    if flags.ecma and flags.ignore_case:
        ranges = ignoring_case(ranges, "ecma")
    return ranges if letter.islower() else inverted(ranges)


def read_escape(text: str, at: int, flags: Flags, *, in_class: bool) -> Found:
    """A character (int) or set behind the backslash at `at`; anchors are the caller's business."""
    letter = text[at + 1 : at + 2]
    if not letter:
        raise Mistake("the pattern ends with a backslash", at, "an escaped character")
    if letter in "dDsSwW":
        return class_escape(letter, flags), at + 2
    if letter == "b" and in_class:
        return 0x08, at + 2
    if letter in _CONTROLS:
        return _CONTROLS[letter], at + 2
    return (_ecma_escape if flags.ecma else _python_escape)(text, at, letter, in_class)


def _python_escape(text: str, at: int, letter: str, in_class: bool) -> Found:
    if letter in "xuU":
        return _python_hexadecimal(text, at, {"x": 2, "u": 4, "U": 8}[letter])
    if letter == "N":
        return _named_character(text, at)
    if letter in "0123456789":
        return _python_digits(text, at, in_class)
    if letter == "a":
        return 0x07, at + 2
    return _itself(at, letter)


def _python_hexadecimal(text: str, at: int, count: int) -> Found:
    code = _hexadecimal(text, at + 2, count)
    if code is None or code > MAX_CODE_POINT:
        raise Mistake(f"incomplete escape {text[at : at + 2 + count]!r}", at, f"{count} hexadecimal digits")
    return code, at + 2 + count


def _hexadecimal(text: str, at: int, count: int) -> int | None:
    digits = text[at : at + count]
    return int(digits, 16) if re.fullmatch(rf"[0-9a-fA-F]{{{count}}}", digits) else None


def _named_character(text: str, at: int) -> Found:
    match = re.compile(r"\{([^}]+)\}").match(text, at + 2)
    if match is None:
        raise Mistake("missing character name", at + 2, "{NAME}")
    try:
        return ord(unicodedata.lookup(match[1])), match.end()
    except (KeyError, TypeError):
        raise Mistake(f"undefined character name {match[1]!r}", at) from None


def _python_digits(text: str, at: int, in_class: bool) -> Found:
    """`\\0oo`, and `\\ooo` of three digits, are characters; in a class shorter ones too. The rest are references."""
    match = _OCTAL.match(text, at + 1)
    if match is None or not (in_class or text[at + 1] == "0" or len(match[0]) == 3):
        if in_class:
            raise Mistake(f"unknown escape \\{text[at + 1]}", at)
        refuse_reference(at)
    code = int(match[0], 8)
    if code > 0o377:
        raise Mistake(f"octal escape \\{match[0]} is beyond \\377", at)
    return code, match.end()


def refuse_reference(at: int) -> NoReturn:
    """Raise the error for any kind of back-reference."""
    raise Mistake("back-references are not supported: the language would not be regular", at)


def _itself(at: int, letter: str) -> Found:
    if letter.isascii() and letter.isalpha():
        raise Mistake(f"unknown escape \\{letter}", at)
    return ord(letter), at + 2


def _ecma_escape(text: str, at: int, letter: str, in_class: bool) -> Found:
    if letter in "pP":
        return _property_escape(text, at, letter)
    if letter == "u":
        return _ecma_unicode(text, at)
    if letter == "x":
        code = _hexadecimal(text, at + 2, 2)
        if code is None:
            raise Mistake("incomplete escape \\x", at, "two hexadecimal digits")
        return code, at + 4
    if letter == "c":
        return _ecma_control(text, at)
    if letter == "k" and not in_class:
        refuse_reference(at)
    if letter in "0123456789":
        return _ecma_digits(text, at, in_class)
    return _itself(at, letter)


def _ecma_control(text: str, at: int) -> Found:
    letter = text[at + 2 : at + 3]
    if not (letter.isascii() and letter.isalpha()):
        raise Mistake("incomplete escape \\c", at, "a letter")
    return ord(letter) % 32, at + 3


def _ecma_digits(text: str, at: int, in_class: bool) -> Found:
    if text[at + 1] == "0" and not text[at + 2 : at + 3].isdecimal():
        return 0, at + 2
    if text[at + 1] == "0" or in_class:
        raise Mistake("octal escapes are not part of ECMA-262 with Unicode", at, "\\xHH or \\u{H}")
    refuse_reference(at)


def _ecma_unicode(text: str, at: int) -> Found:
    """`\\u{H...}`, `\\uHHHH`, and two of those that are a surrogate pair."""
    braced = re.compile(r"\{([0-9a-fA-F]+)\}").match(text, at + 2)
    if braced:
        code = int(braced[1], 16)
        if code > MAX_CODE_POINT:
            raise Mistake("code point beyond U+10FFFF", at)
        return code, braced.end()
    unit = _hexadecimal(text, at + 2, 4)
    if unit is None:
        raise Mistake("incomplete escape \\u", at, "four hexadecimal digits", "{H...}")
    if not 0xD800 <= unit <= 0xDFFF:
        return unit, at + 6
    low = _hexadecimal(text, at + 8, 4) if text.startswith("\\u", at + 6) else None
    if unit > 0xDBFF or low is None or not 0xDC00 <= low <= 0xDFFF:
        raise Mistake("half of a surrogate pair: no text contains it alone", at, "\\u{H...}")
    return 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00), at + 12


def _property_escape(text: str, at: int, letter: str) -> Found:
    match = _PROPERTY.match(text, at + 2)
    if match is None:
        raise Mistake(f"incomplete escape \\{letter}", at, "{Property}", "{Property=Value}")
    try:
        ranges = unicode_property(match[1], match[2])
    except LookupError:
        raise Mistake(f"unknown Unicode property {match[0][1:-1]}", at + 3) from None
    return ranges if letter == "p" else inverted(ranges), match.end()


# ------------------------------------------------------------------------------------------------------------ classes

_CLASS_REST = re.compile(r"(?:[^\]\\]|\\.)*\]", re.DOTALL)


def read_class(text: str, at: int, flags: Flags) -> tuple[Regex, int]:
    """The bracketed class that begins at `at`."""
    first = at + (2 if text.startswith("[^", at) else 1)
    if not flags.ecma and text.startswith("]", first):  # there Python takes it for itself
        first += 1
    match = _CLASS_REST.match(text, first)
    if match is None:
        raise Mistake("unterminated character class", at, "]")
    try:
        return _class(text[at : match.end()], flags), match.end()
    except Mistake as mistake:
        mistake.offset += at
        raise


@lru_cache(maxsize=1024)
def _class(text: str, flags: Flags) -> Regex:
    """A whole class, brackets included."""
    negative = text.startswith("[^")
    at = 2 if negative else 1
    characters: list[Range] = []
    sets: list[Range] = []
    while at < len(text) - 1:
        element, at = _class_element(text, at, flags)
        if isinstance(element, int):
            element, at = _range(text, at, element, flags)
            characters += element
        else:
            sets += element
            if text[at] == "-" and at + 1 < len(text) - 1:
                element, at = _hyphen_after_set(text, at, flags)
                sets += element
    ranges = _case_closed(characters, sets, flags)
    return chars(inverted(ranges) if negative else ranges)


def _class_element(text: str, at: int, flags: Flags) -> Found:
    return read_escape(text, at, flags, in_class=True) if text[at] == "\\" else (ord(text[at]), at + 1)


def _range(text: str, at: int, low: int, flags: Flags) -> tuple[CodePoints, int]:
    """`low` alone, or up to the character behind a hyphen."""
    if text[at] != "-" or at + 1 == len(text) - 1:
        return ((low, low),), at
    high, end = _class_element(text, at + 1, flags)
    if not isinstance(high, int):
        if not flags.ecma:
            raise Mistake("a character class cannot end a range", at + 1)
        return ((low, low),), at
    if high < low:
        raise Mistake(f"the range {text[at - 1]}-{text[at + 1 : end]} is out of order", at - 1)
    return ((low, high),), end


def _hyphen_after_set(text: str, at: int, flags: Flags) -> tuple[CodePoints, int]:
    """ECMA-262 (annex B) reads `\\d-x` as the digits, a hyphen and an x; Python does not allow it."""
    if not flags.ecma:
        raise Mistake("a character class cannot begin a range", at)
    element, end = _class_element(text, at + 1, flags)
    members = ((element, element),) if isinstance(element, int) else element
    return normalised([(0x2D, 0x2D), *members]), end


def _case_closed(characters: list[Range], sets: list[Range], flags: Flags) -> CodePoints:
    """Python ignores the case of the characters of a class only, ECMA-262 also that of its sets."""
    if not flags.ignore_case:
        return normalised(characters + sets)
    if flags.ecma:
        return ignoring_case(normalised(characters + sets), "ecma")
    return normalised([*ignoring_case(normalised(characters), flags.case_kind), *sets])
