"""One grammar out of several: their rules side by side under disjoint names, their lexers kept apart."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping

from .constraint import Constraint
from .errors import LimitError
from .ir import (
    EMPTY_TEXT,
    Choice,
    Grammar,
    Lexeme,
    Node,
    Reference,
    Regex,
    Repeat,
    Scope,
    Sequence,
    SpecialToken,
    Terminal,
    Text,
)
from .limits import Limits
from .node_parts import children, with_parts
from .rule_analysis import nodes_within

NO_TEXT = Terminal(EMPTY_TEXT)


class Assembly:
    """The rules of a grammar in the making."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._rules: dict[str, Node] = {}
        self._parts: dict[object, Node] = {}
        self._numbers: dict[str, int] = {}

    def part(self, constraint: Constraint) -> Node:
        """The texts of a constraint, whatever stands around them. Equal constraints are one node."""
        if constraint.key not in self._parts:
            self._parts[constraint.key] = self.inlined(constraint.grammar(self._limits))
        return self._parts[constraint.key]

    def inlined(self, grammar: Grammar, filled: Mapping[int, Node] | None = None) -> Node:
        """The texts of a grammar, whose rules are added under names that no other has.

        `filled`: nodes that stand in the place of others, which are given by identity; they are of this grammar already.
        """
        taken = {name: self._free_name(name, grammar.rules) for name in grammar.rules if name in self._rules}
        own = _renamed(grammar, taken, filled or {}) if taken or filled else grammar
        self._rules |= own.rules
        return Scope(own.start) if _has_lexer(grammar) else own.start

    def rule(self, name: str, make: Callable[[Reference], Node]) -> Reference:
        """A new rule, which may refer to itself."""
        reference = Reference(self._free_name(name))
        self._rules[reference.rule] = NO_TEXT
        self._rules[reference.rule] = make(reference)
        return reference

    def repeated(self, node: Node, minimum: int, maximum: int | None, between: Node | None = None) -> Node:
        """The texts of `node` that many times in a row, with a text of `between` before each but the first."""
        if maximum == 0:
            return NO_TEXT
        if between is None and isinstance(node, Terminal):
            return Terminal(Repeat(node.regex, minimum, maximum))
        following = node if between is None else Sequence((between, node))
        rest = self.chain(following, max(minimum - 1, 0), None if maximum is None else maximum - 1)
        first = Sequence((node, rest))
        return first if minimum else Choice((NO_TEXT, first))

    def chain(self, node: Node, minimum: int, maximum: int | None) -> Node:
        """`node` repeated, with a node for each time that counts. Raises `LimitError` if these are too many."""
        times = max(minimum, maximum or 0)
        if times > self._limits.grammar_nodes:
            raise LimitError("grammar_nodes", self._limits.grammar_nodes, f"a repetition of {times} times")
        if maximum is None:
            # The rule stands last in itself, so this is no left recursion even if `node` may be empty.
            rest: Node = self.rule("repeat", lambda again: Choice((NO_TEXT, Sequence((node, again)))))
        else:
            rest = NO_TEXT
            for _ in range(maximum - minimum):
                rest = Choice((NO_TEXT, Sequence((node, rest))))
        for _ in range(minimum):
            rest = Sequence((node, rest))
        return rest

    def grammar(self, start: Node) -> Grammar:
        """What has been put together."""
        return Grammar(start, self._rules)

    def _free_name(self, name: str, others: Mapping[str, Node] | None = None) -> str:
        """A name that no rule has, nor one of `others`, and that is not given again."""
        free = name
        while free in self._rules or (others and free in others):
            self._numbers[name] = self._numbers.get(name, 1) + 1
            free = f"{name}#{self._numbers[name]}"
        return free


def exactly(text: str) -> Node:
    """A text and nothing else."""
    return Terminal(Text(text))


def spelled(text: str, special_tokens: Iterable[str]) -> Node:
    """A text in which each of some names may be the special token instead, from left to right and the longest first."""
    names = sorted(special_tokens, key=len, reverse=True)
    if not any(name in text for name in names):
        return exactly(text)
    pieces = re.split(f"({'|'.join(map(re.escape, names))})", text)
    parts = [_either_way(piece) if place % 2 else exactly(piece) for place, piece in enumerate(pieces) if piece]
    return Sequence(tuple(parts))


def _either_way(name: str) -> Node:
    return Choice((exactly(name), SpecialToken(name)))


def matching(regex: Regex) -> Node:
    """A text of this expression."""
    return Terminal(regex)


def _has_lexer(grammar: Grammar) -> bool:
    return any(isinstance(node, Lexeme) for node in nodes_within(grammar.start, *grammar.rules.values()))


def _renamed(grammar: Grammar, names: Mapping[str, str], filled: Mapping[int, Node]) -> Grammar:
    """The grammar with other names for some of its rules, and some nodes filled in. What does not change is not copied."""
    done = dict(filled)
    stack = [grammar.start, *grammar.rules.values()]
    while stack:
        node = stack[-1]
        inside = children(node)
        missing = [child for child in inside if id(child) not in done]
        if missing:
            stack += missing
            continue
        stack.pop()
        if isinstance(node, Reference):
            done[id(node)] = Reference(names[node.rule]) if node.rule in names else node
        else:
            is_same = all(done[id(child)] is child for child in inside)
            done[id(node)] = node if is_same else with_parts(node, done)
    rules = {names.get(name, name): done[id(node)] for name, node in grammar.rules.items()}
    return Grammar(done[id(grammar.start)], rules)
