"""The loop: draft, one pass of the model, masks, draw, and move on, for all rows of a batch, until every row is done.

Each pass looks at the next token of every row and at the drafts of what may follow, and settles all that stand. Logits
go through penalties, then the mask, then temperature and truncation (`Sampling`), in this order. The output does not
depend on the drafts: `verification.py` says why.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from time import perf_counter

import torch
from torch import Tensor

from .bitmask import allocate_token_bitmask
from .budget import drawn_again, fill_fitting, first_misfit, is_near
from .draft_tree import DraftTree, rows_of
from .drafting import Drafts
from .mask_table import MaskRows, MaskTable
from .node_laws import NodeLaws
from .observing import observe
from .penalties import penalise_repetition
from .running import RunningSequence
from .sampling import Sampling, precise
from .sending import send
from .tree_model import TreeModel
from .verification import Verdict, verify

_KEPT = 1024  # masks on the device: 16 MiB for a vocabulary of 128k tokens


class Loop:
    """One batch on its way. `step` makes a pass; `rows` fill."""

    def __init__(
        self,
        model: TreeModel,
        rows: Sequence[RunningSequence],
        sampling: Sampling,
        drafts: Drafts | None = None,
        *,
        fused: bool | None = None,
    ) -> None:
        """The rows are those of the model, and begin at its prompts.

        `fused`: masks stay on the model's device, of which a step sends the numbers of rows (`MaskTable`), and where
        nothing but a temperature decides, tokens are drawn in one pass over the logits (`NodeLaws`); by default where that
        device is not the CPU.
        """
        self.rows = rows
        self._model = model
        self._sampling = sampling
        self._drafts = drafts
        if drafts is not None:
            drafts.begin(rows)
        self._bitmask = torch.empty((0, 0), dtype=torch.int32)
        if fused is None:
            fused = model.device.type != "cpu"
        self._fuses = fused and NodeLaws.can_fuse(sampling)
        vocabulary = rows[0].matcher.grammar.vocabulary
        self._table = MaskTable(vocabulary.size, capacity=_KEPT, device=model.device) if fused else None

    def run(self) -> Iterator[None]:
        """A pass at each step, until every row is done."""
        while not all(row.is_done for row in self.rows):
            with torch.no_grad():
                self.step()
            yield

    def step(self) -> None:
        """One pass of the model; every row that is not done moves on by at least one token."""
        rows = [row for row in self.rows if not row.is_done]
        with self._timed(rows, "draft"):
            trees = self._draft(rows)
        with self._timed(rows, "model"):
            logits = self._model(self._in_place(rows, trees))  # (N, W)
        with self._timed(rows, "mask"):
            masks = self._masks(rows, trees)  # on the host, while the device computes
        with self._timed(rows, "sample"):
            laws = self._laws(logits, masks, rows, trees)
            verdicts = self._in_budget(laws, rows, trees, verify(laws, trees, [row.random for row in rows]))
            previous = [row.token_ids[-1] for row in rows]
            self._settle(rows, trees, verdicts)
        if self._drafts is not None:
            with self._timed(rows, "draft"):
                observe(self._drafts, rows, previous, trees, verdicts, laws)

    def _draft(self, rows: Sequence[RunningSequence]) -> list[DraftTree]:
        trees = [DraftTree(row.matcher) for row in rows]
        if self._drafts is not None:
            self._drafts.propose(rows, trees)
        for row, tree in zip(rows, trees, strict=True):
            if not self._model.can_branch and not tree.is_chain:
                tree.keep(tree.best_chain())
            if not self._model.can_draft or len(tree) >= row.remaining:
                tree.keep(self._possible(tree, row.remaining))
        return trees

    def _possible(self, tree: DraftTree, remaining: int) -> list[int]:
        """Without what comes too late, and without what the model cannot look at."""
        sure = list(tree.sure)
        for node, parent in enumerate(tree.parents):
            sure[node] = sure[node] and (parent == DraftTree.ROOT or sure[parent])
        allowed = [self._model.can_draft or is_sure for is_sure in sure]
        return [node for node, depth in enumerate(tree.depths) if depth < remaining and allowed[node]]

    def _in_place(self, rows: Sequence[RunningSequence], trees: Sequence[DraftTree]) -> list[DraftTree | None]:
        known = {id(row): tree for row, tree in zip(rows, trees, strict=True)}
        return [known.get(id(row)) for row in self.rows]

    def _masks(self, rows: Sequence[RunningSequence], trees: Sequence[DraftTree]) -> MaskRows:
        """What is allowed at the roots and nodes, row by row."""
        masks = self._masks_of(trees)
        near = [
            (place.start + 1 + node, tree, node, row.remaining - depth)
            for row, tree, place in zip(rows, trees, rows_of(trees), strict=True)
            for node, depth in enumerate((0, *tree.depths), DraftTree.ROOT)
            if row.finish and is_near(tree, node, row.remaining - depth)
        ]
        if not near:
            return masks
        narrow = allocate_token_bitmask(len(near), trees[0].grammar.vocabulary.size)
        for index, (_, tree, node, remaining) in enumerate(near):
            fill_fitting(tree, node, remaining, narrow, index)
        bitmask = masks.table.index_select(0, masks.numbers)  # the table's own rows stay as they are
        bitmask.index_copy_(
            0, *(send(part, bitmask.device) for part in (torch.tensor([one[0] for one in near]), narrow))
        )
        return MaskRows(bitmask, torch.arange(len(bitmask), device=bitmask.device))

    def _masks_of(self, trees: Sequence[DraftTree]) -> MaskRows:
        if self._table is not None:
            owners = [tree.grammar for tree in trees for _ in range(1 + len(tree))]
            return self._table.rows(owners, [state for tree in trees for state in (tree.root_state, *tree.states)])
        states = [[tree.root_state, *tree.states] for tree in trees]
        bitmask = self._room(sum(map(len, states)), trees[0].grammar.vocabulary.size)
        if len({id(tree.grammar) for tree in trees}) == 1:  # one call fills all
            trees[0].grammar.fill_bitmask([state for row in states for state in row], bitmask)
        else:
            for tree, row, place in zip(trees, states, rows_of(trees), strict=True):
                tree.grammar.fill_bitmask(row, bitmask[place])
        return MaskRows(bitmask, torch.arange(len(bitmask)))

    def _room(self, count: int, vocabulary_size: int) -> Tensor:
        if len(self._bitmask) < count:
            self._bitmask = allocate_token_bitmask(count, vocabulary_size)
        return self._bitmask[:count]

    def _laws(
        self, logits: Tensor, masks: MaskRows, rows: Sequence[RunningSequence], trees: Sequence[DraftTree]
    ) -> NodeLaws:
        penalty, penalised = self._sampling.repetition_penalty, None
        if penalty != 1:
            penalised = penalise_repetition(precise(logits), penalty, [row.token_ids for row in rows], trees)
        return NodeLaws(logits, masks, self._sampling, penalised=penalised, fused=self._fuses)

    def _in_budget(
        self,
        laws: NodeLaws,
        rows: Sequence[RunningSequence],
        trees: Sequence[DraftTree],
        verdicts: Sequence[Verdict],
    ) -> list[Verdict]:
        """The verdicts, with a token drawn again where one leads too far to be finished in time."""
        corrected = []
        for row, tree, verdict, place in zip(rows, trees, verdicts, rows_of(trees), strict=True):
            index = first_misfit(tree, verdict, row.matcher, row.remaining) if row.finish else None
            if index is not None:
                verdict = drawn_again(laws, place.start, tree, verdict, index, row.remaining - index, row.random)
            corrected.append(verdict)
        return corrected

    def _settle(self, rows: Sequence[RunningSequence], trees: Sequence[DraftTree], verdicts: Sequence[Verdict]) -> None:
        place = {id(row): index for index, row in enumerate(self.rows)}
        for row, tree, verdict in zip(rows, trees, verdicts, strict=True):
            row.count(tree, verdict)
            row.take(verdict)
            self._model.commit(place[id(row)], tree, verdict.path, verdict.token_ids[-1])
            if row.is_done:
                self._model.end(place[id(row)])

    @contextmanager
    def _timed(self, rows: Sequence[RunningSequence], part: str) -> Iterator[None]:
        began = perf_counter()
        yield
        seconds = perf_counter() - began
        for row in rows:
            row.report.seconds[part] += seconds
