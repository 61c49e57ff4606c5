"""What drafters are told after a pass: at each position that the model judged, what was drafted and what came."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from .draft_tree import DraftTree, rows_of
from .drafting import Drafts, Observed
from .running import RunningSequence
from .verification import Verdict


def observe(
    drafts: Drafts,
    rows: Sequence[RunningSequence],
    previous: Sequence[int],
    trees: Sequence[DraftTree],
    verdicts: Sequence[Verdict],
    held: Tensor,
) -> None:
    """Tell the drafters of a pass.

    Args:
        drafts: are told row by row, the root first.
        rows: as they are after the pass.
        previous: the last token of each row before the pass.
        trees, verdicts: of the rows.
        held: [N, V], the masked logits at the roots and nodes, row by row.
    """
    likely = held.topk(min(drafts.candidates, held.shape[1]), dim=-1) if drafts.candidates else None
    for row, token_id, tree, verdict, place in zip(rows, previous, trees, verdicts, rows_of(trees), strict=True):
        best: list[tuple[int, ...]] = [()] * (1 + len(tree))
        if likely is not None:
            allowed = (likely.values[place] > -float("inf")).sum(dim=-1).tolist()
            best = [tuple(ids[:count]) for ids, count in zip(likely.indices[place].tolist(), allowed, strict=True)]
        drafts.observe(row, _positions(tree, verdict, token_id, best))


def _positions(tree: DraftTree, verdict: Verdict, previous: int, best: list[tuple[int, ...]]) -> list[Observed]:
    drawn = dict(zip([DraftTree.ROOT, *verdict.path], verdict.token_ids, strict=True))
    return [
        Observed(
            state=tree.state(node),
            previous=previous if node == DraftTree.ROOT else tree.token_ids[node],
            token_id=drawn.get(node),
            candidates=best[node + 1],
        )
        for node in range(DraftTree.ROOT, len(tree))
    ]
