"""What Unicode says about characters: the classes of Python's `re`, and the properties behind `\\p{...}`.

Nothing is tabulated here. The classes of Python are read off `re` itself, by running it once over all code points, so
they are right for whatever Unicode version this interpreter has. Scripts and binary properties are not in the standard
library; they, and general categories with them so that all of `\\p{...}` speaks of one Unicode version, are read in
the same way off the `regex` package, which is kept current with each Unicode release and which every installation has
anyway, since `transformers` depends on it. One property costs about ten milliseconds, once per process.
"""

from __future__ import annotations

import re
import sys
from array import array
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from .ir import MAX_CODE_POINT
from .regex_sets import EVERY_CODE_POINT, CodePoints

if TYPE_CHECKING:
    from collections.abc import Iterator

# Binary properties of ECMA-262 (table 68); `Any`, `ASCII` and `Assigned` are defined there and not by Unicode.
_BINARY = frozenset(
    (
        "ASCII_Hex_Digit AHex Alphabetic Alpha Bidi_Control Bidi_C Bidi_Mirrored Bidi_M Case_Ignorable CI Cased "
        "Changes_When_Casefolded CWCF Changes_When_Casemapped CWCM Changes_When_Lowercased CWL "
        "Changes_When_Titlecased CWT Changes_When_Uppercased CWU Dash Default_Ignorable_Code_Point DI "
        "Deprecated Dep Diacritic Dia Emoji Emoji_Component EComp Emoji_Modifier EMod Emoji_Modifier_Base EBase "
        "Emoji_Presentation EPres Extended_Pictographic ExtPict Extender Ext Grapheme_Base Gr_Base "
        "Grapheme_Extend Gr_Ext Hex_Digit Hex ID_Continue IDC ID_Start IDS Ideographic Ideo "
        "Join_Control Join_C Logical_Order_Exception LOE Lowercase Lower Math Noncharacter_Code_Point NChar "
        "Pattern_Syntax Pat_Syn Pattern_White_Space Pat_WS Quotation_Mark QMark Radical Regional_Indicator RI "
        "Sentence_Terminal STerm Soft_Dotted SD Terminal_Punctuation Term Unified_Ideograph UIdeo Uppercase Upper "
        "Variation_Selector VS White_Space space XID_Continue XIDC XID_Start XIDS"
    ).split()
)

# General categories: short name -> the other spellings of ECMA-262 (table 69).
_CATEGORY_NAMES = {
    "L": "Letter", "LC": "Cased_Letter", "Lu": "Uppercase_Letter", "Ll": "Lowercase_Letter",
    "Lt": "Titlecase_Letter", "Lm": "Modifier_Letter", "Lo": "Other_Letter",
    "M": "Mark Combining_Mark", "Mn": "Nonspacing_Mark", "Mc": "Spacing_Mark", "Me": "Enclosing_Mark",
    "N": "Number", "Nd": "Decimal_Number digit", "Nl": "Letter_Number", "No": "Other_Number",
    "P": "Punctuation punct", "Pc": "Connector_Punctuation", "Pd": "Dash_Punctuation", "Ps": "Open_Punctuation",
    "Pe": "Close_Punctuation", "Pi": "Initial_Punctuation", "Pf": "Final_Punctuation", "Po": "Other_Punctuation",
    "S": "Symbol", "Sm": "Math_Symbol", "Sc": "Currency_Symbol", "Sk": "Modifier_Symbol", "So": "Other_Symbol",
    "Z": "Separator", "Zs": "Space_Separator", "Zl": "Line_Separator", "Zp": "Paragraph_Separator",
    "C": "Other", "Cc": "Control cntrl", "Cf": "Format", "Cs": "Surrogate", "Co": "Private_Use", "Cn": "Unassigned",
}  # fmt: skip
_CATEGORIES = {name: short for short, long in _CATEGORY_NAMES.items() for name in (short, *long.split())}


@cache
def every_character() -> str:
    """All code points in order, surrogates included: character i is `chr(i)`."""
    byte_order = "utf-32-le" if sys.byteorder == "little" else "utf-32-be"
    return array("I", range(MAX_CODE_POINT + 1)).tobytes().decode(byte_order, "surrogatepass")


@cache
def python_class(letter: str, ascii_only: bool = False) -> CodePoints:
    """What `\\d`, `\\s` or `\\w` (by its letter) matches in Python's `re` for a str."""
    characters = "".join(map(chr, range(128))) if ascii_only else every_character()
    found = re.finditer(rf"\{letter}+", characters, re.ASCII if ascii_only else re.UNICODE)
    return tuple((match.start(), match.end() - 1) for match in found)


@lru_cache(maxsize=256)
def unicode_property(name: str, value: str | None = None) -> CodePoints:
    """The set behind `\\p{name}` or `\\p{name=value}`, with the names of ECMA-262, which allows no loose matching.

    Raises LookupError for a name or value that ECMA-262 or Unicode does not know.
    """
    if value is None and name == "Any":
        return EVERY_CODE_POINT
    if value is None and name == "ASCII":
        return ((0, 0x7F),)
    return tuple(_runs(_property_expression(name, value)))


def _property_expression(name: str, value: str | None) -> str:
    """The same property as the `regex` package spells it."""
    if value is None and name in _BINARY:
        return rf"\p{{{name}=Yes}}"
    if value is None and name == "Assigned":
        return r"\P{General_Category=Cn}"
    category = name if value is None else value
    if (value is None or name in ("General_Category", "gc")) and category in _CATEGORIES:
        return rf"\p{{General_Category={_CATEGORIES[category]}}}"
    if name in ("Script", "sc", "Script_Extensions", "scx") and value and re.fullmatch(r"[A-Z][A-Za-z_]*", value):
        return rf"\p{{{name}={value}}}"
    raise LookupError(name if value is None else f"{name}={value}")


def _runs(expression: str) -> Iterator[tuple[int, int]]:
    import regex

    try:
        pattern = regex.compile(f"{expression}+")
    except regex.error as error:
        raise LookupError(expression) from error
    for match in pattern.finditer(every_character()):
        yield match.start(), match.end() - 1
