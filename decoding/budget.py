"""Finishing within the budget: a token is only drawn if the text can still be completed with what then remains.

The grammar gives, for each state, an upper bound of the tokens that a shortest completion takes (`distance`), and a
token that brings it down by one. Far from the limit the mask stays as it is: the token that was drawn is checked, and
drawn again among the fitting ones if it leads too far, which gives exactly the law of the fitting ones. Near the limit
the mask itself is narrowed.
"""

from __future__ import annotations

import math

from torch import Tensor

from latticework.grammar._native import CompiledGrammar, Matcher
from latticework.grammar.errors import LimitError

from .bitmask import allocate_token_bitmask
from .draft_tree import DraftTree
from .node_laws import NodeLaws
from .sampling import RowRandom
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

    `matcher` stands at the root, from which `remaining` tokens are left. A last token that is none, since the model's
    logits are not numbers, leads nowhere: whoever takes it raises.
    """
    states = [tree.state(node) for node in (DraftTree.ROOT, *verdict.path)]
    if math.isfinite(verdict.log_probabilities[-1]):
        states.append(matcher.peek(states[-1], verdict.token_ids[-1]))
    for index, state in enumerate(states[1:]):
        if not fits(tree, state, remaining - index - 1):
            return index
    return None


def drawn_again(
    laws: NodeLaws, root: int, tree: DraftTree, verdict: Verdict, index: int, remaining: int, random: RowRandom
) -> Verdict:
    """The verdict up to a token that must not be drawn, and another one in its place.

    Args:
        laws: of the pass; `root` is the row of the root in it.
        tree, verdict: of one row.
        index: of the token in the verdict.
        remaining: how many tokens there may be, that one included.
        random: the numbers of the row.
    """
    node = verdict.path[index - 1] if index else DraftTree.ROOT
    bitmask = allocate_token_bitmask(1, tree.grammar.vocabulary.size)
    fill_fitting(tree, node, remaining, bitmask)
    uniform = rehashed(random.ahead(index)) if laws.sampling.temperature else None
    drawn = laws.draw_again(root + 1 + node, bitmask, uniform)
    return Verdict(
        verdict.path[:index],
        verdict.token_ids[:index] + drawn.token_ids,
        verdict.log_probabilities[:index] + drawn.log_probabilities,
        verdict.log_masses[:index] + drawn.log_masses,
    )


def rehashed(uniform: float) -> float:
    """Another number in [0, 1), a fixed function of the first one: of what is drawn again, it must not be the same."""
    word = int(uniform * 2**53) * 0x9E3779B97F4A7C15 & 0xFFFFFFFFFFFFFFFF
    word = (word ^ word >> 30) * 0xBF58476D1CE4E5B9 & 0xFFFFFFFFFFFFFFFF
    return ((word ^ word >> 27) >> 11) / 2**53
