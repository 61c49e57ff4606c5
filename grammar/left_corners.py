"""What the texts of a node can begin with: the left-corner relation of a grammar, and its components that are recursive.

A node that is no reference is a *left corner* of another if it stands at the beginning of it, behind nothing but parts
that match the empty text; references stand for the nodes of their rules. A component of this relation that is a cycle is
what left recursion means, be it direct, mutual or hidden behind parts that may be empty.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from . import ir
from .errors import GrammarError
from .rule_analysis import components, nullable_nodes, reachable_nodes

NOTHING: Final = ir.Choice(())
EMPTY: Final = ir.Sequence(())
_MOST_FLAT: Final = 8  # parts of a sequence whose rests are written out, rather than nested in each other

Items: TypeAlias = tuple[tuple[ir.Node, bool], ...]
"""Nodes one after the other; of those with a mark, the empty text does not count."""


@dataclass(slots=True)
class Component:
    """Nodes that begin with each other.

    The non-empty texts of each are those of `starts`, and of each edge into it: a non-empty text of the source, followed by
    the items, if there are any. Each items of `starts` begin with a marked one, and do not begin with a node of the component.
    """

    members: set[int]
    starts: list[tuple[Items, ir.Node]] = field(default_factory=list)
    edges: list[tuple[ir.Node, Items, ir.Node]] = field(default_factory=list)


class LeftCorners:
    """The relation of one grammar.

    Raises:
        GrammarError: a rule is not defined.
    """

    def __init__(self, grammar: ir.Grammar) -> None:
        self._rules = grammar.rules
        self._nodes = list(reachable_nodes(grammar))
        self._nullable = nullable_nodes(self._nodes, grammar.rules)
        self._resolved: dict[str, ir.Node] = {}
        self._components: dict[int, Component] = {}
        self.has_empty_loop = False
        for node in self._nodes:
            self.resolved(node)
        by_id = {id(node): node for node in self._nodes if not isinstance(node, ir.Reference)}
        graph = {key: [id(self.resolved(corner)) for corner in self._corners(node)] for key, node in by_id.items()}
        for group in components(graph):
            if len(group) > 1 or group[0] in graph[group[0]]:
                component = Component(set(group))
                self._components.update(dict.fromkeys(group, component))
        for component in self.recursive():
            self._describe(component, [by_id[key] for key in graph if key in component.members])

    def recursive(self) -> list[Component]:
        """The components that are cycles."""
        return list({id(component): component for component in self._components.values()}.values())

    def component(self, node: ir.Node) -> Component | None:
        """The cycle that a node, or the rule that it refers to, is on."""
        return self._components.get(id(self.resolved(node)))

    def nullable(self, node: ir.Node) -> bool:
        """Whether the empty text is a text of a node of the grammar, or of a suffix of one."""
        return node in self._nullable

    def resolved(self, node: ir.Node) -> ir.Node:
        """What a reference refers to in the end; `NOTHING` for rules that are references to each other."""
        seen: dict[str, None] = {}
        while isinstance(node, ir.Reference) and node.rule not in self._resolved:
            if node.rule in seen:
                self.has_empty_loop = True
                node = NOTHING
                break
            if node.rule not in self._rules:
                raise GrammarError(f"rule {node.rule!r} is not defined")
            seen[node.rule] = None
            node = self._rules[node.rule]
        if isinstance(node, ir.Reference):
            node = self._resolved[node.rule]
        self._resolved.update(dict.fromkeys(seen, node))
        return node

    def _corners(self, node: ir.Node) -> Iterable[ir.Node]:
        match node:
            case ir.Choice(parts):
                return parts
            case ir.Scope(inner):
                return (inner,)
            case ir.Sequence(parts):
                return parts[: self._reach(parts)]
        return ()

    def _reach(self, parts: tuple[ir.Node, ...]) -> int:
        """How many parts a sequence can begin with."""
        nullable = self._nullable
        return next((index + 1 for index, part in enumerate(parts) if part not in nullable), len(parts))

    def beginnings(self, parts: tuple[ir.Node, ...]) -> Iterator[tuple[ir.Node, tuple[ir.Node, ...]]]:
        """What a sequence can begin with, and the rest of each, in a form that makes all rests together of linear size."""
        reach = self._reach(parts)
        nested = self._nested(parts, reach) if len(parts) > _MOST_FLAT else []
        for index, part in enumerate(parts[:reach]):
            flat = index == reach - 1 or not nested
            yield part, parts[index + 1 :] if flat else (nested[index + 1],)

    def _nested(self, parts: tuple[ir.Node, ...], reach: int) -> list[ir.Node]:
        """Item i is a sequence of the parts from i on: part i, and item i + 1; the last one has all parts that remain."""
        found: list[ir.Node] = [ir.Sequence(parts[reach - 1 :])]
        if all(part in self._nullable for part in parts[reach - 1 :]):
            self._nullable.add(found[0])
        for part in parts[: reach - 1][::-1]:
            suffix = ir.Sequence((part, found[-1]))
            if found[-1] in self._nullable:
                self._nullable.add(suffix)
            found.append(suffix)
        return found[::-1]

    # ---------------------------------------------------------------------------------------------------- components

    def _describe(self, component: Component, members: list[ir.Node]) -> None:
        for node in members:
            match node:
                case ir.Choice(parts):
                    for part in parts:
                        self._add(component, part, (), node)
                case ir.Sequence(parts):
                    for part, rest in self.beginnings(parts):
                        self._add(component, part, rest, node)
                case ir.Scope():
                    raise GrammarError(self._complaint(component))

    def _add(self, component: Component, first: ir.Node, rest: tuple[ir.Node, ...], node: ir.Node) -> None:
        """One way to begin `node`: a non-empty text of `first`."""
        source = self.resolved(first)
        if id(source) not in component.members:
            component.starts.append((((first, True), *((part, False) for part in rest)), node))
            return
        for items in self.nonempty(rest):
            component.edges.append((source, items, node))
        if all(part in self._nullable for part in rest):
            component.edges.append((source, (), node))

    def nonempty(self, parts: tuple[ir.Node, ...]) -> Iterator[Items]:
        """The non-empty texts of a sequence of the parts, by the first part that is not empty."""
        if all(part in self._nullable for part in parts):
            for first, rest in self.beginnings(parts):
                yield (first, True), *((part, False) for part in rest)
        else:
            yield tuple((part, False) for part in parts)

    def _complaint(self, component: Component) -> str:
        names = [name for name, node in self._rules.items() if id(self.resolved(node)) in component.members]
        what = f"rule {names[0]!r} begins with itself" if names else "a part begins with itself"
        return f"{what} inside a nested grammar of its own; write that recursion with something before it"
