"""Which drafts stand: the model's masked law decides at each node, so the output has the law of plain decoding.

A token is drawn from the law at the root; if it was drafted, the next is drawn at that child, and so on; the first one
that was not drafted ends the round. So with given random numbers the output is the same with any drafts and without.
A draft that was itself drawn, from a law q, is instead accepted with the probability min(1, p / q), and otherwise p goes
on as the positive part of p - q (Leviathan et al., 2023; siblings in turn as in SpecInfer, Miao et al., 2024): that
keeps the law too, and accepts more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from .draft_tree import DraftTree, rows_of
from .sampling import RowRandom, Sampling, draw, greedy, probabilities


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a row goes on with.

    Attributes:
        path: the drafted nodes that stand, from the root down.
        token_ids: theirs, and the token that was drawn behind the last.
        log_probabilities: of `token_ids` under the model's own law.
        log_masses: of all tokens that were allowed there, together.
    """

    path: list[int]
    token_ids: list[int]
    log_probabilities: list[float]
    log_masses: list[float]


def verify(
    free: Tensor,
    held: Tensor,
    trees: Sequence[DraftTree],
    sampling: Sampling,
    random: Sequence[RowRandom],
) -> list[Verdict]:
    """One verdict for each tree.

    Args:
        free: [N, V], the model's own log-probabilities at the roots and nodes, row by row, -inf where not allowed.
        held: [N, V], logits of the law that is drawn from: with penalties, -inf where not allowed.
        trees: their nodes are the rows of `free` and `held`.
        sampling: temperature and truncation.
        random: the numbers of each row; that of a node is the one for its depth.
    """
    law = None if sampling.temperature == 0 else probabilities(held, sampling)
    drawn = greedy(held) if law is None else draw(law, _uniforms(trees, random).to(held.device))
    token_ids = drawn.tolist()
    paths = []
    for row, (tree, place) in enumerate(zip(trees, rows_of(trees), strict=True)):
        if law is not None and any(given is not None for given in tree.laws):
            token_ids[place] = _redrawn(tree, law[place], token_ids[place], random[row])
        token_ids[place] = _with_sure(tree, token_ids[place])
        paths.append(_path(tree, token_ids[place]))
    return _verdicts(free, trees, paths, token_ids)


def _verdicts(free: Tensor, trees: Sequence[DraftTree], paths: list[list[int]], token_ids: list[int]) -> list[Verdict]:
    chosen = torch.tensor(token_ids, device=free.device)[:, None]
    log_p, mass = torch.cat([free.gather(-1, chosen), free.logsumexp(dim=-1, keepdim=True)], dim=-1).T.tolist()
    verdicts = []
    for rows, path in zip(rows_of(trees), paths, strict=True):
        places = [rows.start + 1 + node for node in (DraftTree.ROOT, *path)]
        parts = ([values[place] for place in places] for values in (token_ids, log_p, mass))
        verdicts.append(Verdict(path, *parts))
    return verdicts


def _uniforms(trees: Sequence[DraftTree], random: Sequence[RowRandom]) -> Tensor:
    numbers = []
    for tree, row in zip(trees, random, strict=True):
        numbers += [row.ahead(depth) for depth in (0, *tree.depths)]
    return torch.tensor(numbers, dtype=torch.float64)


def _path(tree: DraftTree, token_ids: Sequence[int]) -> list[int]:
    """`token_ids[i + 1]` is what was drawn at node i."""
    path, node = [], DraftTree.ROOT
    while (child := tree.children(node).get(token_ids[node + 1])) is not None:
        path.append(child)
        node = child
    return path


def _with_sure(tree: DraftTree, token_ids: list[int]) -> list[int]:
    """Where a child is to be taken unseen, its token instead of what was drawn."""
    for node, sure in enumerate(tree.sure):
        if sure:
            token_ids[tree.parents[node] + 1] = tree.token_ids[node]
    return token_ids


def _redrawn(tree: DraftTree, law: Tensor, token_ids: list[int], random: RowRandom) -> list[int]:
    """The tokens at the nodes of a path, where drafts that were drawn from laws are accepted by those."""
    node = DraftTree.ROOT
    while True:
        p, chosen = law[node + 1].double(), None
        # drawn ones first, since their law does not know which others there are
        for child in sorted(tree.children(node).values(), key=lambda child: tree.laws[child] is None):
            chosen, p = _accept(tree, child, p, random.fresh())
            if chosen is not None:
                break
        if chosen is None:
            uniform = torch.tensor([random.fresh()], dtype=torch.float64, device=p.device)
            token_ids[node + 1] = int(draw(p[None], uniform))
            return token_ids
        token_ids[node + 1], node = tree.token_ids[chosen], chosen


def _accept(tree: DraftTree, child: int, p: Tensor, uniform: float) -> tuple[int | None, Tensor]:
    """The child if it is accepted, and otherwise what remains of the law `p` [V]."""
    token_id, given = tree.token_ids[child], tree.laws[child]
    q = torch.zeros_like(p)  # as wide as the model's logits, which may be more than there are tokens
    if given is None:
        q[token_id] = 1
    else:
        q[: len(given)] = given.to(p)
    rest = (p - q).clamp(min=0)
    if uniform * float(q[token_id]) < float(p[token_id]) or not float(rest.sum()):
        return child, p
    return None, rest / rest.sum()
