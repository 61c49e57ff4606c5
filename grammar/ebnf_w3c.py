"""Reads EBNF as the W3C writes it (Extensible Markup Language 1.0, section 6): text to rules."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from .ir import MAX_CODE_POINT, Text
from .notation_characters import Member, bracketed, refuse_surrogate
from .notation_expression import Expression
from .notation_scanner import Lexeme, described, lexemes
from .notation_tree import NOTHING_WRITTEN, Leaf, Name, Rule
from .regex_escapes import Mistake

_NAME: Final = r"[^\W\d][\w.]*+(?:-[\w.]++)*+"
_GAP: Final = r"(?:\s++|/\*(?:[^*]++|\*(?!/))*+\*/)*+"
_LEXEME: Final = re.compile(
    rf"""
      (?P<gap>\s++|/\*(?:[^*]++|\*(?!/))*+\*/)
    | (?P<head>{_NAME}{_GAP}::=)
    | (?P<name>{_NAME})
    | (?P<constraint>\[\s*(?i:wfc|vc)\s*:[^\]]*+\])
    | (?P<number>\[[0-9]++[A-Za-z]*+\](?=[ \t]*+{_NAME}\s*+::=))
    | (?P<class>\[[^\]\n]*+\])
    | (?P<character>\#x[0-9a-fA-F]++)
    | (?P<text>"[^"\n]*+"|'[^'\n]*+')
    | (?P<bar>\|)
    | (?P<open>\()
    | (?P<close>\))
    | (?P<times>[*+?])
    | (?P<minus>-)
    | (?P<define>::=)
    """,
    re.VERBOSE,
)
_UNFINISHED: Final = {
    '"': 'this text is not closed by " on its line; a line feed is written #xA',
    "'": "this text is not closed by ' on its line; a line feed is written #xA",
    "[": "this character class is not closed by ] on its line; a line feed is written #xA",
    "/*": "this comment is not closed by */",
    "#": "a character is written #x and its code point in hexadecimal digits",
    "=": 'rules are written name ::= ... (notation="iso" reads name = ... ;)',
    ":": "rules are written name ::= ...",
    ";": 'rules have no sign at the end (notation="iso" reads name = ... ;)',
    ",": 'parts stand one behind the other without a comma (notation="iso" reads those)',
    "{": 'repetition is written ? * + (notation="iso" reads { })',
    "<": "names are written without < >",
    ".": "any character is written [#x0-#x10FFFF]",
}
_MEMBER: Final = re.compile(r"#x([0-9a-fA-F]+)|.")
_TIMES: Final[Mapping[str, tuple[int, int | None]]] = {"*": (0, None), "+": (1, None), "?": (0, 1)}


def read_rules(text: str) -> list[Rule]:
    """The rules of the text. Raises `Mistake`."""
    return _Reader(text).rules()


class _Reader:
    """Reads the rules, one lexeme at a time."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._rules: list[Rule] = []
        self._open: Expression | None = None
        self._before = Lexeme("", "", 0)
        self._are_numbered = False

    def rules(self) -> list[Rule]:
        """All rules of the text, with those that were made for deep nesting."""
        for lexeme in lexemes(self._text, _LEXEME, _UNFINISHED):
            if self._is_number(lexeme):
                continue
            if lexeme.kind in ("head", "end"):
                self._finish()
                name = re.match(_NAME, lexeme.text)
                self._open = name and Expression(lexeme, name[0])
            elif self._open is None:
                raise Mistake(f"a rule (name ::= ...) expected, but {described(lexeme)} stands here", lexeme.offset)
            else:
                self._element(lexeme, self._open)
            self._before = lexeme
        return self._rules

    def _is_number(self, lexeme: Lexeme) -> bool:
        """Whether it is the number of a rule, which begins a line, and which the first rule has too."""
        if lexeme.kind != "number":
            return False
        if self._before.kind == "":
            self._are_numbered = True
        line = self._text.rfind("\n", 0, lexeme.offset) + 1
        return self._are_numbered and not self._text[line : lexeme.offset].strip()

    def _finish(self) -> None:
        if self._open is not None:
            if self._before.kind == "head":
                raise Mistake(
                    f'rule {self._open.name!r} says nothing; write "" for the empty text', self._before.offset
                )
            self._rules.append(self._open.finish(self._open.head.offset))
            self._rules += self._open.outlined

    def _element(self, lexeme: Lexeme, rule: Expression) -> None:
        match lexeme.kind:
            case "name":
                rule.add(Name(lexeme.text, lexeme.offset))
            case "text":
                rule.add(Leaf(Text(lexeme.text[1:-1])) if len(lexeme.text) > 2 else NOTHING_WRITTEN)
            case "character":
                rule.add(_character(lexeme))
            case "class" | "number":
                rule.add(character_class(lexeme))
            case "bar":
                rule.bar()
            case "open":
                rule.open(lexeme)
            case "close":
                rule.close(lexeme)
            case "times":
                rule.repeat(lexeme, *_TIMES[lexeme.text])
            case "minus":
                rule.minus(lexeme)
            case "constraint":
                _refuse_constraint(lexeme)
            case "define":
                raise Mistake("::= stands behind the name of a rule", lexeme.offset, "a rule name")


def _refuse_constraint(lexeme: Lexeme) -> None:
    raise Mistake(
        f"the constraint {described(lexeme)} is a remark in words, which nothing can enforce; take it out if the grammar "
        "is right without it",
        lexeme.offset,
    )


# ----------------------------------------------------------------------------------------------------------- characters


def _character(lexeme: Lexeme) -> Leaf:
    code = _code_point(lexeme.text[2:], lexeme.offset)
    refuse_surrogate(code, lexeme.offset)
    return Leaf(Text(chr(code)))


def _code_point(digits: str, offset: int) -> int:
    code = int(digits.lstrip("0")[:9] or "0", 16)
    if code > MAX_CODE_POINT:
        raise Mistake(f"#x{digits[:40]} is beyond the last code point, #x10FFFF", offset)
    return code


def character_class(lexeme: Lexeme) -> Leaf:
    """`[a-z]`, `[^#x0-#x1F"]` and the like; there are no escapes but `#xN`."""
    return Leaf(bracketed(lexeme.text, lexeme.offset, _members))


def _members(inside: str, offset: int) -> Iterator[Member]:
    for match in _MEMBER.finditer(inside):
        place = offset + match.start()
        if match[1] is not None:
            yield Member(_code_point(match[1], place), place, False)
        else:
            if inside.startswith("#x", match.start()):
                raise Mistake("#x in a class needs hexadecimal digits; the sign # itself is #x23", place)
            yield Member(ord(match[0]), place, True)


def hint(text: str, rules: Mapping[str, Rule], offset: int) -> str:
    """What may be meant by the name there, which is not defined."""
    match = re.compile(_NAME).match(text, offset)
    name = match[0] if match else ""
    if "-" in name and name.split("-")[0] in rules:
        return "; write spaces around the - of an exception"
    similar = [rule for rule in rules if rule.casefold() == name.casefold()]
    return f"; did you mean {similar[0]!r}?" if similar else "; define it, or put it in quotes if it is a text"
