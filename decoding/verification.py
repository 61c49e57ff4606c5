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
from .node_laws import Draws, NodeLaws
from .sampling import RowRandom, draw


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


def verify(laws: NodeLaws, trees: Sequence[DraftTree], random: Sequence[RowRandom]) -> list[Verdict]:
    """One verdict for each tree.

    Args:
        laws: of the roots and nodes, row by row.
        trees: theirs.
        random: the numbers of each row; that of a node is the one for its depth.
    """
    is_greedy = laws.sampling.temperature == 0
    drawn = laws.draw(None if is_greedy else _uniforms(trees, random))
    token_ids, paths = list(drawn.token_ids), []
    for row, (tree, place) in enumerate(zip(trees, rows_of(trees), strict=True)):
        if not is_greedy and any(given is not None for given in tree.laws):
            token_ids[place] = _redrawn(tree, laws.probabilities[place], token_ids[place], random[row])
        token_ids[place] = _with_sure(tree, token_ids[place])
        paths.append(_path(tree, token_ids[place]))
    return _verdicts(laws, trees, paths, drawn, token_ids)


def _verdicts(
    laws: NodeLaws, trees: Sequence[DraftTree], paths: list[list[int]], drawn: Draws, token_ids: list[int]
) -> list[Verdict]:
    log_p = list(drawn.log_probabilities)
    others = [place for place, token_id in enumerate(token_ids) if token_id != drawn.token_ids[place]]
    if others:
        found = laws.log_probabilities(others, [token_ids[place] for place in others])
        for place, log_probability in zip(others, found, strict=True):
            log_p[place] = log_probability
    verdicts = []
    for rows, path in zip(rows_of(trees), paths, strict=True):
        places = [rows.start + 1 + node for node in (DraftTree.ROOT, *path)]
        parts = ([values[place] for place in places] for values in (token_ids, log_p, drawn.log_masses))
        verdicts.append(Verdict(path, *parts))
    return verdicts


def _uniforms(trees: Sequence[DraftTree], random: Sequence[RowRandom]) -> list[float]:
    numbers = []
    for tree, row in zip(trees, random, strict=True):
        numbers += [row.ahead(depth) for depth in (0, *tree.depths)]
    return numbers


def _path(tree: DraftTree, token_ids: Sequence[int]) -> list[int]:
    """`token_ids[i + 1]` is what was drawn at node i."""
    path, node = [], DraftTree.ROOT
    while (child := tree.children(node).get(token_ids[node + 1])) is not None and child not in tree.closed:
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
