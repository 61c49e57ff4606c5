"""Beam search over the states of a grammar: hypotheses are valid, finished, and ranked by their exact probabilities."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple, Unpack

from .argmax import EMPTY, Path
from .hypothesis import Hypothesis, Law, SearchLimitError, check_count, check_law, text_of
from .options import SearchOptions
from .prompt_tree import PromptTree
from .prompts import Prompt, split_prompts
from .search import Asked, GrammarSpace, Laws, Rounds, continuations, job, run

_STEEPEST = 10  # a steeper penalty ranks by length alone, and overflows


def beam_search(
    model: Any,
    tokenizer: Any,
    prompt: Prompt | Sequence[Prompt],
    *,
    beams: int = 4,
    returned: int = 1,
    length_penalty: float = 0.0,
    law: Law = "model",
    **options: Unpack[SearchOptions],
) -> list[Hypothesis] | list[list[Hypothesis]]:
    """The best finished outputs of a beam search, best first.

        beam_search(model, tokenizer, "Name: ", regex="[a-z]{1,8}", beams=8, returned=3)

    At each step every allowed token is considered behind each of the `beams` best prefixes. Those that end an output
    make a finished hypothesis, and take no place among the beams. Of the others the best `beams` go on that can still be
    finished within `max_new_tokens`. The search ends when none can lead to a hypothesis that would be returned. Equal scores are told apart by token ids: the
    lowest come first. The prefixes share the model's cache as one tree, so nothing is copied when beams change.

    Args:
        model, tokenizer, prompt: as for `generate`.
        beams: how many prefixes are kept. With as many as the language has, this is an exhaustive ranking.
        returned: how many hypotheses are wanted; there are fewer if fewer were finished.
        length_penalty: a hypothesis of n tokens (the end token included) is ranked by its log-probability / n ** penalty;
            0 ranks by probability, more favours longer outputs. Prefixes, which have equal lengths, are ranked by
            log-probability.
        law: whose log-probability: "model", the model's own, or "masked", that of masked decoding.
        options: `schema`, `regex`, `choice` or `constraint`, and `max_new_tokens` (the end token included).

    Returns the hypotheses of a prompt, a list of these lists for a list of prompts.

    Raises:
        SearchLimitError: no hypothesis was finished within `max_new_tokens`.
        ConstraintError: the constraint is wrong, is not supported, or cannot be spelled with this vocabulary.
        TypeError, ValueError: an argument is wrong, or the model's logits are not numbers.
    """
    check_law(law)
    check_count("beams", beams)
    check_count("returned", returned)
    if not abs(length_penalty) <= _STEEPEST:
        raise ValueError(f"length_penalty={length_penalty}: a number of at most {_STEEPEST} expected, or its negative")
    prompts, is_batch = split_prompts(prompt)
    if not prompts:
        return []
    work = job(model, tokenizer, prompts, options)
    tree = PromptTree(model, work.prompts, nodes_per_pass=beams * len(prompts), lasting=False)
    spaces = [GrammarSpace(grammar) for grammar in work.grammars]
    rooms = [int(min(work.max_new_tokens, tree.room(row))) for row in range(len(prompts))]
    shape = [_Beams(law, beams, returned, length_penalty, room) for room in rooms]
    found = run(tree, spaces, [partial(_search, space, one) for space, one in zip(spaces, shape, strict=True)])
    vocabulary = work.compiler.vocabulary
    ranked = [
        [
            Hypothesis(
                path.token_ids, text_of(vocabulary, path.token_ids), path.log_p, path.log_mass, score, constraint
            )
            for score, path in paths
        ]
        for paths, constraint in zip(found, work.constraints, strict=True)
    ]
    return ranked if is_batch else ranked[0]


class _Beams(NamedTuple):
    """What a search is asked for; as the arguments of `beam_search`."""

    law: Law
    beams: int
    returned: int
    length_penalty: float
    max_tokens: int

    def score(self, path: Path) -> float:
        """Of a finished hypothesis."""
        return path.score / float(len(path.token_ids) ** self.length_penalty)

    def reachable(self, path: Path) -> float:
        """An upper bound on the score of the hypotheses that go on from a prefix."""
        longest = self.max_tokens if self.length_penalty > 0 else len(path.token_ids) + 1
        return path.score / float(longest**self.length_penalty)


class _Prefix(NamedTuple):
    """A prefix among the beams; one that is new has the number of the node above it."""

    number: int
    state: int
    path: Path


def _search(space: GrammarSpace, shape: _Beams, laws: Laws) -> Rounds[list[tuple[float, Path]]]:
    live = [_Prefix(-1, space.start, EMPTY)]
    finished: list[tuple[float, Path]] = []
    asked = 0
    for depth in range(1, shape.max_tokens + 1):
        finished = _best(finished + _ended(space, shape, live, laws), shape.returned)
        going = _going(space, shape, live, laws, depth)
        if len(finished) == shape.returned:
            going = [prefix for prefix in going if shape.reachable(prefix.path) >= finished[-1][0]]
        if not going or depth == shape.max_tokens:
            break
        laws = yield [Asked(above, path.token_ids[-1], state, depth) for above, state, path in going]
        live = [_Prefix(asked + index, prefix.state, prefix.path) for index, prefix in enumerate(going)]
        asked += len(going)
    if finished:
        return finished
    if all(mass == -math.inf for mass in laws.log_masses):
        raise ValueError("the model gives every valid output the probability 0")
    raise SearchLimitError("max_new_tokens", shape.max_tokens, "no hypothesis was finished")


def _best(finished: list[tuple[float, Path]], count: int) -> list[tuple[float, Path]]:
    return sorted(finished, key=lambda pair: (-pair[0], pair[1].token_ids))[:count]


def _ended(space: GrammarSpace, shape: _Beams, live: list[_Prefix], laws: Laws) -> list[tuple[float, Path]]:
    """The hypotheses that end here, with their scores."""
    places = [(row, end) for row in range(len(live)) for end in space.end_tokens]
    found = laws.of([row for row, _ in places], [end for _, end in places])
    paths = [
        live[row].path.then(end, log_p, laws.log_masses[row], shape.law)
        for (row, end), log_p in zip(places, found, strict=True)
        if log_p > -math.inf
    ]
    return [(shape.score(path), path) for path in paths]


def _going(space: GrammarSpace, shape: _Beams, live: list[_Prefix], laws: Laws, depth: int) -> list[_Prefix]:
    """The best prefixes of `depth` tokens that can be finished."""
    states = [prefix.state for prefix in live]
    ranked = continuations(space, laws, states, shape.beams, shape.max_tokens - depth + 1)
    found = [
        (above.path.then(token, log_p, laws.log_masses[row], shape.law), above)
        for row, (above, tokens) in enumerate(zip(live, ranked, strict=True))
        for token, log_p in tokens
    ]
    best = sorted(found, key=lambda pair: pair[0].key)[: shape.beams]
    return [_Prefix(above.number, space.step(above.state, path.token_ids[-1]), path) for path, above in best]
