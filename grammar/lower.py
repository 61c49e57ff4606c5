"""Lowering: a `Grammar` of the IR as the flat program that the native automaton reads.

In comes a tree (or graph) of nodes; out come an array of int32 operations and a blob of text that they point into. Every
regex operation defines the next regex number, every node operation the next node number. A regex refers to earlier
numbers, a node to any. No step recurses over the input, so its depth is not bounded by Python's stack.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Container, Iterable
from json.encoder import encode_basestring
from typing import Any, Final

from . import ir
from .errors import GrammarError
from .lower_long import FreeChars, long_string
from .lower_regex import Regexes, bounds, free_bounds, int32
from .rule_analysis import reachable_nodes
from .special_tokens import mark

# The operations of grammar/native/program.cpp, in the same order; those of regular expressions are in lower_regex.py.
TERMINAL, SEQUENCE, CHOICE, ALIAS, RECORD, ARRAY, LEXEME, SCOPE = range(20, 28)
LEXER: Final = 28
COUNTED: Final = 29
START: Final = 30

_MOST_TOKENS: Final = 1 << 29  # of a terminal, as in program.cpp
_STYLES: Final = {"flexible": 0, "compact": 1, "indent": 2}


def lower(
    grammar: ir.Grammar, special_tokens: Container[str] = (), *, special_as_text: bool = False
) -> tuple[bytes, bytes]:
    """The program (int32 in native byte order) and its text.

    Args:
        grammar: what to lower.
        special_tokens: the names of those that the vocabulary has; others have no text.
        special_as_text: special tokens are spelled by their names, as in a text that was generated with them.

    Raises:
        GrammarError: an undefined rule, a number beyond 32 bits, or a `JsonString` where it may not stand.
    """
    return _Nodes(grammar, special_tokens, special_as_text).program()


# -------------------------------------------------------------------------------------------------------------- nodes


class _Nodes:
    """The nodes of one grammar, numbered as they are met, and the code of each."""

    def __init__(self, grammar: ir.Grammar, special_tokens: Container[str], special_as_text: bool) -> None:
        self._rules = grammar.rules
        self._start = grammar.start
        self._special_tokens = special_tokens
        self._special_as_text = special_as_text
        self._regexes = Regexes()
        self._lexers: dict[int, int] = {}
        self._lexer_code: list[int] = []
        self._numbers: dict[int, int] = {}
        self._queue: list[ir.Node] = []
        self._counts = False

    def program(self) -> tuple[bytes, bytes]:
        """The code of everything that is reachable from the start."""
        start = self._number(self._start)
        code: list[int] = []
        for node in self._queue:  # which grows meanwhile
            write = _NODES.get(type(node))
            if write is None:
                raise TypeError(f"{type(node).__name__} is not a grammar node")
            code += write(self, node)
        if self._counts:
            _refuse_counted_inside(self._queue, self._rules)
        program = array("i", [*self._regexes.code, *self._lexer_code, *code, START, start])
        return program.tobytes(), bytes(self._regexes.text)

    def _number(self, node: ir.Node) -> int:
        number = self._numbers.get(id(node))
        if number is None:
            number = self._numbers[id(node)] = len(self._queue)
            self._queue.append(node)
        return number

    def terminal(self, node: ir.Terminal) -> list[int]:
        regex = node.regex
        free = free_bounds(regex.content) if type(regex) is ir.JsonString else None
        if free is None:
            return [TERMINAL, self._regexes.number(regex)]
        long = long_string(*free)
        return [TERMINAL, self._regexes.free_string(free)] if long is None else self.sequence(long)

    def counted_terminal(self, node: ir.CountedTerminal) -> list[int]:
        if not 1 <= node.max_tokens <= _MOST_TOKENS:
            raise GrammarError(f"max_tokens of a terminal is from 1 to {_MOST_TOKENS}, not {node.max_tokens}")
        self._counts = True
        return [COUNTED, self._regexes.number(node.regex), node.max_tokens, -1 if node.enough is None else node.enough]

    def free_chars(self, node: FreeChars) -> list[int]:
        return [TERMINAL, self._regexes.free_chars(node.regex)]

    def special_token(self, node: ir.SpecialToken) -> list[int]:
        if self._special_as_text:
            return [TERMINAL, self._regexes.literal(node.name.encode())]
        # Nothing checks later whether tokens can complete a text if each byte of UTF-8 is one, so it is decided here.
        is_known = node.name in self._special_tokens
        return [TERMINAL, self._regexes.literal(mark(node.name))] if is_known else [CHOICE, 0]

    def lexeme(self, node: ir.Lexeme) -> list[int]:
        if not 0 <= node.terminal < len(node.lexer.terminals):
            raise GrammarError(f"the lexer has no terminal {node.terminal}")
        return [LEXEME, self._lexer(node.lexer), node.terminal]

    def _lexer(self, lexer: ir.Lexer) -> int:
        """The number of a lexer, whose code stands before that of all nodes."""
        number = self._lexers.get(id(lexer))
        if number is None:
            number = self._lexers[id(lexer)] = len(self._lexers)
            self._lexer_code += (LEXER, int(lexer.contextual), len(lexer.terminals))
            for index, terminal in enumerate(lexer.terminals):
                regex = self._regexes.number(terminal.regex)
                undone, begun = self._regexes.number(terminal.undone), self._regexes.number(terminal.begun)
                self._lexer_code += (regex, undone, begun, int(terminal.shortest), int(index in lexer.ignored))
                self._lexer_code += (len(terminal.keyword_of), *terminal.keyword_of)
        return number

    def scope(self, node: ir.Scope) -> list[int]:
        return [SCOPE, self._number(node.inner)]

    def sequence(self, node: ir.Sequence) -> list[int]:
        return [SEQUENCE, len(node.parts), *map(self._number, node.parts)]

    def choice(self, node: ir.Choice) -> list[int]:
        return [CHOICE, len(node.parts), *map(self._number, node.parts)]

    def reference(self, node: ir.Reference) -> list[int]:
        if node.rule not in self._rules:
            raise GrammarError(f"rule {node.rule!r} is not defined")
        return [ALIAS, self._number(self._rules[node.rule])]

    def record(self, node: ir.Record) -> list[int]:
        everything = not node.extras and node.minimum == len(node.fields)
        minimum, maximum = bounds(0 if everything else node.minimum, node.maximum)
        code = [RECORD, *_layout(node.layout), int(node.order == "any"), minimum, maximum]
        code += (int(node.different_names), node.demands, len(node.fields))
        names = [encode_basestring(declared.name).encode() for declared in node.fields]
        number = self._number
        for declared, key in zip(node.fields, self._regexes.literals(names), strict=True):
            value, required = declared.value, int(declared.required or everything)
            if isinstance(value, tuple):
                code += (key, required, *self._place(value, node.demands))
            else:
                code += (key, required, 1, number(value), 0)
        code.append(len(node.extras))
        for extra in node.extras:
            code += (self._regexes.string(extra.name), *self._place(extra.value, node.demands))
        return code

    def array(self, node: ir.Array) -> list[int]:
        code = [ARRAY, *_layout(node.layout), *bounds(node.minimum, node.maximum)]
        code += (int32(node.different), len(node.counters))
        for counter in node.counters:
            code += bounds(counter.minimum, counter.maximum)
        code.append(len(node.prefix))
        number, counters = self._number, len(node.counters)
        for item in node.prefix:
            code += self._place(item, counters) if isinstance(item, tuple) else (1, number(item), 0)
        code += [0] if node.rest is None else self._place(node.rest, len(node.counters))
        return code

    def _place(self, place: ir.Place, counters: int) -> Iterable[int]:
        """The number of alternatives, then each with the set of what it counts."""
        if not isinstance(place, tuple):
            return (1, self._number(place), 0)
        code = [len(place)]
        for alternative in place:
            if not all(0 <= index < counters for index in alternative.counts):
                raise GrammarError(f"an alternative counts {alternative.counts}, but there are {counters} counters")
            code += (self._number(alternative.node), sum(1 << index for index in set(alternative.counts)))
        return code


def _refuse_counted_inside(nodes: list[ir.Node], rules: dict[str, ir.Node]) -> None:
    for node in nodes:
        compares = (isinstance(node, ir.Array) and node.different) or (
            isinstance(node, ir.Record) and node.different_names
        )
        inside = reachable_nodes(ir.Grammar(node, rules)) if compares else ()
        if any(isinstance(inner, ir.CountedTerminal) for inner in inside):
            raise GrammarError(
                "a terminal with max_tokens stands in items or properties that must differ: not supported"
            )


_NODES: Final[dict[type, Callable[[_Nodes, Any], list[int]]]] = {
    ir.Terminal: _Nodes.terminal,
    ir.CountedTerminal: _Nodes.counted_terminal,
    FreeChars: _Nodes.free_chars,
    ir.SpecialToken: _Nodes.special_token,
    ir.Lexeme: _Nodes.lexeme,
    ir.Scope: _Nodes.scope,
    ir.Sequence: _Nodes.sequence,
    ir.Choice: _Nodes.choice,
    ir.Reference: _Nodes.reference,
    ir.Record: _Nodes.record,
    ir.Array: _Nodes.array,
}


def _layout(layout: ir.JsonLayout) -> tuple[int, int, int]:
    return _STYLES[layout.style], layout.max_whitespace, layout.indent
