"""Drafts: what drafters see and answer, and how several of them fill one tree whose nodes are worth their cost.

A drafter guesses tokens that may come next; the loop verifies the guesses of a whole tree in one forward pass. A wrong
guess costs time and never changes the output, so a drafter may be as careless as it is quick.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol
from weakref import WeakKeyDictionary

from torch import Tensor

from latticework.grammar._native import Matcher

from .draft_acceptance import Acceptance
from .draft_tree import DraftTree
from .sampling import RowRandom

_NEARLY_CERTAIN = 0.9


class DraftContext(Protocol):
    """One row of a generation, as drafters see it; known by its identity."""

    @property
    def token_ids(self) -> list[int]:
        """Prompt and output so far; it grows."""

    @property
    def prompt_length(self) -> int:
        """How many of these are the prompt's."""

    @property
    def matcher(self) -> Matcher:
        """Where the output stands."""

    @property
    def remaining(self) -> int:
        """How many more tokens may be generated, the end token included."""

    @property
    def random(self) -> RowRandom:
        """Its random numbers, of which drafts that are drawn take fresh ones."""


@dataclass(frozen=True)
class Observed:
    """One position that the model has judged.

    Attributes:
        state: of the grammar, there.
        previous: the token before.
        token_id: what was drawn there, if the row went through it; None for a node off the path.
        candidates: the most likely tokens under the masked law, best first, as many as the drafters want.
    """

    state: int
    previous: int
    token_id: int | None
    candidates: tuple[int, ...] = ()


class Drafter(Protocol):
    """A source of drafts.

    Attributes:
        name: what reports call it.
        candidates: how many of the most likely tokens it wants to see in each `Observed`, usually 0.
        free: whether nodes that it calls nearly certain (0.9 or more) are left out of the node budget.
    """

    name: str
    candidates: int
    free: bool

    def begin(self, rows: Sequence[DraftContext]) -> None:
        """A generation of these rows starts."""

    def propose(self, rows: Sequence[DraftContext], trees: Sequence[DraftTree]) -> None:
        """Add nodes to the tree of each row; trees may hold those of others. Rows that are done are left out."""

    def observe(self, row: DraftContext, seen: Sequence[Observed]) -> None:
        """Learn from one verification: the root first, then the path that was taken from there, in order; nodes off
        the path may stand anywhere after the root.
        """


class Drafts:
    """Several drafters as one: all propose into one tree, of which the nodes stay that are worth their cost.

    The chances that drafters give are corrected by what became of earlier proposals of the same drafter and confidence
    (`Acceptance`). Nodes are then taken by their reach, the probability that the output goes through them, while one
    more raises the expected number of tokens per unit of time. With n nodes that is (1 + sum of their reaches) / (1 +
    n * node_cost), and the best set of each size are the nodes of largest reach (Xia et al., 2024: DySpec), a parent
    always before its children. It replaces the fixed threshold on the probability that all are right of SpecDec++
    (Huang et al., 2024).
    """

    name = "drafts"
    free = False

    def __init__(
        self,
        drafters: Iterable[Drafter],
        *,
        nodes: int = 32,
        node_cost: float = 0.01,
        acceptance: Acceptance | None = None,
        commits: Callable[[DraftContext, DraftTree, int], bool] | None = None,
    ) -> None:
        """Several drafters as one.

        Args:
            drafters: in the order in which they propose; the later ones may go on from the nodes of earlier ones.
            nodes: the most nodes in the tree of a row, without those of free drafters.
            node_cost: the time that one more node takes, as a fraction of a forward pass; may be set again at any time.
            acceptance: what was learned earlier with drafters of the same names.
            commits: whether text is committed where a node stands, without asking the model. A pass goes no further than
                to the token that leads there.

        Raises `ValueError` for a budget or a cost below 0, and for two drafters of one name.
        """
        self.drafters = tuple(drafters)
        names = [drafter.name for drafter in self.drafters]
        if len(set(names)) < len(names):
            raise ValueError(f"drafters: two have the same name in {names}")
        if nodes < 0 or node_cost < 0:
            raise ValueError(f"nodes={nodes}, node_cost={node_cost}: numbers of at least 0 expected")
        self.candidates = max((drafter.candidates for drafter in self.drafters), default=0)
        self.nodes = nodes
        self.node_cost = node_cost
        self.acceptance = acceptance or Acceptance()
        self._commits = commits
        self._pools: WeakKeyDictionary[DraftContext, _Pool] = WeakKeyDictionary()

    def begin(self, rows: Sequence[DraftContext]) -> None:
        """A generation of these rows starts."""
        for drafter in self.drafters:
            drafter.begin(rows)

    def propose(self, rows: Sequence[DraftContext], trees: Sequence[DraftTree]) -> None:
        """Fill the trees of the rows. What free drafters know is asked again below what the others have proposed."""
        pools = [_Pool(row, self.acceptance) for row in rows]
        again = [drafter for drafter in self.drafters if drafter.free] if len(self.drafters) > 1 else []
        for drafter in (*self.drafters, *again):
            for pool in pools:
                pool.speaker = drafter
            drafter.propose(rows, pools)
        for row, pool, tree in zip(rows, pools, trees, strict=True):
            self._pools[row] = pool
            _transfer(pool, pool.worthwhile(self.nodes, self.node_cost), tree)
            if self._commits is not None:
                unsure = [node for node, sure in enumerate(tree.sure) if not sure]
                tree.close([node for node in unsure if self._commits(row, tree, node)])

    def observe(self, row: DraftContext, seen: Sequence[Observed]) -> None:
        """Learn how good the proposals were, also of those that found no place in the tree."""
        pool = self._pools.pop(row, None)
        if pool is not None:
            pool.judge(one.token_id for one in seen if one.token_id is not None)
        for drafter in self.drafters:
            drafter.observe(row, seen)


class _Pool(DraftTree):
    """Everything that is proposed for a row, and by whom with which confidence."""

    def __init__(self, row: DraftContext, acceptance: Acceptance) -> None:
        super().__init__(row.matcher)
        self.speaker: Drafter
        self._acceptance = acceptance
        self._claims: list[dict[str, float]] = []  # of each node: drafter -> the chance that it gave
        self._free: list[bool] = []
        self._depths = [0]  # of node i at i + 1
        self._deepest = row.remaining - 1  # the last token needs no draft: it is drawn behind the others

    def add(self, parent: int, token_id: int, chance: float, *, sure: bool = False, law: Tensor | None = None) -> int:
        """As `DraftTree.add`, with the chance that such proposals have had; `REFUSED` also beyond the last token."""
        if self._depths[parent + 1] >= self._deepest:
            return self.REFUSED
        name = self.speaker.name
        estimate = 1.0 if sure else self._acceptance.estimate(name, chance)
        node = super().add(parent, token_id, estimate, sure=sure, law=law)
        if node == self.REFUSED:
            return node
        if node == len(self._claims):
            self._claims.append({})
            self._free.append(False)
            self._depths.append(self._depths[parent + 1] + 1)
        self._claims[node][name] = max(chance, self._claims[node].get(name, 0))
        self._free[node] = self._free[node] or (self.speaker.free and chance >= _NEARLY_CERTAIN)
        return node

    def worthwhile(self, budget: int, node_cost: float) -> set[int]:
        """The nodes to verify. Sure ones always stay. So do those drawn from a law: to drop a token for what it is
        would change the law that it was drawn from, and with it the output.
        """
        reaches: list[float] = []
        for parent, chance in zip(self.parents, self.chances, strict=True):
            reaches.append(chance * (1.0 if parent == self.ROOT else reaches[parent]))
        kept = {self.ROOT}
        for node, law in enumerate(self.laws):
            if law is not None or self.sure[node]:
                kept.update(self._path(node))
        paid = sum(not self._free[node] for node in kept if node != self.ROOT)
        expected = 1 + sum(reaches[node] for node in kept if node != self.ROOT)
        cost = 1 + node_cost * (len(kept) - 1)
        for node in sorted(range(len(self)), key=lambda node: -reaches[node]):  # stable: a parent stays ahead
            if reaches[node] * cost <= node_cost * expected:
                break
            counts = not self._free[node]
            if node in kept or self.parents[node] not in kept or (counts and paid >= budget):
                continue
            kept.add(node)
            paid += counts
            expected += reaches[node]
            cost += node_cost
        return kept - {self.ROOT}

    def judge(self, path: Iterable[int]) -> None:
        """Learn from the tokens that came instead of, or as, the proposed ones."""
        node = self.ROOT
        for token_id in path:
            for proposed, child in self.children(node).items():
                if not self.sure[child]:
                    for name, chance in self._claims[child].items():
                        self._acceptance.learn(name, chance, is_right=proposed == token_id)
            node = self.children(node).get(token_id, self.REFUSED)
            if node == self.REFUSED:
                return

    def _path(self, node: int) -> Iterable[int]:
        while node != self.ROOT:
            yield node
            node = self.parents[node]


def _transfer(pool: DraftTree, nodes: Iterable[int], tree: DraftTree) -> None:
    number = {DraftTree.ROOT: DraftTree.ROOT}
    for node in sorted(nodes):
        number[node] = tree.add(
            number[pool.parents[node]],
            pool.token_ids[node],
            pool.chances[node],
            sure=pool.sure[node],
            law=pool.laws[node],
        )


def tokens_before(token_ids: Sequence[int], tree: DraftTree, node: int, count: int) -> list[int]:
    """The last tokens of the text that ends with a node of the tree below `token_ids`."""
    found: list[int] = []
    while node != DraftTree.ROOT and len(found) < count:
        found.append(tree.token_ids[node])
        node = tree.parents[node]
    missing = count - len(found)
    return [*(token_ids[-missing:] if missing else ()), *reversed(found)]
