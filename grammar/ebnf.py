"""EBNF, in the spelling of the W3C or of ISO/IEC 14977: text to a grammar over characters, or an error with the place."""

from __future__ import annotations

from typing import Literal

from . import ebnf_iso, ebnf_w3c
from .ir import Grammar
from .notation_rules import grammar_of


def from_ebnf(text: str, *, start: str | None = None, notation: Literal["w3c", "iso"] = "w3c") -> Grammar:
    """The texts of the rule `start` of an EBNF grammar; by default of the first rule.

    `notation="w3c"` is the spelling of W3C specifications (XML 1.0, section 6), `notation="iso"` that of ISO/IEC 14977.
    An exception (`a - b`) needs sides that are not recursive; only the empty text can be taken from anything.

    Raises:
        GrammarSyntaxError: the text does not parse, names what is not defined, defines a rule twice or without any text,
            has no rule `start`, or asks for what cannot be enforced exactly.

    Warns:
        GrammarWarning: a rule is not used.
    """
    if notation == "w3c":
        return grammar_of(text, ebnf_w3c.read_rules, start, ebnf_w3c.hint)
    if notation == "iso":
        wanted = None if start is None else ebnf_iso.identifier(start)
        return grammar_of(text, ebnf_iso.read_rules, wanted, ebnf_iso.hint)
    raise ValueError(f'notation must be "w3c" or "iso", not {notation!r}')
