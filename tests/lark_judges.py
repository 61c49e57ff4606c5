"""Whether a text belongs to a Lark grammar: asked of lark itself, of a slow contextual lexer, and of the automaton."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from typing import Any, Literal

import lark.lexer
from automaton_walk import compiled
from lark import Lark
from lark.common import LexerConf
from lark.exceptions import UnexpectedCharacters, UnexpectedInput
from lark.lexer import BasicLexer, LexerState
from lark.utils import TextSlice

from latticework.grammar import _native
from latticework.grammar.errors import UnsatisfiableSchemaError
from latticework.grammar.ir import Grammar
from latticework.grammar.lark_reader import from_lark

lark.lexer.has_interegular = False  # lark would look for collisions of terminals, which takes long and decides nothing

BYTES = [bytes([value]) for value in range(256)]

Judge = Callable[[str], bool]
LexerName = Literal["contextual", "basic"]


def lark_judge(text: str, parser: Literal["lalr", "earley"], lexer: LexerName) -> Judge:
    """Lark's own verdict. Raises `lark.exceptions.GrammarError` where LALR(1) does not take the grammar."""
    machine = Lark(text, parser=parser, lexer=lexer)

    def judge(sample: str) -> bool:
        try:
            machine.parse(sample)
        except UnexpectedInput:
            return False
        return True

    return judge


# --------------------------------------------------------------------------------------------------- the slow lexer

Item = tuple[int, int, int]  # the number of a rule, how much of it is read, and where it began


class SlowContextual:
    """The contextual lexer without LALR(1): lark's own lexer is given what an Earley parser says can come next.

    An LALR(1) parser merges states, so at some places lark's contextual lexer tries terminals that cannot be read there.
    """

    def __init__(self, text: str) -> None:
        self.machine = Lark(text, parser="earley", lexer="basic")
        self.rules = self.machine.rules
        self.lexers: dict[frozenset[str], BasicLexer] = {}
        self.nullable: set[str] = set()
        while any(self._find_nullable(rule) for rule in self.rules):
            pass

    def _find_nullable(self, rule: Any) -> bool:
        new = rule.origin.name not in self.nullable and all(s.name in self.nullable for s in rule.expansion)
        if new:
            self.nullable.add(rule.origin.name)
        return new

    def judge(self, sample: str) -> bool:
        """Whether the text is read to its end."""
        state = LexerState(TextSlice.cast_from(sample))
        columns = [self._closed([], {(i, 0, 0) for i, rule in enumerate(self.rules) if rule.origin.name == "start"})]
        while True:
            try:
                token = self._lexer(columns[-1]).next_token(state)
            except UnexpectedCharacters:
                return False
            except EOFError:
                return any(self._is_whole(item) for item in columns[-1])
            moved = {(i, dot + 1, at) for i, dot, at in columns[-1] if self._next(i, dot) == token.type}
            columns.append(self._closed(columns, moved))

    def _is_whole(self, item: Item) -> bool:
        number, dot, origin = item
        rule = self.rules[number]
        return origin == 0 and rule.origin.name == "start" and dot == len(rule.expansion)

    def _next(self, number: int, dot: int) -> str | None:
        expansion = self.rules[number].expansion
        return expansion[dot].name if dot < len(expansion) else None

    def _lexer(self, column: set[Item]) -> BasicLexer:
        expected = {self._next(number, dot) for number, dot, _ in column}
        names = frozenset(t.name for t in self.machine.terminals if t.name in expected) | {*self.machine.ignore_tokens}
        if names not in self.lexers:
            terminals = [t for t in self.machine.terminals if t.name in names]
            self.lexers[names] = BasicLexer(LexerConf(terminals, re, self.machine.ignore_tokens))
        return self.lexers[names]

    def _closed(self, columns: list[set[Item]], items: set[Item]) -> set[Item]:
        here = len(columns)
        found = set(items)
        waiting = list(items)
        while waiting:
            number, dot, origin = waiting.pop()
            name = self._next(number, dot)
            new: set[Item] = set()
            if name is None:
                done = self.rules[number].origin.name
                before = columns[origin] if origin < here else found
                new = {(i, d + 1, at) for i, d, at in before if self._next(i, d) == done}
            else:
                new = {(i, 0, here) for i, rule in enumerate(self.rules) if rule.origin.name == name}
                if name in self.nullable:
                    new.add((number, dot + 1, origin))
            waiting += new - found
            found |= new
        return found


# --------------------------------------------------------------------------------------------------- the automaton


def quietly_read(text: str, lexer: LexerName = "contextual") -> Grammar:
    """The grammar, without warnings of what nothing uses."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return from_lark(text, lexer=lexer)


def automaton_of(text: str, lexer: LexerName) -> _native.CompiledGrammar | None:
    """The automaton over single bytes; None if no text at all is in the language."""
    try:
        return compiled(quietly_read(text, lexer), BYTES)
    except UnsatisfiableSchemaError:
        return None


def accepts(automaton: _native.CompiledGrammar | None, sample: str) -> bool:
    """The verdict of the automaton, byte by byte."""
    if automaton is None:
        return False
    state = automaton.step_bytes(automaton.start, sample.encode())
    return state >= 0 and automaton.is_accepting(state)
