"""The right-linear rules that say what follows the beginning of a left-recursive rule, up to the whole of it.

A component of the left-corner relation is a graph: each edge says that a text of its source, followed by some parts, is a
text of its target. The rest of node X in goal A is what all ways from X to A add, and the last thing of each way is the
rest of another node: a tail call. Nodes that lead to each other by adding nothing have the same rests.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain

from . import ir
from .left_corners import EMPTY, NOTHING
from .rule_analysis import components


@dataclass(frozen=True, slots=True)
class Edge:
    """A non-empty text of `source`, followed by `parts`, is one of `target`.

    `last` is the node that the last part stands for, and `whole` whether the part has the empty text if the node has it.
    """

    source: int
    target: int
    parts: tuple[ir.Node, ...] = ()
    last: ir.Node | None = None
    whole: bool = True


class Rests:
    """A component: its edges, and its starts, which are edges from nowhere (0) into it."""

    def __init__(self, starts: list[Edge], edges: list[Edge]) -> None:
        nodes = dict.fromkeys(chain.from_iterable((edge.target, edge.source) for edge in chain(starts, edges)))
        self.size = len(edges) + len(starts)
        self._class = self._classes(nodes, edges)
        self.starts: dict[int, list[Edge]] = {}
        for start in starts:
            self.starts.setdefault(self._class[start.target], []).append(start)
        self.edges: dict[int, list[Edge]] = {}
        for edge in edges:
            source, target = self._class[edge.source], self._class[edge.target]
            if edge.parts or source != target:
                self.edges.setdefault(source, []).append(Edge(source, target, edge.parts, edge.last, edge.whole))

    @staticmethod
    def _classes(nodes: Iterable[int], edges: list[Edge]) -> dict[int, int]:
        free: dict[int, list[int]] = {node: [] for node in nodes}
        for edge in edges:
            if not edge.parts:
                free[edge.source].append(edge.target)
        return {node: number for number, group in enumerate(components(free)) for node in group}

    def goal(
        self, node: ir.Node, itself: ir.Reference, nullable: bool, name: Callable[[], str]
    ) -> tuple[ir.Node, dict[str, ir.Node]]:
        """The non-empty texts of a node, which are what `itself` refers to, and rules for the rests."""
        if id(node) not in self._class:
            return NOTHING, {}
        rules = _Rules(self, node, itself, nullable, name)
        return rules.whole(self._class[id(node)]), rules.rules()


class _Rules:
    """The rules of one goal."""

    def __init__(
        self, rests: Rests, node: ir.Node, itself: ir.Reference, nullable: bool, name: Callable[[], str]
    ) -> None:
        self._node = node
        self._itself = itself
        self._nullable = nullable
        self._new_name = name
        self._starts = rests.starts
        self._tails: dict[int, ir.Reference] = {}
        self._waiting: list[int] = []
        self._same: dict[int, int] = {}
        self._edges: dict[int, list[Edge]] = {}
        self._uses: Counter[int] = Counter()
        self._all_edges = rests.edges

    def whole(self, final: int) -> ir.Node:
        """Some start, and its rest."""
        self._final = final
        leading = self._leading(final)
        for source, edges in self._all_edges.items():
            self._edges[source] = [edge for edge in edges if edge.target in leading]
        for edge in chain.from_iterable(self._edges.values()):
            self._uses[self._settled(edge.target)] += 1
        grouped: dict[int, list[Edge]] = {}
        for at, starts in self._starts.items():
            if at in leading:
                grouped.setdefault(self._settled(at), []).extend(starts)
                self._uses[self._settled(at)] += 2  # so that it has a rule of its own
        return choice(chain.from_iterable(self._begun(at, starts) for at, starts in grouped.items()))

    def _begun(self, at: int, starts: list[Edge]) -> Iterator[ir.Node]:
        """The starts that lead to a class, and what follows them: what all have in common is written once."""
        ways = [(start.parts, self._followed(start, at)) for start in starts]
        tail = self._tail(at)
        followed = [parts for parts, way in ways if way == (*parts, *tail)]
        if followed:
            yield sequence(choice(sequence(*parts) for parts in followed), *tail)
        yield from (sequence(*way) for parts, way in ways if way != (*parts, *tail))

    def rules(self) -> dict[str, ir.Node]:
        """What the tails refer to; each may need others."""
        found: dict[str, ir.Node] = {}
        while self._waiting:
            at = self._waiting.pop()
            found[self._tails[at].rule] = choice(self._ways(at))
        return found

    def _leading(self, final: int) -> set[int]:
        """The classes from which a way leads to the goal."""
        sources: dict[int, list[int]] = {}
        for edge in chain.from_iterable(self._all_edges.values()):
            sources.setdefault(edge.target, []).append(edge.source)
        found = {final}
        open_ = [final]
        while open_:
            new = [source for source in sources.get(open_.pop(), ()) if source not in found]
            found.update(new)
            open_ += new
        return found

    def _settled(self, at: int) -> int:
        """The class with the same rest that a class stands for if all it does is to lead there without adding anything."""
        passed = []
        while at not in self._same:
            edges = self._edges.get(at, [])
            if at == self._final or len(edges) != 1 or edges[0].parts:
                self._same[at] = at
            else:
                passed.append(at)
                at = edges[0].target
        at = self._same[at]
        self._same.update(dict.fromkeys(passed, at))
        return at

    def _tail(self, at: int) -> tuple[ir.Node, ...]:
        """What ends a sequence whose rest is that of a class: nothing, or a tail call."""
        if at == self._final and not self._edges.get(at):
            return ()
        if at not in self._tails:
            self._tails[at] = ir.Reference(self._new_name())
            self._waiting.append(at)
        return (self._tails[at],)

    def _ways(self, at: int) -> Iterator[ir.Node]:
        """How the rest of a class may go on. A class that only this one leads to, adding nothing, is a part of it."""
        open_, ends = [at], False
        while open_:
            source = open_.pop()
            ends = ends or source == self._final
            for edge in self._edges.get(source, ()):
                target = self._settled(edge.target)
                if edge.parts:
                    yield sequence(*self._followed(edge, target))
                elif self._uses[target] == 1:
                    open_.append(target)
                elif tail := self._tail(target):
                    yield tail[0]
                else:
                    ends = True
        if ends:
            yield EMPTY

    def _followed(self, edge: Edge, target: int) -> tuple[ir.Node, ...]:
        """The parts of an edge, and the rest of its target.

        What ends with the goal itself, on the way to the goal, needs no rest: the rest of a rest is one already.
        """
        tail = self._tail(target)
        if not tail or target != self._final or edge.last is not self._node:
            return (*edge.parts, *tail)
        if edge.whole and self._nullable:
            return (*edge.parts[:-1], ir.Choice((self._itself, *tail)))
        return edge.parts


def sequence(*parts: ir.Node) -> ir.Node:
    """One part after the other."""
    return parts[0] if len(parts) == 1 else ir.Sequence(parts)


def choice(parts: Iterable[ir.Node]) -> ir.Node:
    """One of the parts that are not `NOTHING`."""
    kept = tuple(part for part in parts if part is not NOTHING)
    if not kept:
        return NOTHING
    return kept[0] if len(kept) == 1 else ir.Choice(kept)
