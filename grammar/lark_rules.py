"""The rules of a Lark grammar as nodes, and which of them, and of the terminals, count."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from lark import Token, Tree
from lark.grammar import Terminal as LarkTerminal

from . import ir

REPEATED_BY_RULE = 50
"""From this count on, lark gives a repetition a rule of its own."""


def symbols(tree: Tree[Any]) -> Iterator[Any]:
    """The symbols of lark in the tree of a rule, without the names of aliases."""
    pending: list[Any] = [tree]
    while pending:
        node = pending.pop()
        if not isinstance(node, Tree):
            if not isinstance(node, Token):
                yield node
        elif node.data == "alias":
            pending.append(node.children[0])
        elif node.data != "expr" or _counts(node) != (0, 0):
            pending += node.children[::-1]


def reached(rules: Mapping[str, Tree[Any]], start: str) -> tuple[list[str], set[str]]:
    """The rules that the start leads to, it first, and the terminals that they read."""
    found = {start: None}
    terminals: set[str] = set()
    pending = [start]
    while pending:
        for symbol in symbols(rules[pending.pop()]):
            if isinstance(symbol, LarkTerminal):
                terminals.add(symbol.name)
            elif symbol.name not in found:
                found[symbol.name] = None
                pending.append(symbol.name)
    return list(found), terminals


def kept_terminals(rules: Mapping[str, Tree[Any]], start: str) -> set[str]:
    """The terminals of the rules that lark keeps: the start, and what another rule that it keeps refers to.

    A repetition is a rule of its own for lark, so a rule that only repeats itself is kept.
    """
    graph: dict[str, set[str]] = {}
    terminals: dict[str, set[str]] = {}
    for name, tree in rules.items():
        for origin, symbol in _mentions(name, tree):
            (terminals if isinstance(symbol, LarkTerminal) else graph).setdefault(origin, set()).add(str(symbol.name))
    origins = set(rules) | graph.keys() | terminals.keys()
    users = dict.fromkeys(origins, 0)
    for origin, targets in graph.items():
        for target in targets - {origin}:
            users[target] = users.get(target, 0) + 1
    unused = [origin for origin in origins if users[origin] == 0 and origin != start]
    while unused:
        origin = unused.pop()
        origins.discard(origin)
        for target in graph.get(origin, set()) - {origin}:
            users[target] -= 1
            if users[target] == 0 and target != start:
                unused.append(target)
    return {name for origin in origins for name in terminals.get(origin, ())}


class _Name(str):
    """The name of a rule that lark would make."""

    __slots__ = ()

    @property
    def name(self) -> str:
        return str(self)


def _mentions(name: str, tree: Tree[Any]) -> Iterator[tuple[str, Any]]:
    """Each symbol of a rule with the rule of lark that it stands in."""
    pending: list[tuple[Any, str]] = [(tree, name)]
    made = 0
    while pending:
        node, origin = pending.pop()
        if not isinstance(node, Tree):
            if not isinstance(node, Token):
                yield origin, node
            continue
        if node.data == "expr":
            counts = _counts(node)
            if counts == (0, 0):
                continue
            if counts is None or counts[1] >= REPEATED_BY_RULE:
                made += 1
                own = _Name(f"{name} {made}")
                yield origin, own
                origin = own
        children = node.children[:1] if node.data in ("alias", "expr") else node.children
        pending += [(child, origin) for child in children]


def _counts(expr: Tree[Any]) -> tuple[int, int] | None:
    """The least and the greatest count of a repetition; None for `+` and `*`."""
    match [str(token) for token in expr.children[1:]]:
        case ["?"]:
            return 0, 1
        case ["~", low, *high]:
            return int(low), int(high[0] if high else low)
    return None


# -------------------------------------------------------------------------------------------------------------- nodes


def build_rules(
    rules: Mapping[str, Tree[Any]], names: Iterable[str], terminals: Mapping[str, ir.Node]
) -> dict[str, ir.Node]:
    """The nodes of the rules of these names, with the rules that their repetitions are."""
    writer = _Writer(terminals)
    for name in names:
        writer.rules[name] = writer.node(rules[name])
    return writer.rules


class _Writer:
    """Translates trees; groups nest at most as deep as the source allows, so it may recurse."""

    def __init__(self, terminals: Mapping[str, ir.Node]) -> None:
        self.terminals = terminals
        self.rules: dict[str, ir.Node] = {}
        self._references: dict[str, ir.Reference] = {}

    def node(self, tree: Any) -> ir.Node:
        if not isinstance(tree, Tree):
            return self.terminals[tree.name] if isinstance(tree, LarkTerminal) else self._reference(str(tree.name))
        match tree.data:
            case "expansions":
                return _choice(tuple(self.node(child) for child in tree.children))
            case "expansion":
                return _sequence(tuple(self.node(child) for child in tree.children))
            case "alias":
                return self.node(tree.children[0])
            case "maybe":
                return ir.Choice((self.node(tree.children[0]), _NOTHING))
            case "expr":
                return _NOTHING if _counts(tree) == (0, 0) else self._repeated(self.node(tree.children[0]), tree)
        raise AssertionError(tree.data)

    def _reference(self, name: str) -> ir.Node:
        return self._references.setdefault(name, ir.Reference(name))

    def _repeated(self, inner: ir.Node, tree: Tree[Any]) -> ir.Node:
        counts = _counts(tree)
        if counts is None:
            some = self._rule(lambda own: ir.Choice((_NOTHING, ir.Sequence((inner, own)))))
            return some if tree.children[1] == "*" else ir.Sequence((inner, some))
        low, high = counts
        optional: ir.Node = _NOTHING
        for _ in range(high - low):
            more = ir.Choice((_NOTHING, _sequence((inner, optional))))
            optional = self._rule(lambda _, more=more: more) if high - low > 1 else more
        return _sequence((*(inner,) * low, optional))

    def _rule(self, body: Any) -> ir.Node:
        """A rule of its own: `body` is called with a reference to it."""
        name = f"%repeat {len(self.rules)}"
        own = self._reference(name)
        self.rules[name] = _NOTHING
        self.rules[name] = body(own)
        return own


_NOTHING = ir.Sequence(())


def _choice(parts: tuple[ir.Node, ...]) -> ir.Node:
    return parts[0] if len(parts) == 1 else ir.Choice(parts)


def _sequence(parts: tuple[ir.Node, ...]) -> ir.Node:
    parts = tuple(part for part in parts if part is not _NOTHING)
    return parts[0] if len(parts) == 1 else ir.Sequence(parts) if parts else _NOTHING
