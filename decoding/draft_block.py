"""One pass of a model as tensors: for each row the tokens it has not seen, and a tree of drafts below the last of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from .draft_tree import DraftTree


@dataclass(frozen=True)
class Block:
    """What is fed, on the host. Rows end together: padding is on the left.

    Attributes:
        token_ids: int64[B, T].
        positions: int64[B, T], of the tokens in their texts.
        real: bool[B, T], false for padding. Of a row that is left out the last token is real.
        counts: how many logits each row gets: its last `counts[i]` ones; 0 for a row that is left out.
        trees: of each row, None if it is left out.
    """

    token_ids: Tensor
    positions: Tensor
    real: Tensor
    counts: list[int]
    trees: list[DraftTree | None]

    @property
    def branches(self) -> bool:
        """Whether some token has two children, so that the order of the block does not say what it follows."""
        return any(tree is not None and not tree.is_chain for tree in self.trees)

    @property
    def kept(self) -> Tensor:
        """bool[B, T]: the tokens that belong to the texts and trees."""
        return self.real & torch.tensor(self.counts, dtype=torch.bool)[:, None]

    def attention(self) -> Tensor:
        """bool[B, T, T]: which tokens of the block each of them looks at: those that it follows, and itself.

        Padding is looked at by nothing but itself.
        """
        width = self.token_ids.shape[1]
        looks = torch.ones((width, width), dtype=torch.bool).tril() & self.real[:, None, :]  # (B, T, T)
        itself = torch.eye(width, dtype=torch.bool)
        for row, tree in enumerate(self.trees):
            if tree is not None and not tree.is_chain:
                root = width - len(tree) - 1
                for node, parent in enumerate(tree.parents):
                    looks[row, root + 1 + node] = looks[row, root + 1 + parent]
                    looks[row, root + 1 + node, root + 1 + node] = True
        return looks | itself

    def places(self, kept: int) -> Tensor | None:
        """int64[2, N], row and place of the logits of the roots and nodes, row by row, among the last `kept` of each row.

        None if these are all that there are.
        """
        if kept == 1 and all(self.counts):
            return None
        rows = [row for row, count in enumerate(self.counts) for _ in range(count)]
        return torch.tensor([rows, [place for count in self.counts for place in range(kept - count, kept)]])


def make_block(pending: Sequence[Sequence[int]], begin: Sequence[int], trees: Sequence[DraftTree | None]) -> Block:
    """The block of rows with `pending` tokens, the first of which is at the position `begin[i]` of its text."""
    counts = [0 if tree is None else 1 + len(tree) for tree in trees]
    rows = [[*tokens, *tree.token_ids] if tree is not None else [] for tokens, tree in zip(pending, trees, strict=True)]
    width = max(map(len, rows))
    token_ids = torch.zeros((len(rows), width), dtype=torch.int64)
    positions, real = torch.zeros_like(token_ids), torch.zeros(token_ids.shape, dtype=torch.bool)
    for row, (tokens, tree) in enumerate(zip(rows, trees, strict=True)):
        if tree is None:
            real[row, -1] = True  # something to look at, so that no number of the row is undefined
            continue
        first = width - len(tokens)
        token_ids[row, first:] = torch.tensor(tokens)
        real[row, first:] = True
        places = list(range(begin[row], begin[row] + len(pending[row])))
        positions[row, first:] = torch.tensor(places + [places[-1] + depth for depth in tree.depths])
    return Block(token_ids, positions, real, counts, list(trees))
