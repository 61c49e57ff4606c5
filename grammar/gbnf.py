"""GBNF, the grammar notation of llama.cpp: text to a grammar over characters, exactly, or an error with the place."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from .ir import ANY_CHAR, MAX_CODE_POINT, Grammar, Text
from .notation_characters import Member, bracketed, refuse_surrogate
from .notation_expression import Expression
from .notation_rules import grammar_of
from .notation_scanner import Lexeme, described, lexemes
from .notation_tree import NOTHING_WRITTEN, Leaf, Name, Rule, Special
from .regex_escapes import Mistake

_GAP = r"(?:[ \t\r\n]++|\#[^\r\n]*+)*+"
_LEXEME: Final = re.compile(
    rf"""
      (?P<gap>[ \t]++|\#[^\r\n]*+)
    | (?P<newline>\r\n?|\n)
    | (?P<head>[A-Za-z0-9_-]++[ \t]*+::=)
    | (?P<name>[A-Za-z0-9_-]++)
    | (?P<define>::=)
    | (?P<text>"(?:[^"\\]++|\\.)*+")
    | (?P<class>\[(?:[^\]\\]++|\\.)*+\])
    | (?P<any>\.)
    | (?P<bar>\|)
    | (?P<open>\()
    | (?P<close>\))
    | (?P<times>[*+?])
    | (?P<count>\{{{_GAP}[0-9]++{_GAP}(?:,{_GAP}[0-9]*+{_GAP})?\}})
    | (?P<token>!?<(?:\[[0-9]++\]|[^<>\n]++)>)
    """,
    re.VERBOSE | re.DOTALL,
)
_UNFINISHED: Final = {
    '"': 'this text is not closed by "',
    "[": "this character class is not closed by ]",
    "{": "a count is written {m}, {m,} or {m,n}, with {0,n} for at most n",
    "'": 'texts are written between "double quotes"',
    "<": "a token is written <[number]> or <text>",
    "!": "a token is written !<[number]> or !<text>",
    "=": "rules are written name ::= ...",
    ":": "rules are written name ::= ...",
    ";": "rules end with their line, without a sign",
    "/": "comments begin with #",
}
_ESCAPE: Final = re.compile(r"""\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([nrt\\"\[\]-]))""")
_CONTROLS: Final = {"n": "\n", "r": "\r", "t": "\t"}
_ESCAPES: Final = ("\\n", "\\r", "\\t", '\\"', "\\\\", "\\[", "\\]", "\\-", "\\xHH", "\\uHHHH", "\\UHHHHHHHH")
_TIMES: Final[Mapping[str, tuple[int, int | None]]] = {"*": (0, None), "+": (1, None), "?": (0, 1)}


def from_gbnf(text: str, *, start: str = "root") -> Grammar:
    """The texts of the rule `start` of a GBNF grammar, the notation of llama.cpp (grammars/README.md there).

    Rules may be left-recursive, and counts may be large. `<think>` is the special token of this name, angles included;
    `!<think>*` and `!<think>+` are text that does not hold the name. Other tokens are refused: what is neither special
    nor repeated without bound is a matter of characters, however a tokenizer cuts them.

    Raises:
        GrammarSyntaxError: the text does not parse, names what is not defined, defines a rule twice or without any text,
            or has no rule `start`.

    Warns:
        GrammarWarning: a rule is not used.
    """
    return grammar_of(text, lambda text: _Reader(text).rules(), start, _hint)


class _Reader:
    """Reads the rules, one lexeme at a time."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._rules: list[Rule] = []
        self._open: Expression | None = None
        self._before = Lexeme("newline", "", 0)

    def rules(self) -> list[Rule]:
        """All rules of the text, with those that were made for deep nesting."""
        for lexeme in _logical_lines(lexemes(self._text, _LEXEME, _UNFINISHED)):
            if lexeme.kind in ("newline", "end"):
                self._finish()
            elif lexeme.kind == "head":
                self._begin(lexeme)
            elif self._open is None:
                message = f"a rule (name ::= ...) expected, but {described(lexeme)} stands here"
                raise Mistake(
                    message + "; a rule ends with its line, except in parentheses and behind |", lexeme.offset
                )
            else:
                self._element(lexeme, self._open)
            self._before = lexeme
        return self._rules

    def _begin(self, head: Lexeme) -> None:
        name = head.text[:-3].rstrip(" \t")
        if self._open is not None:
            if self._open.is_nested:
                self._open.finish(0)  # says what is not closed
            if self._before.kind in ("head", "bar"):
                message = f"rule {name!r} begins before {self._open.name!r} is finished"
                raise Mistake(message + '; write "" for the empty text', head.offset)
            raise Mistake(f"rule {name!r} must begin on a new line", head.offset)
        self._open = Expression(head, name)

    def _finish(self) -> None:
        if self._open is not None:
            if self._before.kind == "head":
                raise Mistake(
                    f'rule {self._open.name!r} says nothing; write "" for the empty text', self._before.offset
                )
            self._rules.append(self._open.finish(self._open.head.offset))
            self._rules += self._open.outlined
            self._open = None

    def _element(self, lexeme: Lexeme, rule: Expression) -> None:
        match lexeme.kind:
            case "name":
                rule.add(Name(lexeme.text, lexeme.offset))
            case "text":
                rule.add(_literal(lexeme))
            case "class":
                rule.add(_class(lexeme))
            case "any":
                rule.add(Leaf(ANY_CHAR))
            case "bar":
                rule.bar()
            case "open":
                rule.open(lexeme)
            case "close":
                rule.close(lexeme)
            case "times":
                rule.repeat(lexeme, *_TIMES[lexeme.text])
            case "count":
                rule.repeat(lexeme, *_count(lexeme))
            case "token":
                rule.add(_token(lexeme))
            case "define":
                raise Mistake("::= stands behind the name of a rule, on the same line", lexeme.offset, "a rule name")


def _logical_lines(found: Iterator[Lexeme]) -> Iterator[Lexeme]:
    """Without the ends of lines that end nothing: in parentheses, behind `::=` and `|`, and before a line that begins with `|`."""
    depth = 0
    before = ""
    newline: Lexeme | None = None
    for lexeme in found:
        if lexeme.kind == "newline":
            if depth == 0 and before not in ("head", "bar"):
                newline = newline or lexeme
            continue
        if newline is not None and lexeme.kind != "bar":
            yield newline
        newline = None
        depth = max(0, depth + (lexeme.kind == "open") - (lexeme.kind == "close"))
        before = lexeme.kind
        yield lexeme


def _token(lexeme: Lexeme) -> Special:
    name = lexeme.text.removeprefix("!")
    if name.startswith("<["):
        message = f"the token {lexeme.text} is given by its number, which means nothing without its vocabulary"
        raise Mistake(message + "; write the name of a special token, or a text in quotes", lexeme.offset, "<name>")
    return Special(name, lexeme.offset, other=name != lexeme.text)


# ----------------------------------------------------------------------------------------------------------- characters


def _literal(lexeme: Lexeme) -> Leaf:
    inside = lexeme.text[1:-1]
    if not inside:
        return NOTHING_WRITTEN
    if "\\" not in inside:
        return Leaf(Text(inside))
    characters = []
    for member in _members(inside, lexeme.offset + 1):
        refuse_surrogate(member.code, member.offset)
        characters.append(chr(member.code))
    return Leaf(Text("".join(characters)))


def _class(lexeme: Lexeme) -> Leaf:
    return Leaf(bracketed(lexeme.text, lexeme.offset, _members))


def _members(inside: str, offset: int) -> Iterator[Member]:
    """The characters of a text or class, escapes resolved."""
    at = 0
    while at < len(inside):
        if inside[at] != "\\":
            yield Member(ord(inside[at]), offset + at, True)
            at += 1
            continue
        match = _ESCAPE.match(inside, at)
        if match is None:
            raise Mistake(f"unknown or unfinished escape {inside[at : at + 2]}", offset + at, *_ESCAPES)
        yield Member(_escaped(match, offset + at), offset + at, False)
        at = match.end()


def _escaped(match: re.Match[str], offset: int) -> int:
    digits = match[1] or match[2] or match[3]
    if digits is None:
        return ord(_CONTROLS.get(match[4], match[4]))
    code = int(digits, 16)
    if code > MAX_CODE_POINT:
        raise Mistake(f"the escape {match[0]} is beyond the last code point, U+10FFFF", offset)
    return code


def _count(lexeme: Lexeme) -> tuple[int, int | None]:
    """`{m}`, `{m,}` or `{m,n}`."""
    minimum, comma, maximum = re.sub(r"\#[^\r\n]*|[{}\s]", "", lexeme.text).partition(",")
    bounds = [int(number.lstrip("0")[:12] or "0") if number else None for number in (minimum, maximum)]
    least = bounds[0] or 0
    return least, bounds[1] if comma else least


def _hint(text: str, rules: Mapping[str, Rule], offset: int) -> str:
    """What may be meant by the name there, which is not defined."""
    match = re.compile(r"[A-Za-z0-9_-]+").match(text, offset)
    similar = [name for name in rules if match and name.casefold() == match[0].casefold()]
    return f"; did you mean {similar[0]!r}?" if similar else "; define it, or put it in quotes if it is a text"
