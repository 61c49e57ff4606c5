"""Reads EBNF as ISO/IEC 14977:1996 writes it: text to rules."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

from .ir import Text
from .iso_sequences import special_sequence
from .notation_expression import Expression
from .notation_scanner import Lexeme, described, lexemes
from .notation_tree import NOTHING_WRITTEN, Leaf, Name, Rule, Tree
from .regex_escapes import Mistake

_LEXEME: Final = re.compile(
    r"""
      (?P<gap>\s++)
    | (?P<comment>\(\*)
    | (?P<name>[^\W\d]\w*+(?:\s++\w++)*+)
    | (?P<times>[0-9]++\s*+\*)
    | (?P<text>"[^"\n]*+"|'[^'\n]*+')
    | (?P<special>\?[^?]*+\?)
    | (?P<optional>\(/|\[)
    | (?P<end_optional>/\)|\])
    | (?P<repeat>\(:|\{)
    | (?P<end_repeat>:\)|\})
    | (?P<group>\()
    | (?P<end_group>\))
    | (?P<define>=(?!=))
    | (?P<comma>,)
    | (?P<bar>[|/!])
    | (?P<except>-)
    | (?P<stop>[;.])
    """,
    re.VERBOSE,
)
_UNFINISHED: Final = {
    '"': 'this text is not closed by " on its line',
    "'": "this text is not closed by ' on its line",
    "?": "this special sequence is not closed by ?",
    ":": 'rules are written name = ... ; (notation="w3c" reads name ::= ...)',
    "=": "rules are written name = ... ;",
    "*": "repetition is written { }, or number * factor",
    "+": "repetition at least once is written { }-, or x, { x }",
    "<": "names are written without < >",
    "#": 'a character by its number is written ? U+HHHH ? (notation="w3c" reads #xHH)',
}
_PAIRS: Final = {"end_optional": "optional", "end_repeat": "repeat", "end_group": "group"}
_SIGNS: Final = {"optional": "]", "repeat": "}", "group": ")"}
_COMMENT_BORDER: Final = re.compile(r"\(\*|\*\)")
_PLAIN_NUMBER: Final = re.compile(r"[0-9]+")


def read_rules(text: str) -> list[Rule]:
    """The rules of the text. Raises `Mistake`."""
    return _Reader(text).rules()


def identifier(written: str) -> str:
    """A meta-identifier without its gaps, which mean nothing."""
    return "".join(written.split())


class _Times(NamedTuple):
    """`3 *` in front of a factor."""

    lexeme: Lexeme
    number: int


class _Reader:
    """Reads the rules, one lexeme at a time."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._rules: list[Rule] = []
        self._name: Lexeme | None = None
        self._open: Expression | None = None
        self._times: _Times | None = None
        self._outer: list[_Times | None] = []  # those in front of the open groups
        self._has_exception = [False]  # in the term of each open group

    def rules(self) -> list[Rule]:
        """All rules of the text, with those that were made for deep nesting."""
        for lexeme in lexemes(self._text, _LEXEME, _UNFINISHED, _comment_end):
            if self._open is not None:
                self._element(lexeme, self._open)
            elif lexeme.kind == "name" and self._name is None:
                self._name = lexeme
            elif lexeme.kind == "define" and self._name is not None:
                self._open = Expression(self._name, identifier(self._name.text))
                self._name = None
            elif lexeme.kind != "end" or self._name is not None:
                wanted = "=" if self._name is not None else "the name of a rule"
                raise Mistake(f"{wanted} expected, but {described(lexeme)} stands here", lexeme.offset, wanted)
        return self._rules

    def _element(self, lexeme: Lexeme, rule: Expression) -> None:
        match lexeme.kind:
            case "name":
                self._factor(Name(identifier(lexeme.text), lexeme.offset), lexeme, rule)
            case "text":
                self._factor(Leaf(Text(lexeme.text[1:-1])) if len(lexeme.text) > 2 else NOTHING_WRITTEN, lexeme, rule)
            case "special":
                self._factor(special_sequence(lexeme), lexeme, rule)
            case "times":
                self._count(lexeme, rule)
            case "optional" | "repeat" | "group":
                self._begin(lexeme, rule)
            case "end_optional" | "end_repeat" | "end_group":
                self._end(lexeme, rule)
            case "comma" | "bar" | "stop" | "except":
                self._border(lexeme, rule)
            case "define":
                raise Mistake("the rule before this one is not ended by ;", lexeme.offset, ";")
            case "end":
                rule.finish(0)  # says what is not closed
                raise Mistake(f"rule {rule.name!r} is not ended by ;", rule.head.offset)

    def _factor(self, tree: Tree, lexeme: Lexeme, rule: Expression) -> None:
        self._check_comma(lexeme, rule)
        rule.add(tree)
        self._repeat(rule)

    def _check_comma(self, lexeme: Lexeme, rule: Expression) -> None:
        if rule.is_behind_item:
            raise Mistake(f"a comma is missing before {described(lexeme)}", lexeme.offset, ",", "|", ";", "-")

    def _repeat(self, rule: Expression) -> None:
        if self._times is not None:
            rule.repeat(self._times.lexeme, self._times.number, self._times.number)
            self._times = None

    def _count(self, lexeme: Lexeme, rule: Expression) -> None:
        self._check_comma(lexeme, rule)
        if self._times is not None:
            raise Mistake("two counts stand in front of one factor; put the second one in parentheses", lexeme.offset)
        self._times = _Times(lexeme, int(lexeme.text[:-1].strip().lstrip("0")[:12] or "0"))

    def _begin(self, lexeme: Lexeme, rule: Expression) -> None:
        self._check_comma(lexeme, rule)
        self._outer.append(self._times)
        self._has_exception.append(False)
        self._times = None
        rule.open(lexeme)

    def _end(self, lexeme: Lexeme, rule: Expression) -> None:
        self._fill(rule)
        opening = rule.close(lexeme)
        if opening.kind != _PAIRS[lexeme.kind]:
            message = f"{described(lexeme)} does not close {described(opening)}"
            raise Mistake(message, lexeme.offset, _SIGNS[opening.kind])
        self._has_exception.pop()
        self._times = self._outer.pop()
        if opening.kind != "group":
            rule.repeat(opening, 0, 1 if opening.kind == "optional" else None)
        self._repeat(rule)

    def _border(self, lexeme: Lexeme, rule: Expression) -> None:
        """What ends a factor: the factor may be empty, since ISO/IEC 14977 has an empty sequence."""
        self._fill(rule)
        if lexeme.kind == "except":
            if self._has_exception[-1]:
                raise Mistake("a term has one exception; put the first one in parentheses", lexeme.offset)
            rule.minus(lexeme)
        self._has_exception[-1] = lexeme.kind == "except"
        if lexeme.kind == "comma":
            rule.border()
        elif lexeme.kind == "bar":
            rule.bar()
        elif lexeme.kind == "stop":
            self._rules.append(rule.finish(rule.head.offset))
            self._rules += rule.outlined
            self._open = None

    def _fill(self, rule: Expression) -> None:
        if not rule.is_behind_item:
            rule.add(NOTHING_WRITTEN)
            self._repeat(rule)


def _comment_end(text: str, start: int) -> int:
    """The place behind a comment; comments stand in comments."""
    depth = 0
    for border in _COMMENT_BORDER.finditer(text, start):
        depth += 1 if border[0] == "(*" else -1
        if depth == 0:
            return border.end()
    raise Mistake("this comment is not closed by *)", start)


def hint(text: str, rules: Mapping[str, Rule], offset: int) -> str:
    """What may be meant by the name there, which is not defined."""
    match = re.compile(r"\w+(?:\s+\w+)*").match(text, offset)
    words = match[0].split() if match else []
    if len(words) > 1 and all(word in rules for word in words):
        return "; a comma stands between the parts of a sequence, since names may hold spaces"
    similar = [rule for rule in rules if rule.casefold() == "".join(words).casefold()]
    return f"; did you mean {similar[0]!r}?" if similar else "; define it, or put it in quotes if it is a text"
