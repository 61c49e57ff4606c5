"""Finishing within the budget: a token is only drawn if the text can still be completed with what then remains.

The grammar gives, for each state, an upper bound of the tokens that a shortest completion takes (`distance`), and a
token that brings it down by one. Far from the limit the mask stays as it is: the token that was drawn is checked, and
drawn again among the fitting ones if it leads too far, which gives exactly the law of the fitting ones. Near the limit
the mask itself is narrowed.
"""

from __future__ import annotations

import torch
from torch import Tensor

from latticework.grammar._native import CompiledGrammar, Matcher
from latticework.grammar.errors import LimitError

from .bitmask import allocate_token_bitmask, apply_token_bitmask_
from .draft_tree import DraftTree
from .sampling import RowRandom, Sampling, draw, greedy, probabilities
from .verification import Verdict

NEAR = 2  # so many tokens beyond the least that is needed


class BudgetTooSmall(LimitError):  # noqa: N818 - says what is wrong
    """`max_new_tokens` cannot hold any complete text of the constraint, as far as is known; raised before the first token."""

    def __init__(self, given: int, needed: int) -> None:
        self.needed = needed
        super().__init__("max_new_tokens", given, f"the shortest text that was found takes {needed} tokens")

    def __reduce__(self) -> tuple[type, tuple[int, int]]:
        return type(self), (self.value, self.needed)

    def __str__(self) -> str:
        return (
            f"max_new_tokens={self.value} is too small: {self.message}; raise it, or give finish=False to have outputs "
            "that are cut off"
        )


def check_budget(grammar: CompiledGrammar, tokens: int) -> None:
    """Raise `BudgetTooSmall` unless a text can be completed within so many tokens.

    The end token need not fit: a text that is complete when the budget is used up is complete.
    """
    needed = grammar.distance(grammar.start) - 1
    if needed < -1:
        raise LimitError(
            "max_new_tokens", tokens, "this vocabulary cannot spell the completion that was found; give finish=False"
        )
    if needed > tokens:
        raise BudgetTooSmall(tokens, needed)


def fits(tree: DraftTree, state: int, remaining: int) -> bool:
    """Whether the text can be completed from a state with so many tokens."""
    return 0 <= tree.grammar.distance(state) <= remaining + 1


def is_near(tree: DraftTree, node: int, remaining: int) -> bool:
    """Whether at a node the least that is needed is nearly all that remains there."""
    return tree.grammar.distance(tree.state(node)) - 1 + NEAR > remaining


def fill_fitting(tree: DraftTree, node: int, remaining: int, bitmask: Tensor, row: int = 0) -> None:
    """Write `bitmask[row]`: the tokens that may come at a node if `remaining` tokens, the next one included, must do."""
    tree.grammar.fill_bitmask_within(tree.state(node), remaining + 1, bitmask, row)


def first_misfit(tree: DraftTree, verdict: Verdict, matcher: Matcher, remaining: int) -> int | None:
    """The index of the first token behind which the text cannot be completed in time, if there is one.

    `matcher` stands at the root, from which `remaining` tokens are left.
    """
    states = [tree.state(node) for node in (DraftTree.ROOT, *verdict.path)]
    states.append(matcher.peek(states[-1], verdict.token_ids[-1]))
    for index, state in enumerate(states[1:]):
        if not fits(tree, state, remaining - index - 1):
            return index
    return None


def drawn_again(
    free: Tensor,
    held: Tensor,
    tree: DraftTree,
    verdict: Verdict,
    index: int,
    remaining: int,
    sampling: Sampling,
    random: RowRandom,
) -> Verdict:
    """The verdict up to a token that must not be drawn, and another one in its place.

    Args:
        free, held: [1 + nodes, V], of this row, as in `verify`.
        tree, verdict: of this row.
        index: of the token in the verdict.
        remaining: how many tokens there may be, that one included.
        sampling, random: as in `verify`.
    """
    node = verdict.path[index - 1] if index else DraftTree.ROOT
    bitmask = allocate_token_bitmask(1, tree.grammar.vocabulary.size)
    fill_fitting(tree, node, remaining, bitmask)
    own, law = free[node + 1 : node + 2].clone(), held[node + 1 : node + 2].clone()
    for logits in (own, law):
        apply_token_bitmask_(logits, bitmask.to(logits.device))
    uniform = torch.tensor([rehashed(random.ahead(index))], dtype=torch.float64, device=law.device)
    token_id = int(greedy(law) if sampling.temperature == 0 else draw(probabilities(law, sampling), uniform))
    return Verdict(
        verdict.path[:index],
        [*verdict.token_ids[:index], token_id],
        [*verdict.log_probabilities[:index], float(own[0, token_id])],
        [*verdict.log_masses[:index], float(own.logsumexp(dim=-1))],
    )


def rehashed(uniform: float) -> float:
    """Another number in [0, 1), a fixed function of the first one: of what is drawn again, it must not be the same."""
    word = int(uniform * 2**53) * 0x9E3779B97F4A7C15 & 0xFFFFFFFFFFFFFFFF
    word = (word ^ word >> 30) * 0xBF58476D1CE4E5B9 & 0xFFFFFFFFFFFFFFFF
    return ((word ^ word >> 27) >> 11) / 2**53
