"""Searches over the outputs of a constraint: what one asks for in a round, and the rounds of many in one batch."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Sequence
from itertools import accumulate
from typing import Any, NamedTuple, Protocol, TypeVar

import torch
from torch import Tensor

from latticework.grammar._native import CompiledGrammar, Matcher
from latticework.grammar.compiler import Compiler
from latticework.grammar.constraint import Constraint
from latticework.grammar.errors import LimitError

from .bitmask import allocate_token_bitmask, apply_token_bitmask_
from .compilers import model_compiler
from .options import Request, SearchOptions
from .prompt_tree import PromptTree
from .prompts import Prompt, encode_prompt
from .sampling import precise

Result = TypeVar("Result")


class Space(Protocol):
    """The outputs that are searched, as an automaton over tokens; states are small integers."""

    start: int
    end_tokens: tuple[int, ...]

    def step(self, state: int, token_id: int) -> int:
        """The state behind an allowed token."""

    def fill_bitmask(self, states: Sequence[int], bitmask: Tensor) -> None:
        """As `CompiledGrammar.fill_bitmask`."""

    def is_complete(self, state: int, /) -> bool:
        """Whether the output is over here, without an end token."""

    def fits(self, state: int, remaining: int) -> bool:
        """Whether so many tokens, an end token included, are known to be enough from here, or nothing is known."""

    def fill_within(self, states: Sequence[int], remaining: int, bitmask: Tensor) -> None:
        """As `fill_bitmask`, without the tokens behind which `remaining` tokens, this one included, are not enough."""


class GrammarSpace:
    """The texts of a grammar, spelled by any tokens that its masks allow.

    An output ends with an end token; or, with `ends_itself`, as soon as its text is one of the grammar's.
    """

    def __init__(self, grammar: CompiledGrammar, *, ends_itself: bool = False) -> None:
        self.start = grammar.start
        self.end_tokens = grammar.vocabulary.eos_token_ids
        self.grammar = grammar
        self._ends_itself = ends_itself
        self._matcher = Matcher(grammar)  # never moves, and so keeps every state that was peeked at

    def step(self, state: int, token_id: int) -> int:
        """As `Space`."""
        return self._matcher.peek(state, token_id)

    def fill_bitmask(self, states: Sequence[int], bitmask: Tensor) -> None:
        """As `Space`."""
        self.grammar.fill_bitmask(states, bitmask)

    def is_complete(self, state: int, /) -> bool:
        """As `Space`."""
        return self._ends_itself and self.grammar.is_accepting(state)

    def fits(self, state: int, remaining: int) -> bool:
        """As `Space`."""
        try:
            needed = self.grammar.distance(state)
        except LimitError:  # too much work to find out
            needed = 0
        return (needed - self._ends_itself if needed > 0 else 1) <= remaining

    def fill_within(self, states: Sequence[int], remaining: int, bitmask: Tensor) -> None:
        """As `Space`."""
        for row, state in enumerate(states):
            self.grammar.fill_bitmask_within(state, remaining + self._ends_itself, bitmask, row)


class Laws:
    """The model's law of the next token behind some nodes, and what the masks leave of it.

    Attributes:
        log_p: float32 or float64 [n, W]: log-probabilities under the model, -inf where a mask forbids the token.
        log_masses: of each node, the logarithm of the probability of all allowed tokens together.
    """

    def __init__(self, log_p: Tensor, log_masses: list[float]) -> None:
        self.log_p = log_p
        self.log_masses = log_masses

    def best(self, count: int, ends: Sequence[int]) -> list[list[tuple[int, float]]]:
        """Of each node the `count` likeliest tokens and their log-probabilities, best first; equal ones by their ids.

        Without end tokens and tokens of probability 0.
        """
        width = min(count + len(ends), self.log_p.shape[1])
        values, tokens = self.log_p.topk(width, dim=-1)
        ranked = []
        for row_values, row_tokens in zip(values.tolist(), tokens.tolist(), strict=True):
            pairs = [(t, p) for t, p in zip(row_tokens, row_values, strict=True) if p > -math.inf and t not in ends]
            ranked.append(sorted(pairs, key=lambda pair: (-pair[1], pair[0]))[:count])
        return ranked

    def only(self, bitmask: Tensor) -> Laws:
        """Without the tokens that a bitmask forbids besides; `log_masses` stays."""
        log_p = self.log_p.clone()
        apply_token_bitmask_(log_p, bitmask.to(log_p.device))
        return Laws(log_p, self.log_masses)

    def of(self, nodes: Sequence[int], tokens: Sequence[int]) -> list[float]:
        """The log-probability of `tokens[i]` behind node `nodes[i]` of these."""
        if not nodes:
            return []
        device = self.log_p.device
        found: list[float] = self.log_p[
            torch.tensor(nodes, device=device), torch.tensor(tokens, device=device)
        ].tolist()
        return found


def continuations(
    space: Space, laws: Laws, states: Sequence[int], count: int, remaining: int
) -> list[list[tuple[int, float]]]:
    """As `Laws.best`, of tokens with which an output can be finished within `remaining` tokens; `states` of the nodes."""
    ranked = laws.best(count, space.end_tokens)
    reached = (space.step(state, token) for state, row in zip(states, ranked, strict=True) for token, _ in row)
    if all(space.fits(state, remaining - 1) for state in reached):
        return ranked
    bitmask = allocate_token_bitmask(*laws.log_p.shape)
    try:
        space.fill_within(states, remaining, bitmask)
    except LimitError:  # too much work to find out
        return ranked
    return laws.only(bitmask).best(count, space.end_tokens)


class Asked(NamedTuple):
    """A node that a search wants to see the law of.

    Attributes:
        parent: an earlier node of the search, numbered from 0 in the order of asking, or ROOT.
        token_id: its token.
        state: of the space, behind the token.
        depth: how many tokens lead to it.
    """

    parent: int
    token_id: int
    state: int
    depth: int


# A search gets the law behind the prompt, asks for at most `PromptTree.share` nodes in each round, and gets their laws.
Rounds = Generator[list[Asked], Laws, Result]


def run(
    tree: PromptTree, spaces: Sequence[Space], searches: Sequence[Callable[[Laws], Rounds[Result]]]
) -> list[Result]:
    """The result of each search; row b of the tree is for `searches[b]`, and each round is one forward pass for all."""
    found: dict[int, Result] = {}
    running: dict[int, Rounds[Result]] = {}
    asked: dict[int, list[Asked]] = {}
    root = [[Asked(-1, -1, space.start, 0)] for space in spaces]
    for row, laws in enumerate(_laws(tree.roots, spaces, root)):
        running[row] = searches[row](laws)
        _advance(row, None, running, asked, found)
    while asked:
        wanted = [asked.pop(row, []) for row in range(len(spaces))]
        logits = tree.extend([[(node.parent, node.token_id) for node in nodes] for nodes in wanted])
        for row, laws in enumerate(_laws(logits, spaces, wanted)):
            if wanted[row]:
                _advance(row, laws, running, asked, found)
    return [found[row] for row in range(len(spaces))]


def _advance(
    row: int,
    laws: Laws | None,
    running: dict[int, Rounds[Result]],
    asked: dict[int, list[Asked]],
    found: dict[int, Result],
) -> None:
    try:
        asked[row] = next(running[row]) if laws is None else running[row].send(laws)
    except StopIteration as stop:
        found[row] = stop.value


@torch.no_grad()
def _laws(logits: Tensor, spaces: Sequence[Space], nodes: Sequence[Sequence[Asked]]) -> list[Laws]:
    """The laws of the nodes of each row; `logits` [nodes of all rows, W]. Raises `ValueError` if they are no numbers."""
    bitmask = allocate_token_bitmask(*logits.shape)
    counts = [len(asked) for asked in nodes]
    for space, asked, rows in zip(spaces, nodes, torch.split(bitmask, counts), strict=True):
        if asked:
            space.fill_bitmask([node.state for node in asked], rows)
    log_p = precise(logits).log_softmax(dim=-1)
    apply_token_bitmask_(log_p, bitmask.to(log_p.device, non_blocking=True))
    masses: list[float] = log_p.logsumexp(dim=-1).tolist()
    for node, mass in zip((node for asked in nodes for node in asked), masses, strict=True):
        if math.isnan(mass):
            raise ValueError(f"after {node.depth} tokens the model has no finite logit for an allowed token")
    ends = list(accumulate(counts))
    return [Laws(log_p[end - n : end], masses[end - n : end]) for end, n in zip(ends, counts, strict=True)]


class Job(NamedTuple):
    """What a call is about: for each prompt its tokens, its constraint and its grammar."""

    prompts: list[list[int]]
    constraints: list[Constraint]
    grammars: list[CompiledGrammar]
    compiler: Compiler
    max_new_tokens: int


def job(model: Any, tokenizer: Any, prompts: Sequence[Prompt], options: SearchOptions) -> Job:
    """Encode the prompts and compile their constraints.

    Raises `TypeError` for an option that searches do not have, and what `Request` and compiling raise.
    """
    if unknown := sorted(set(options) - set(SearchOptions.__annotations__)):
        raise TypeError(f"{', '.join(unknown)}: no option of a search, which draws nothing at random")
    request = Request(**options)
    constraints = request.constraints(len(prompts))
    compiler = request.compiler or model_compiler(model, tokenizer)
    ids = [encode_prompt(tokenizer, prompt) for prompt in prompts]
    grammars = [compiler.compile(constraint) for constraint in constraints]
    return Job(ids, constraints, grammars, compiler, request.max_new_tokens)
