"""Mistakes in a Lark grammar that are seen before lark compiles it, each with its place."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from difflib import get_close_matches
from typing import Any

import lark.load_grammar
from lark import Token, Tree
from lark.exceptions import LarkError

from .errors import GrammarSyntaxError
from .lark_source import Definition, Source, start_of, symbols_in, tokens_in
from .regex import from_regex
from .rule_analysis import components

MAX_COUNT = 10_000
MAX_TERMINAL_PARTS = 500_000

_LARK: Any = lark.load_grammar
_ESCAPED = re.compile(r"\\(?:x..|u.{4}|U.{8}|.)|.", re.DOTALL)
_ONE_CHARACTER = set('nftrxuU"')


def check(source: Source, bound: Collection[str]) -> None:
    """Refuse what is wrong by itself. `bound`: the declared terminals that have a meaning.

    Raises GrammarSyntaxError.
    """
    _check_definitions(source)
    _check_imports(source)
    _check_names(source)
    _check_declared(source, bound)
    _check_terminals(source)
    for body in source.bodies():
        _check_counts(source, body)
        _check_ranges(source, body)
        for token in tokens_in(body):
            if token.type in ("STRING", "REGEXP"):
                _check_literal(source, token)


# ------------------------------------------------------------------------------------------------------------- names


def _check_definitions(source: Source) -> None:
    brought = {str(alias) for one in source.imports for alias in one.names.values()}
    seen: dict[str, Token] = {}
    for token in [d.name for d in source.definitions if not d.changes] + source.declared:
        if token.startswith("__"):
            raise source.error("names that begin with two underscores are reserved", token)
        if token in brought:
            raise source.error(f"{token} is imported as well; write %override {token}: ... to replace it", token)
        if token in seen:
            line = source.error("", seen[token]).line
            raise source.error(f"{token} is defined in line {line} already; use | or %extend", token)
        seen[token] = token
    for definition in source.definitions:
        if definition.changes and definition.name not in seen and definition.name not in brought:
            raise source.error(f"{definition.name} is not defined yet, so it cannot be changed", definition.name)


def _check_imports(source: Source) -> None:
    for one in source.imports:
        if not one.path:
            raise source.error("which name is to be imported? write %import file.NAME", one.offset)


def _defined(source: Source) -> set[str]:
    names = {str(definition.name) for definition in source.definitions}
    names.update(str(alias) for one in source.imports for alias in one.names.values())
    return names | set(map(str, source.declared))


def _check_names(source: Source) -> None:
    """Every name is defined; where two or three letters of it are wrong, the right one is offered."""
    defined = _defined(source)
    for definition in source.definitions:
        known = defined | set(map(str, definition.parameters))
        for token in _in_order(symbols_in(_without_aliases(definition.body))):
            if token not in known:
                raise _undefined(source, token, known)
    for body in source.ignored:
        for token in _in_order(symbols_in(body)):
            if token not in defined:
                raise _undefined(source, token, defined)
            if token.type == "RULE":
                raise source.error(f"only terminals can be ignored; {token} is a rule", token)


def _undefined(source: Source, token: Token, known: Iterable[str]) -> GrammarSyntaxError:
    near = get_close_matches(token, list(known), 1)
    kind = "rule" if token.type == "RULE" else "terminal"
    hint = f"; is {near[0]} meant?" if near else "; define it, or %import it"
    return source.error(f"the {kind} {token} is not defined{hint}", token)


def _in_order(tokens: Iterable[Token]) -> list[Token]:
    return sorted(tokens, key=start_of)


def _without_aliases(body: Tree[Token]) -> Tree[Token]:
    """The body with the name of each alias left out, which names no rule."""
    inner = list(body.iter_subtrees())
    hidden = {id(tree.children[1]) for tree in inner if tree.data == "alias"}
    kept = [tree for tree in inner if tree.data in ("terminal", "nonterminal") and id(tree) not in hidden]
    return Tree("names", list(kept))


def _check_declared(source: Source, bound: Collection[str]) -> None:
    for token in source.declared:
        if token.type == "RULE":
            raise source.error(f"only terminals can be declared; {token} is a rule: define it", token)
        if token not in bound:
            raise source.error(
                f"{token} is declared but has no meaning: there is no code here that could produce it. "
                f"Define it, or bind it with terminals={{{str(token)!r}: ...}}",
                token,
            )
    declared = set(map(str, source.declared))
    for definition in (d for d in source.definitions if d.is_terminal):
        for token in symbols_in(definition.body):
            if token in declared:
                raise source.error(f"{token} is bound from outside; it can be used in rules, not in terminals", token)
    for body in source.ignored:
        for token in symbols_in(body):
            if token in declared:
                raise source.error(f"{token} is bound from outside, so it cannot be ignored", token)


# --------------------------------------------------------------------------------------------------------- terminals


def _check_terminals(source: Source) -> None:
    """Terminals refer to terminals, never to themselves, and are not too large when written out."""
    terminals: dict[str, list[Definition]] = {}
    for definition in (d for d in source.definitions if d.is_terminal):
        terminals.setdefault(str(definition.name), []).append(definition)
        for tree in definition.body.find_data("alias"):
            raise source.error("an alias names a tree, and terminals have none; leave -> out", start_of(_last(tree)))
        for token in symbols_in(definition.body):
            if token.type == "RULE":
                raise source.error(f"a terminal cannot be made of rules, and {token} is one", token)
    graph = {
        name: [str(token) for definition in own for token in symbols_in(definition.body)]
        for name, own in terminals.items()
    }
    parts: dict[str, int] = {}
    for group in components(graph):
        name = group[-1]
        if len(group) > 1 or name in graph[name]:
            first = min((d.name for one in group for d in terminals[one]), key=start_of)
            raise source.error(f"the terminal {first} is made of itself; only rules can be recursive", first)
        own = sum(1 for definition in terminals[name] for _ in definition.body.iter_subtrees())
        parts[name] = own + sum(parts.get(other, 1) for other in graph[name])
        if parts[name] > MAX_TERMINAL_PARTS or sum(parts.values()) > 4 * MAX_TERMINAL_PARTS:
            raise source.error(f"the terminal {name} is too large when it is written out", terminals[name][0].name)


# ---------------------------------------------------------------------------------------------------------- literals


def _check_counts(source: Source, body: Tree[Token]) -> None:
    for tree in body.find_data("expr"):
        numbers = [token for token in tree.children[1:] if isinstance(token, Token) and token.type == "NUMBER"]
        for token in numbers:
            if len(token) > 8 or not 0 <= int(token) <= MAX_COUNT:
                raise source.error(f"a count goes from 0 to {MAX_COUNT}", token)
        if len(numbers) == 2 and int(numbers[0]) > int(numbers[1]):
            raise source.error("the greatest count is below the least", numbers[1])


def _check_ranges(source: Source, body: Tree[Token]) -> None:
    for tree in body.find_data("range"):
        for token in tree.children:
            if isinstance(token, Token) and (token[-1] != '"' or len(_value(source, token)) != 1):
                raise source.error("a range goes from one character to another", token)
        low, high = (_value(source, token) for token in tree.children if isinstance(token, Token))
        if low > high:
            raise source.error("this range is empty: its end is before its beginning", start_of(_first(tree)))


def _first(tree: Tree[Token]) -> Token:
    return next(tokens_in(tree))


def _last(tree: Tree[Token]) -> Token:
    return list(tokens_in(tree))[-1]


def _check_literal(source: Source, token: Token) -> None:
    value = _value(source, token)
    if not value:
        raise source.error("the empty text cannot be a terminal; leave it out, or write [...] around the rest", token)
    if token.type == "REGEXP":
        _check_pattern(source, token, value)


def _check_pattern(source: Source, token: Token, value: str) -> None:
    end = token.rindex("/") + 1
    flags = token[end:]
    if "l" in flags:
        raise source.error("the flag l (locale) has no meaning for text", start_of(token) + end + flags.index("l"))
    if "\n" in token and "x" not in flags:
        raise source.error("a regular expression over several lines needs the flag x", token)
    try:
        from_regex("".join(f"(?{flag}:" for flag in flags) + value + ")" * len(flags))
        re.compile(f"(?:{value})")
    except GrammarSyntaxError as error:
        offset = offset_in(token, error.offset - 4 * len(flags))
        raise source.error(f"in this regular expression: {error.message}", offset, *error.expected) from None
    except (re.error, OverflowError, RecursionError) as error:
        if "x" not in flags:
            place = offset_in(token, getattr(error, "pos", 3) - 3 if getattr(error, "pos", 3) else 0)
            raise source.error(f"Python does not take this regular expression: {error}", place) from None


def offset_in(token: Token, offset: int) -> int:
    """The place in the text of a character of a regular expression, counted after its escapes are read."""
    at = start_of(token) + 1
    for piece in _ESCAPED.findall(token[1 : token.rindex("/")]):
        if offset <= 0:
            break
        offset -= 1 if len(piece) == 1 or piece[1] in _ONE_CHARACTER else 2
        at += len(piece)
    return at


def _value(source: Source, token: Token) -> str:
    """What a literal stands for (for a regular expression: the pattern that `re` receives)."""
    body = token[1 : token.rindex("/" if token.type == "REGEXP" else '"')]
    try:
        return str(_LARK.eval_escaping(body))
    except (LarkError, SyntaxError, ValueError, NameError):  # the last is what lark comes to when it finds the first
        raise source.error("there is a bad escape in this literal", token) from None
