"""Recycled drafts: the tokens that the model found likely when it was last at the same place of the grammar."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import TypeAlias

from .draft_tables import Bounded, TableOf, expand
from .draft_tree import DraftTree
from .drafting import DraftContext, Observed

_RANKS = 8
_CHANCES = (0.5, 0.16, 0.09, 0.06, 0.04, 0.03, 0.02, 0.02)  # of the most likely token, the second, ...
_ELSEWHERE = 0.6  # candidates from other states, which are taken when this one is new, are worth so much
_ANYWHERE = -1
_ENTRIES = 1 << 16  # of each grammar; about 10 MB when it is full

_Candidates: TypeAlias = Bounded[tuple[int, int], tuple[int, ...]]
_candidates: TableOf[tuple[int, int], tuple[int, ...]] = TableOf(_ENTRIES)


class RecyclingDrafts:
    """Proposes the most likely tokens of the last visit to a state of the grammar, behind the same token.

    Token recycling (Luo et al., 2024) keys its table by the last token alone. Here a row is for a state of the grammar
    and a token, and holds the best tokens under the mask; that of the token alone serves for states that are new. Rows
    are learned from every verified position, those of rejected drafts too. The tree grows best-first.
    """

    name = "recycle"
    candidates = _RANKS
    free = False

    def __init__(self, *, nodes: int = 24, least: float = 0.03) -> None:
        """At most `nodes` nodes for each row, none that is reached with a smaller probability than `least`.

        Raises `ValueError` unless nodes >= 1 and 0 < least <= 1.
        """
        if nodes < 1 or not 0 < least <= 1:
            raise ValueError(f"nodes={nodes}, least={least}: nodes >= 1 and 0 < least <= 1 expected")
        self._nodes = nodes
        self._least = least

    def begin(self, rows: Sequence[DraftContext]) -> None:
        """Nothing to do: what is known belongs to the grammar."""

    def propose(self, rows: Sequence[DraftContext], trees: Sequence[DraftTree]) -> None:
        """Grow each tree from its root, and on from the nodes that are there."""
        for row, tree in zip(rows, trees, strict=True):
            offers = partial(_offers, _candidates(tree.grammar))
            expand(tree, row.token_ids[-1], offers, most=self._nodes, least=self._least)

    def observe(self, row: DraftContext, seen: Sequence[Observed]) -> None:
        """Keep the candidates of every position."""
        table = _candidates(row.matcher.grammar)
        for one in seen:
            if one.candidates:
                table.put((one.state, one.previous), one.candidates[:_RANKS])
                table.put((_ANYWHERE, one.previous), one.candidates[:_RANKS])


def _offers(table: _Candidates, state: int, previous: int) -> Iterable[tuple[int, float]]:
    known = table.get((state, previous))
    if known is not None:
        return zip(known, _CHANCES, strict=False)
    elsewhere = table.get((_ANYWHERE, previous), ())
    return ((token_id, _ELSEWHERE * chance) for token_id, chance in zip(elsewhere, _CHANCES, strict=False))
