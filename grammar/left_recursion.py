"""Grammars without left recursion: what the automaton, which reads from left to right and top down, can follow.

The method is the left-corner transform of R. Moore, "Removing left recursion from context-free grammars" (2000), for nothing
but the rules that are left-recursive, by components. A text of such a rule begins with something else: a *start*. What can
follow, up to the whole of the rule, is a right-linear grammar over the component: its *rests*. So `a: a "+" b | b` becomes
`a: b rest`, `rest: "+" b rest | nothing`, where the last `rest` is a tail call. Parts that may be empty before a left
corner are split into the empty text and the others; nothing else is freed of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from . import ir
from .errors import LimitError
from .left_corners import EMPTY, NOTHING, Component, Items, LeftCorners
from .left_rests import Edge, Rests, choice, sequence
from .limits import DEFAULT_LIMITS, Limits
from .node_parts import children, with_parts
from .regex_nonempty import without_empty


def without_left_recursion(grammar: ir.Grammar, limits: Limits = DEFAULT_LIMITS) -> ir.Grammar:
    """An equal grammar in which no rule leads back to itself without reading; the same object if it is one already.

    Rules that the start does not lead to are left out of a new one.

    Raises:
        GrammarError: a rule is not defined, or begins with itself inside a `Scope`.
        LimitError: the result would have more than `limits.grammar_nodes` nodes. It is at most quadratic in the size of
            the rules that begin with each other, and linear in that of all others.
    """
    corners = LeftCorners(grammar)
    if not corners.recursive() and not corners.has_empty_loop:
        return grammar
    return _Rewriting(grammar, corners, limits).grammar()


class _Rewriting:
    """Every node that is needed, in one of two forms: with all of its texts, or (`some`) without the empty one.

    A node that begins with itself has a rule of its own for its non-empty texts, as a *goal*.
    """

    def __init__(self, grammar: ir.Grammar, corners: LeftCorners, limits: Limits) -> None:
        self._start = grammar.start
        self._old = grammar.rules
        self._corners = corners
        self._limit = limits.grammar_nodes
        self._size = 0
        self._rules: dict[str, ir.Node] = {}
        self._asked: set[str] = set()
        self._waiting: list[tuple[str, ir.Node, bool]] = []
        self._built: dict[tuple[int, bool], ir.Node] = {}
        self._ways: dict[int, list[Items]] = {}
        self._goals: dict[int, ir.Reference] = {}
        self._somes: dict[str, ir.Reference] = {}
        self._rests: dict[int, Rests] = {}
        self._names = dict.fromkeys(grammar.rules, 1)
        self._homes = {
            id(node): name
            for name, node in grammar.rules.items()
            if not isinstance(node, ir.Reference) and corners.component(node) and not corners.nullable(node)
        }

    def grammar(self) -> ir.Grammar:
        """The new grammar."""
        start = self._node(self._start, False)
        while self._waiting:
            name, node, some = self._waiting.pop()
            component = None if isinstance(node, ir.Reference) else self._corners.component(node)
            if component is not None and name == self._goal(node).rule:
                self._write_goal(name, node, component)
            else:
                self._rules[name] = self._node(node, some)
        return ir.Grammar(start, self._rules)

    def _new_name(self, what: str) -> str:
        """A name that no rule has: this one, or this one with a number."""
        while (number := self._names.get(what)) is not None:
            self._names[what] = number + 1
            what = f"{what} {number + 1}"
        self._names[what] = 1
        return what

    def _grow(self, nodes: int) -> None:
        self._size += nodes
        if self._size > self._limit:
            raise LimitError("grammar_nodes", self._limit, "the grammar is too large without left recursion")

    def _ask(self, rule: str, node: ir.Node, some: bool) -> None:
        """That there be a rule of this name, for all texts of the node or for some."""
        if rule not in self._asked:
            self._asked.add(rule)
            self._waiting.append((rule, node, some))

    # --------------------------------------------------------------------------------------------------------- nodes

    def _node(self, node: ir.Node, some: bool) -> ir.Node:
        """The new node; parts come first, with a stack of our own."""
        stack = [(node, some)]
        while stack:
            node, some = stack[-1]
            if self._known(node, some) is not None:
                stack.pop()
                continue
            some = some and self._corners.nullable(node)
            missing = [task for task in self._parts(node, some) if self._known(*task) is None]
            if missing:
                stack += missing[::-1]
            else:
                self._grow(1)
                self._built[id(node), some] = self._write_some(node) if some else self._write(node)
        found = self._known(node, some)
        assert found is not None
        return found

    def _known(self, node: ir.Node, some: bool) -> ir.Node | None:
        return self._built.get((id(node), some and self._corners.nullable(node)))

    def _parts(self, node: ir.Node, some: bool) -> Iterable[tuple[ir.Node, bool]]:
        if isinstance(node, ir.Reference) or self._corners.component(node):
            return ()
        if isinstance(node, ir.Sequence) and some:
            if id(node) not in self._ways:
                self._ways[id(node)] = list(self._corners.nonempty(node.parts))
            return [item for items in self._ways[id(node)] for item in items]
        return [(child, some) for child in children(node)]

    def _write(self, node: ir.Node) -> ir.Node:
        """The node with new parts, or itself if they are the old ones."""
        if isinstance(node, ir.Reference):
            return self._reference(node)
        if self._corners.component(node):
            goal = self._goal(node)
            return ir.Choice((goal, EMPTY)) if self._corners.nullable(node) else goal
        new = {id(child): self._node(child, False) for child in children(node)}
        return node if all(new[id(child)] is child for child in children(node)) else with_parts(node, new)

    def _write_some(self, node: ir.Node) -> ir.Node:
        """The non-empty texts of a node that has the empty one."""
        if self._corners.component(node):
            return self._goal(self._corners.resolved(node))
        match node:
            case ir.Reference(rule):
                return self._some_reference(rule)
            case ir.Terminal(regex) | ir.CountedTerminal(regex):
                rest = without_empty(regex)
                return NOTHING if rest is ir.NOTHING else replace(node, regex=rest)
            case ir.Scope(inner):
                new = self._node(inner, True)
                return NOTHING if new is NOTHING else ir.Scope(new)
            case ir.Choice(parts):
                return choice(self._node(part, True) for part in parts)
        return choice(sequence(*found) for found in map(self._items, self._ways[id(node)]) if found)

    def _items(self, items: Items) -> tuple[ir.Node, ...]:
        """The new nodes of a sequence; none if there is no text of it."""
        found = tuple(self._node(node, some) for node, some in items)
        return () if any(node is NOTHING for node in found) else found

    def _reference(self, reference: ir.Reference) -> ir.Node:
        if self._corners.resolved(reference) is NOTHING:
            return NOTHING
        node = self._old[reference.rule]
        if self._homes.get(id(node)) == reference.rule:
            self._goal(node)
        else:
            self._ask(reference.rule, node, False)
        return reference

    def _some_reference(self, rule: str) -> ir.Reference:
        if rule not in self._somes:
            self._somes[rule] = ir.Reference(self._new_name(f"{rule}, not empty"))
            self._ask(self._somes[rule].rule, self._old[rule], True)
        return self._somes[rule]

    # --------------------------------------------------------------------------------------------------------- goals

    def _goal(self, node: ir.Node) -> ir.Reference:
        """The rule for the non-empty texts of a node that begins with itself."""
        if id(node) not in self._goals:
            name = self._homes.get(id(node)) or self._new_name("left-recursive")
            self._goals[id(node)] = ir.Reference(name)
            self._ask(name, node, True)
        return self._goals[id(node)]

    def _write_goal(self, name: str, node: ir.Node, component: Component) -> None:
        if id(component) not in self._rests:
            self._rests[id(component)] = self._rests_of(component)
        rests = self._rests[id(component)]
        self._grow(rests.size)
        nullable = self._corners.nullable(node)
        self._rules[name], others = rests.goal(
            node, ir.Reference(name), nullable, lambda: self._new_name(f"{name}, rest")
        )
        self._rules.update(others)

    def _rests_of(self, component: Component) -> Rests:
        starts = [self._edge(0, items, id(node)) for items, node in component.starts]
        edges = [self._edge(id(source), items, id(target)) for source, items, target in component.edges]
        return Rests(list(filter(None, starts)), list(filter(None, edges)))

    def _edge(self, source: int, items: Items, target: int) -> Edge | None:
        if not items:
            return Edge(source, target)
        last, some = items[-1]
        parts = self._items(items)
        return Edge(source, target, parts, self._corners.resolved(last), not some) if parts else None
