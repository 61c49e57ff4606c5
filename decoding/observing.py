"""What drafters are told after a pass: at each position that the model judged, what was drafted and what came."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from .draft_tree import DraftTree, rows_of
from .drafting import Drafts, Observed
from .node_laws import NodeLaws
from .running import RunningSequence
from .verification import Verdict


def observe(
    drafts: Drafts,
    rows: Sequence[RunningSequence],
    previous: Sequence[int],
    trees: Sequence[DraftTree],
    verdicts: Sequence[Verdict],
    laws: NodeLaws,
) -> None:
    """Tell the drafters of a pass.

    Args:
        drafts: are told row by row, the root first.
        rows: as they are after the pass.
        previous: the last token of each row before the pass.
        trees, verdicts: of the rows.
        laws: of the roots and nodes, row by row.
    """
    best = _candidates(laws.held, drafts.candidates) if drafts.candidates else None
    for row, token_id, tree, verdict, place in zip(rows, previous, trees, verdicts, rows_of(trees), strict=True):
        likely = [()] * (1 + len(tree)) if best is None else best[place]
        drafts.observe(row, _positions(tree, verdict, token_id, likely))


def _candidates(held: Tensor, count: int) -> list[tuple[int, ...]]:
    """The most likely tokens of each row, best first; fewer where fewer are allowed."""
    likely = held.topk(min(count, held.shape[1]), dim=-1)
    allowed = (likely.values > -torch.inf).sum(dim=-1).tolist()
    return [tuple(ids[:most]) for ids, most in zip(likely.indices.tolist(), allowed, strict=True)]


def _positions(tree: DraftTree, verdict: Verdict, previous: int, likely: Sequence[tuple[int, ...]]) -> list[Observed]:
    drawn = dict(zip([DraftTree.ROOT, *verdict.path], verdict.token_ids, strict=True))
    return [
        Observed(
            state=tree.state(node),
            previous=previous if node == DraftTree.ROOT else tree.token_ids[node],
            token_id=drawn.get(node),
            candidates=likely[node + 1],
        )
        for node in range(DraftTree.ROOT, len(tree))
    ]
