"""Rows to draft for, and a loop in a few lines that verifies drafts one token at a time: the slow and obvious truth."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch

import latticework as lw
from latticework.decoding.draft_tree import DraftTree
from latticework.decoding.drafting import Drafter, Observed
from latticework.decoding.mask_table import MaskRows
from latticework.decoding.node_laws import NodeLaws
from latticework.decoding.sampling import RowRandom, Sampling


@dataclass(eq=False)
class Row:
    """All that drafters see of a sequence."""

    token_ids: list[int]
    prompt_length: int
    matcher: lw.Matcher
    remaining: int = 100
    random: RowRandom = field(default_factory=lambda: RowRandom(torch.Generator().manual_seed(4)))


def row_of(grammar: lw.CompiledGrammar, prompt: Sequence[int] = (0,), remaining: int = 100) -> Row:
    return Row(list(prompt), len(prompt), lw.Matcher(grammar), remaining)


def laws_of(logits: torch.Tensor, sampling: Sampling, fused: bool = False) -> NodeLaws:
    """The laws of roots and nodes where everything is allowed that has a logit."""
    everything = torch.full((1, -(-logits.shape[1] // 32)), -1, dtype=torch.int32)
    masks = MaskRows(everything, torch.zeros(len(logits), dtype=torch.int64))
    return NodeLaws(logits, masks, sampling, fused=fused)


def walk(row: Row, tokens: Sequence[int]) -> None:
    """Move a row on."""
    for token_id in tokens:
        row.matcher.accept_token(token_id)
        row.token_ids.append(token_id)
        row.remaining -= 1


def proposed(drafter: Drafter, row: Row) -> DraftTree:
    """What a drafter proposes where a row stands."""
    tree = DraftTree(row.matcher)
    drafter.propose([row], [tree])
    return tree


def paths(tree: DraftTree) -> dict[tuple[int, ...], int]:
    """The tokens down to each node -> the node."""
    found: dict[tuple[int, ...], int] = {}
    texts: list[tuple[int, ...]] = []
    for node, parent in enumerate(tree.parents):
        texts.append((*texts[parent], tree.token_ids[node]) if parent >= 0 else (tree.token_ids[node],))
        found[texts[-1]] = node
    return found


Answer = Callable[[list[int], list[int]], list[int]]
"""(text so far, what is allowed) -> the allowed tokens, best first."""


def write(drafter: Drafter, row: Row, answer: Answer) -> tuple[list[int], int]:
    """The tokens of a greedy generation with drafts, and how many passes it took."""
    drafter.begin([row])
    passes = 0
    while row.remaining and not row.matcher.is_terminated:
        tree = proposed(drafter, row)
        passes += 1
        seen, drawn, node = [], [], DraftTree.ROOT
        while True:
            text = row.token_ids + drawn
            ranked = answer(text, tree.grammar.allowed_tokens(tree.state(node)))
            seen.append(Observed(tree.state(node), text[-1], ranked[0], tuple(ranked[: drafter.candidates])))
            drawn.append(ranked[0])
            if ranked[0] not in tree.children(node):
                break
            node = tree.children(node)[ranked[0]]
        walk(row, drawn)
        drafter.observe(row, seen)
    return row.token_ids[row.prompt_length :], passes
