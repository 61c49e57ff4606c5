"""Penalties for tokens that stand in the text already, applied to the model's logits before anything else."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from .draft_tree import DraftTree, rows_of


def penalise_repetition(
    logits: Tensor, penalty: float, texts: Sequence[Sequence[int]], trees: Sequence[DraftTree]
) -> Tensor:
    """The logits [N, W] of the roots and nodes of `trees`, row by row, less those of tokens that came before.

    A token of the row's text (prompt and output) or of the path to the node has its logit divided by `penalty` if it is
    positive, and multiplied with it otherwise (Keskar et al., 2019), as in Hugging Face's `repetition_penalty`.
    """
    came = torch.zeros(logits.shape, dtype=torch.bool, device=logits.device)
    for text, tree, place in zip(texts, trees, rows_of(trees), strict=True):
        came[place, torch.tensor(list(set(text)), device=logits.device)] = True
        for node, (parent, token_id) in enumerate(zip(tree.parents, tree.token_ids, strict=True)):
            came[place.start + 1 + node] |= came[place.start + 1 + parent]
            came[place.start + 1 + node, token_id] = True
    return torch.where(came, torch.where(logits > 0, logits / penalty, logits * penalty), logits)
