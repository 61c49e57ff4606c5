"""Tokens that may come next, as a tree below the place where a row stands; every node is allowed by the grammar."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from torch import Tensor

from latticework.grammar._native import CompiledGrammar, Matcher


class DraftTree:
    """The drafts of one row. Node -1 is the root, where the row stands; children come after their parents.

    Valid until the matcher moves: until then the states of its nodes are not dropped.

    Attributes:
        grammar: of the row.
        root_state: where the row stands.
        token_ids: of each node.
        parents: the node above each node.
        chances: of each node, an estimate in (0, 1] of the probability that it is right, given that its parent is.
        states: of the grammar, behind each node.
        sure: whether the node is to be taken without asking the model.
        closed: nodes whose tokens may be drawn, and behind which nothing is asked in this pass.
        laws: the law [V] that the token was drawn from, or None where it was chosen in another way.
    """

    ROOT = -1
    REFUSED = -2

    def __init__(self, matcher: Matcher) -> None:
        self.grammar: CompiledGrammar = matcher.grammar
        self.root_state = matcher.state
        self.token_ids: list[int] = []
        self.parents: list[int] = []
        self.chances: list[float] = []
        self.states: list[int] = []
        self.sure: list[bool] = []
        self.closed: frozenset[int] = frozenset()
        self.laws: list[Tensor | None] = []
        self._matcher = matcher
        self._children: list[dict[int, int]] = [{}]  # of node i at i + 1

    def __len__(self) -> int:
        return len(self.token_ids)

    def add(self, parent: int, token_id: int, chance: float, *, sure: bool = False, law: Tensor | None = None) -> int:
        """The child of `parent` with this token, made if it is not there; `REFUSED` if the token is not allowed there.

        An end token is refused too: nothing comes after it. A child that is there keeps the larger chance, and is sure
        if it was or is to be. A law that the token was drawn from is kept as well: what becomes of a drawn token must
        not depend on whether others have proposed it too.
        """
        known = self._children[parent + 1].get(token_id)
        if known is not None:
            self.chances[known] = max(self.chances[known], chance)
            self.sure[known] = self.sure[known] or sure
            if law is not None:
                self.laws[known] = law
            return known
        state = self._matcher.peek(self.state(parent), token_id)
        if state < 0 or self.grammar.is_terminated(state):
            return self.REFUSED
        return self._append(parent, token_id, chance, state, sure, law)

    def add_chain(self, parent: int, token_ids: Iterable[int], chances: Iterable[float] | float) -> int:
        """Add tokens one below the other until one is refused. Gives the last node that stands, or `parent`."""
        tokens = list(token_ids)
        each = [float(chances)] * len(tokens) if isinstance(chances, (int, float)) else list(chances)
        for token_id, chance in zip(tokens, each, strict=True):
            node = self.add(parent, token_id, chance)
            if node == self.REFUSED:
                break
            parent = node
        return parent

    def state(self, node: int) -> int:
        """The state of the grammar behind a node."""
        return self.root_state if node == self.ROOT else self.states[node]

    def children(self, node: int) -> dict[int, int]:
        """Token -> child, in the order in which they were added."""
        return self._children[node + 1]

    @property
    def is_chain(self) -> bool:
        """Whether each node is the child of the one before."""
        return all(parent == node - 1 for node, parent in enumerate(self.parents))

    @property
    def depths(self) -> list[int]:
        """How many tokens lead to each node."""
        depths: list[int] = []
        for parent in self.parents:
            depths.append(1 if parent == self.ROOT else depths[parent] + 1)
        return depths

    def depth(self, node: int) -> int:
        """How many tokens lead to a node; 0 for the root."""
        depth = 0
        while node != self.ROOT:
            node, depth = self.parents[node], depth + 1
        return depth

    def reach(self, node: int) -> float:
        """The estimated probability that a node is right: the product of the chances down to it."""
        product = 1.0
        while node != self.ROOT:
            node, product = self.parents[node], product * self.chances[node]
        return product

    def best_chain(self) -> list[int]:
        """The nodes from the root down, at each the most likely child, the first of equals.

        A sure child comes before others, then one that was drawn from a law: whether that is looked at must not depend
        on which token was drawn.
        """
        chain, node = [], self.ROOT
        while below := self.children(node):
            node = max(
                below.values(),
                key=lambda child: (self.sure[child], self.laws[child] is not None, self.chances[child], -child),
            )
            chain.append(node)
        return chain

    def keep(self, nodes: Sequence[int]) -> None:
        """Drop all nodes but these, which are renumbered in order. Raises `ValueError` for one without its parent."""
        old, number = self.__dict__.copy(), {self.ROOT: self.ROOT}
        self.token_ids, self.parents, self.chances, self.states, self.sure, self.laws = [], [], [], [], [], []
        self._children = [{}]
        for node in sorted(set(nodes)):
            if old["parents"][node] not in number:
                raise ValueError(f"node {node} cannot be kept without its parent")
            number[node] = self._append(
                number[old["parents"][node]],
                *(old[name][node] for name in ("token_ids", "chances", "states", "sure", "laws")),
            )
        self.closed = frozenset(number[node] for node in self.closed if node in number)

    def close(self, nodes: Iterable[int]) -> None:
        """Drop what is below these nodes, behind which nothing is to be asked in this pass."""
        self.closed = frozenset(nodes)
        kept: set[int] = set()
        for node, parent in enumerate(self.parents):
            if parent == self.ROOT or (parent in kept and parent not in self.closed):
                kept.add(node)
        self.keep(sorted(kept))

    def _append(self, parent: int, token_id: int, chance: float, state: int, sure: bool, law: Tensor | None) -> int:
        node = len(self.token_ids)
        self.token_ids.append(token_id)
        self.parents.append(parent)
        self.chances.append(chance)
        self.states.append(state)
        self.sure.append(sure)
        self.laws.append(law)
        self._children.append({})
        self._children[parent + 1][token_id] = node
        return node


def rows_of(trees: Iterable[DraftTree]) -> Iterator[slice]:
    """Where the root and the nodes of each tree stand, if those of all trees follow each other."""
    first = 0
    for tree in trees:
        yield slice(first, first := first + 1 + len(tree))
