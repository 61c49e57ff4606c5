"""The most probable output of a constraint: best-first search, with a proof, or as far as a cap on its work goes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from heapq import heappop, heappush
from typing import Any, NamedTuple, Unpack

from .hypothesis import Hypothesis, Law, SearchLimitError, check_count, check_law, text_of
from .options import SearchOptions
from .prompt_tree import ROOT, PromptTree
from .prompts import Prompt, split_prompts
from .search import Asked, GrammarSpace, Laws, Rounds, Space, continuations, job, run


@dataclass(frozen=True)
class Best(Hypothesis):
    """The most probable output that was found.

    Attributes:
        proven: whether no other valid output, of any length, is more probable. Otherwise `node_cap` or
            `max_new_tokens` ended the search on the way.
        bound: no valid output of any length has a higher score; equal to `score` if that is proven.
        expansions: behind how many prefixes the model was asked for the next token.
        forward_passes: how often the model was called, for all prompts of the call together.
    """

    proven: bool
    bound: float
    expansions: int
    forward_passes: int


def argmax(
    model: Any,
    tokenizer: Any,
    prompt: Prompt | Sequence[Prompt],
    *,
    law: Law = "model",
    node_cap: int = 1000,
    width: int = 8,
    **options: Unpack[SearchOptions],
) -> Best | list[Best]:
    """The most probable valid output, as a sequence of tokens with its end token.

        argmax(model, tokenizer, "Date: ", regex="[0-9]{2}/[0-9]{2}").text

    Prefixes are taken up in the order of their probability, which no continuation can exceed. So the first output whose
    turn comes is the best one. Equally probable outputs are told apart by their token ids: the lowest wins.

    Args:
        model, tokenizer, prompt: as for `generate`.
        law: what is maximised: "model", the model's own probability (given the language, it differs by a constant), or
            "masked", the probability under masked decoding, where each step is renormalised over the allowed tokens.
        node_cap: how many prefixes may be looked at before the search gives up on a proof. It then completes the best
            open prefix, by the best token at each step that can be finished within `max_new_tokens`, and gives the best
            output that it has met.
        width: how many prefixes are looked at in one forward pass. It changes the speed, not the result.
        options: `schema`, `regex`, `choice` or `constraint`, and `max_new_tokens` (the end token included), within
            which outputs are looked for.

    Returns a `Best` for one prompt, a list of them for a list of prompts.

    Raises:
        SearchLimitError: no valid output was found within the limits.
        ConstraintError: the constraint is wrong, is not supported, or cannot be spelled with this vocabulary.
        TypeError, ValueError: an argument is wrong, or the model's logits are not numbers.
    """
    check_law(law)
    check_count("node_cap", node_cap)
    check_count("width", width)
    prompts, is_batch = split_prompts(prompt)
    if not prompts:
        return []
    work = job(model, tokenizer, prompts, options)
    tree = PromptTree(model, work.prompts, nodes_per_pass=width * len(prompts))
    spaces = [GrammarSpace(grammar) for grammar in work.grammars]
    extents = [Extent(law, node_cap, width, int(min(work.max_new_tokens, tree.room(i)))) for i in range(len(prompts))]
    searches = [partial(best_first, space, extent) for space, extent in zip(spaces, extents, strict=True)]
    found = run(tree, spaces, searches)
    vocabulary = work.compiler.vocabulary
    best = [
        Best(
            one.path.token_ids,
            text_of(vocabulary, one.path.token_ids),
            one.path.log_p,
            one.path.log_mass,
            one.path.score,
            constraint,
            one.proven,
            one.bound,
            one.expansions,
            tree.forward_passes,
        )
        for one, constraint in zip(found, work.constraints, strict=True)
    ]
    return best if is_batch else best[0]


class Extent(NamedTuple):
    """What a best-first search is about, and how far it goes; as the arguments of `argmax`."""

    law: Law
    node_cap: int
    width: int
    max_tokens: int


class Path(NamedTuple):
    """Tokens from the beginning of an output, with their log-probabilities."""

    score: float  # under the law of the search
    token_ids: tuple[int, ...]
    log_p: float  # under the model
    log_mass: float  # of all allowed tokens, summed over the steps

    def then(self, token_id: int, log_p: float, log_mass: float, law: Law) -> Path:
        """With one more token, whose place has this viable mass."""
        step = log_p if law == "model" else min(log_p - log_mass, 0.0)
        return Path(self.score + step, (*self.token_ids, token_id), self.log_p + log_p, self.log_mass + log_mass)

    @property
    def key(self) -> tuple[float, tuple[int, ...]]:
        """Less is better. A path's key is never greater than those of the paths that go on from it."""
        return -self.score, self.token_ids


EMPTY = Path(0.0, (), 0.0, 0.0)


class Found(NamedTuple):
    """The result of a best-first search; as the attributes of `Best`."""

    path: Path
    proven: bool
    bound: float
    expansions: int


@dataclass
class _Expanded:
    """A prefix whose law is known, with the tokens that may follow, best first."""

    number: int
    state: int
    path: Path
    log_mass: float
    tokens: list[tuple[int, float]]


@dataclass(order=True)
class _Open:
    """The best continuation of a prefix by one token that has not had its turn."""

    key: tuple[float, tuple[int, ...]]
    path: Path = field(compare=False)
    above: _Expanded = field(compare=False)
    rank: int = field(compare=False)


def best_first(space: Space, extent: Extent, root: Laws) -> Rounds[Found]:
    """Uniform-cost search: the rounds of one row; gives what it found."""
    search = _BestFirst(space, extent)
    search.expand([(Asked(ROOT, ROOT, space.start, 0), EMPTY)], root)
    while chosen := search.choose():
        search.expand(chosen, (yield [asked for asked, _ in chosen]))
    followed = search.give_up(root)
    while followed is not None:
        followed = search.follow(*followed, (yield [followed[0]]))
    return search.result()


class _BestFirst:
    """The queue of a search. In it are the best siblings that wait; each makes room for the next when its turn comes."""

    def __init__(self, space: Space, extent: Extent) -> None:
        self.queue: list[_Open] = []
        self.best: Path | None = None
        self._space = space
        self._extent = extent
        self._expansions = 0
        self._cut = -math.inf  # the best prefix that was not followed to its end
        self._asked = 0

    def choose(self) -> list[tuple[Asked, Path]]:
        """The next prefixes to look at: none if no other can win, or the cap is reached."""
        chosen: list[tuple[Asked, Path]] = []
        most = min(self._extent.width, self._extent.node_cap - self._expansions)
        while len(chosen) < most and self._goes_on():
            asked, path = self._next()
            if self._space.is_complete(asked.state):
                self._offer(path)
            elif asked.depth >= self._extent.max_tokens:
                self._cut = max(self._cut, path.score)
            else:
                chosen.append((asked, path))
        return chosen

    def expand(self, chosen: Sequence[tuple[Asked, Path]], laws: Laws) -> None:
        """Take up the laws behind what was chosen."""
        # more siblings than prefixes may still be looked at never have their turn
        useful = max(self._extent.node_cap - self._expansions, 1)
        ranked = laws.best(useful, self._space.end_tokens)
        for index, (asked, path) in enumerate(chosen):
            mass = laws.log_masses[index]
            above = _Expanded(self._asked - 1, asked.state, path, mass, ranked[index])
            self._asked += 1
            self._expansions += 1
            self._end(path, laws, index)
            self._push(above, 0)

    def give_up(self, root: Laws) -> tuple[Asked, Path] | None:
        """The search is over, and what is still open counts as cut off. Gives a prefix that can be finished.

        That is the best of those that are open, or if there is none, one from which an output is found in any case.
        """
        if self.queue:
            self._cut = max(self._cut, -self.queue[0].key[0])
        while self._goes_on():
            asked, path = self._next()
            if self._space.is_complete(asked.state):
                self._offer(path)
            elif self._space.fits(asked.state, self._extent.max_tokens - asked.depth):
                return asked, path
        return self._continued(ROOT, self._space.start, EMPTY, root) if self.best is None else None

    def follow(self, asked: Asked, path: Path, laws: Laws) -> tuple[Asked, Path] | None:
        """The best continuation that can be finished, by one token; None if it ends here, or cannot win."""
        self._asked += 1
        self._expansions += 1
        self._end(path, laws, 0)
        return self._continued(self._asked - 2, asked.state, path, laws)

    def result(self) -> Found:
        """What was found. Raises `SearchLimitError` if that is nothing."""
        most = self._extent.max_tokens
        if self.best is None:
            if self._cut > -math.inf:
                raise SearchLimitError("max_new_tokens", most, "no output was found that is as short")
            raise ValueError("the model gives every valid output the probability 0")
        bound = max(self._cut, self.best.score)
        return Found(self.best, bound == self.best.score, bound, self._expansions)

    def _continued(self, number: int, state: int, path: Path, laws: Laws) -> tuple[Asked, Path] | None:
        """The best token behind a node with which an output can be finished."""
        depth = len(path.token_ids) + 1
        for token, log_p in continuations(self._space, laws, [state], 1, self._extent.max_tokens - depth + 1)[0]:
            longer = path.then(token, log_p, laws.log_masses[0], self._extent.law)
            after = self._space.step(state, token)
            if self._space.is_complete(after):
                self._offer(longer)
            elif self._may_win(longer.key) and self._space.fits(after, self._extent.max_tokens - depth):
                return Asked(number, token, after, depth), longer
        return None

    def _goes_on(self) -> bool:
        return bool(self.queue) and self._may_win(self.queue[0].key)

    def _next(self) -> tuple[Asked, Path]:
        """The best open prefix, whose place its next sibling takes."""
        entry = heappop(self.queue)
        self._push(entry.above, entry.rank + 1)
        token = entry.path.token_ids[-1]
        state = self._space.step(entry.above.state, token)
        return Asked(entry.above.number, token, state, len(entry.path.token_ids)), entry.path

    def _end(self, path: Path, laws: Laws, index: int) -> None:
        """Offer the outputs that end behind a path."""
        ends = self._space.end_tokens
        for token, log_p in zip(ends, laws.of([index] * len(ends), ends), strict=True):
            if log_p > -math.inf:
                self._offer(path.then(token, log_p, laws.log_masses[index], self._extent.law))

    def _may_win(self, key: tuple[float, tuple[int, ...]]) -> bool:
        return self.best is None or key < self.best.key

    def _offer(self, path: Path) -> None:
        if self._may_win(path.key):
            self.best = path

    def _push(self, above: _Expanded, rank: int) -> None:
        if rank < len(above.tokens):
            path = above.path.then(*above.tokens[rank], above.log_mass, self._extent.law)
            if self._may_win(path.key):
                heappush(self.queue, _Open(path.key, path, above, rank))
