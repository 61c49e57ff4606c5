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

from .bitmask import allocate_token_bitmask, apply_token_bitmask_
from .budget import drawn_again, fill_fitting, first_misfit, is_near
from .draft_tree import DraftTree, rows_of
from .drafting import Drafts
from .mask_table import MaskTable
from .observing import observe
from .penalties import penalise_repetition
from .running import RunningSequence
from .sampling import Sampling
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
        keep_masks: bool | None = None,
    ) -> None:
        """The rows are those of the model, and begin at its prompts.

        `keep_masks`: masks stay on the model's device, and a step sends the numbers of their rows (`MaskTable`); by
        default where that is not the CPU.
        """
        self.rows = rows
        self._model = model
        self._sampling = sampling
        self._drafts = drafts
        if drafts is not None:
            drafts.begin(rows)
        self._bitmask = torch.empty((0, 0), dtype=torch.int32)
        if keep_masks is None:
            keep_masks = model.device.type != "cpu"
        vocabulary = rows[0].matcher.grammar.vocabulary
        self._table = MaskTable(vocabulary.size, capacity=_KEPT, device=model.device) if keep_masks else None

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
            bitmask = self._masks(rows, trees)  # (N, words), on the host while the device computes
        with self._timed(rows, "sample"):
            free, held = self._laws(logits, bitmask, rows, trees)
            verdicts = verify(free, held, trees, self._sampling, [row.random for row in rows])
            verdicts = self._in_budget(free, held, rows, trees, verdicts)
            previous = [row.token_ids[-1] for row in rows]
            self._settle(rows, trees, verdicts)
        if self._drafts is not None:
            with self._timed(rows, "draft"):
                observe(self._drafts, rows, previous, trees, verdicts, held)

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

    def _masks(self, rows: Sequence[RunningSequence], trees: Sequence[DraftTree]) -> Tensor:
        """int32[N, words] on the device: what is allowed at the roots and nodes, row by row."""
        bitmask = self._masks_of(trees)
        narrow = allocate_token_bitmask(1, trees[0].grammar.vocabulary.size)
        for row, tree, place in zip(rows, trees, rows_of(trees), strict=True):
            for node, depth in enumerate((0, *tree.depths), -1) if row.finish else ():
                if is_near(tree, node, row.remaining - depth):
                    fill_fitting(tree, node, row.remaining - depth, narrow)
                    bitmask[place.start + 1 + node] = narrow[0].to(bitmask.device)
        return bitmask

    def _masks_of(self, trees: Sequence[DraftTree]) -> Tensor:
        if self._table is not None:
            owners = [tree.grammar for tree in trees for _ in range(1 + len(tree))]
            masks = self._table.rows(owners, [state for tree in trees for state in (tree.root_state, *tree.states)])
            return masks.table.index_select(0, masks.numbers)
        states = [[tree.root_state, *tree.states] for tree in trees]
        bitmask = self._room(sum(map(len, states)), trees[0].grammar.vocabulary.size)
        grammars = {id(tree.grammar) for tree in trees}
        if len(grammars) == 1:  # one call fills all
            trees[0].grammar.fill_bitmask([state for row in states for state in row], bitmask)
            return bitmask
        for tree, row, place in zip(trees, states, rows_of(trees), strict=True):
            tree.grammar.fill_bitmask(row, bitmask[place])
        return bitmask

    def _room(self, count: int, vocabulary_size: int) -> Tensor:
        if len(self._bitmask) < count:
            self._bitmask = allocate_token_bitmask(count, vocabulary_size)
        return self._bitmask[:count]

    def _laws(
        self, logits: Tensor, bitmask: Tensor, rows: Sequence[RunningSequence], trees: Sequence[DraftTree]
    ) -> tuple[Tensor, Tensor]:
        """The model's own law [N, W] and the law that is drawn from, both where the mask allows it."""
        free = logits.log_softmax(dim=-1)
        apply_token_bitmask_(free, bitmask)
        if self._sampling.repetition_penalty == 1:
            return free, free
        held = penalise_repetition(logits, self._sampling.repetition_penalty, [row.token_ids for row in rows], trees)
        apply_token_bitmask_(held, bitmask)
        return free, held

    def _in_budget(
        self,
        free: Tensor,
        held: Tensor,
        rows: Sequence[RunningSequence],
        trees: Sequence[DraftTree],
        verdicts: Sequence[Verdict],
    ) -> list[Verdict]:
        """The verdicts, with a token drawn again where one leads too far to be finished in time."""
        corrected = []
        for row, tree, verdict, place in zip(rows, trees, verdicts, rows_of(trees), strict=True):
            index = first_misfit(tree, verdict, row.matcher, row.remaining) if row.finish else None
            if index is not None:
                left = row.remaining - index
                verdict = drawn_again(free[place], held[place], tree, verdict, index, left, self._sampling, row.random)
            corrected.append(verdict)
        return corrected

    def _settle(self, rows: Sequence[RunningSequence], trees: Sequence[DraftTree], verdicts: Sequence[Verdict]) -> None:
        place = {id(row): index for index, row in enumerate(self.rows)}
        for row, tree, verdict in zip(rows, trees, verdicts, strict=True):
            row.count(tree, verdict)
            row.take(verdict)
            self._model.commit(place[id(row)], tree, verdict.path, verdict.token_ids[-1])

    @contextmanager
    def _timed(self, rows: Sequence[RunningSequence], part: str) -> Iterator[None]:
        began = perf_counter()
        yield
        seconds = perf_counter() - began
        for row in rows:
            row.report.seconds[part] += seconds
