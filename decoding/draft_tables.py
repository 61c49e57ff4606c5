"""Tables that drafters keep for each compiled grammar: they live as long as it does, are bounded, and warm across requests.

Keys hold states of the grammar. Their numbers are never given to others; a state that was dropped and comes back has a new one,
and its entry goes as those do that are not used.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from heapq import heappop, heappush
from threading import Lock
from typing import Any, Generic, TypeVar
from weakref import WeakKeyDictionary

from .draft_tree import DraftTree

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Bounded(dict[K, V], Generic[K, V]):
    """A dictionary that forgets the entry set longest ago when it is full."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most
        self._lock = Lock()

    def put(self, key: K, value: V) -> None:
        """Set an entry, which becomes the newest."""
        with self._lock:
            self.pop(key, None)
            self[key] = value
            while len(self) > self._most:
                del self[next(iter(self))]


class TableOf(Generic[K, V]):
    """For each owner (a grammar, a vocabulary, a tokenizer) one bounded table, which goes when the owner goes."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._tables: WeakKeyDictionary[Any, Bounded[K, V]] = WeakKeyDictionary()
        self._lock = Lock()

    def __call__(self, owner: Any) -> Bounded[K, V]:
        """The table of an owner, which nothing in the table may hold."""
        table = self._tables.get(owner)
        if table is None:
            with self._lock:
                table = self._tables.setdefault(owner, Bounded(self._most))
        return table


def expand(
    tree: DraftTree,
    previous: int,
    offers: Callable[[int, int], Iterable[tuple[int, float]]],
    *,
    most: int,
    least: float,
) -> None:
    """Add offered tokens below the nodes of a tree, the likeliest node first.

    Args:
        tree: the nodes that stand in it already are expanded too.
        previous: the token before the root.
        offers: (state, token before) -> tokens with their chances, best first.
        most: how many nodes are added.
        least: nodes that are reached with a smaller probability are not added, nor expanded.
    """
    heap = [(-1.0, DraftTree.ROOT, previous)]
    last = len(tree) + most
    while heap and len(tree) < last:
        reach, node, token = heappop(heap)
        for token_id, chance in offers(tree.state(node), token):
            if -reach * chance < least or len(tree) >= last:
                break
            tree.add(node, token_id, chance)
        for token_id, child in tree.children(node).items():
            if -reach * tree.chances[child] >= least:
                heappush(heap, (reach * tree.chances[child], child, token_id))
