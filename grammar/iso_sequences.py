"""The special sequences `? ... ?` of ISO/IEC 14977 that have a meaning here; the standard gives them none."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from .ebnf_w3c import character_class
from .errors import GrammarSyntaxError
from .ir import ANY_CHAR, MAX_CODE_POINT, Regex, Text
from .notation_characters import Member, class_of, refuse_surrogate
from .notation_scanner import Lexeme, described
from .notation_tree import Leaf
from .regex import from_regex
from .regex_escapes import Mistake

_CODE_POINTS: Final = re.compile(r"U\+([0-9a-fA-F]{1,8})(?:\s*(?:\.\.|-)\s*U\+([0-9a-fA-F]{1,8}))?")
_FORMS: Final = ("U+HHHH", "U+HHHH..U+HHHH", "[a-z]", "/regex/", "any character", "the Unicode name of a character")


def special_sequence(lexeme: Lexeme) -> Leaf:
    """What `? ... ?` means. Raises `Mistake` for anything but the forms that are known."""
    inside = lexeme.text[1:-1].strip()
    offset = lexeme.offset + lexeme.text.find(inside, 1)
    if inside.startswith("/") and inside.endswith("/") and len(inside) > 1:
        return Leaf(_regex(inside[1:-1], offset + 1))
    if inside.startswith("[") and inside.endswith("]") and "]" not in inside[:-1]:
        return character_class(Lexeme("class", inside, offset))
    if match := _CODE_POINTS.fullmatch(inside):
        return Leaf(_code_points(match, offset))
    if " ".join(inside.casefold().split()) == "any character":
        return Leaf(ANY_CHAR)
    try:
        return Leaf(Text(unicodedata.lookup(" ".join(inside.split()))))
    except KeyError:
        message = f"the special sequence {described(lexeme)} has no meaning here"
        raise Mistake(message, lexeme.offset, *_FORMS) from None


def _regex(pattern: str, offset: int) -> Regex:
    try:
        return from_regex(pattern)
    except GrammarSyntaxError as error:
        raise Mistake(error.message, offset + error.offset, *error.expected) from None


def _code_points(match: re.Match[str], offset: int) -> Regex:
    members = []
    for number in (1, 2) if match[2] else (1,):
        code, place = int(match[number], 16), offset + match.start(number) - 2
        if code > MAX_CODE_POINT:
            raise Mistake(f"U+{match[number]} is beyond the last code point, U+10FFFF", place)
        members.append(Member(code, place, False))
    if len(members) == 1:
        refuse_surrogate(members[0].code, members[0].offset)
        return Text(chr(members[0].code))
    return class_of([members[0], Member(ord("-"), offset, True), members[1]], offset, negative=False)
