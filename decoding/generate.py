"""Generation under a constraint: `generate` gives values, `complete` gives everything, `stream` gives text as it comes.

The loop is `decode`. It works with any causal language model that is called as Hugging Face's are, and draws by the
masked law: at each step the tokens after which no valid text could follow lose their probability, and the others share
it in proportion.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Unpack

import torch
from torch import Tensor

from .bitmask import allocate_token_bitmask, apply_token_bitmask_
from .cached_model import CachedModel
from .compilers import compiler_for, logits_width
from .generation import Generation, GenerationIncomplete
from .options import Options, Request
from .prompts import Prompt, encode_prompt, single_prompt, split_prompts
from .running import RunningSequence
from .sampling import Sampling


def generate(model: Any, tokenizer: Any, prompt: Prompt | Sequence[Prompt], **options: Unpack[Options]) -> Any:
    """The value that the model writes for `prompt`: valid, or an error.

        generate(model, tokenizer, "A person:", schema=Person, max_new_tokens=200)   # -> Person(...)

    Args:
        model: a causal language model, called as Hugging Face's are.
        tokenizer: its Hugging Face tokenizer.
        prompt: a text, a chat (list of messages with "role" and "content"), or a list of these.
        options: `schema`, `regex`, `choice` or `constraint`, and how to draw: see `Request`.

    Returns an instance of the Python type, the JSON value of a schema, or the text; a list of them for a list of prompts.

    Raises:
        GenerationIncomplete: `max_new_tokens` was too small; it carries what there is.
        ConstraintError: the constraint is wrong, is not supported, or cannot be spelled with this vocabulary.
        TypeError, ValueError: an argument is wrong, or a validator of the Python type refuses the value.
    """
    generations = complete(model, tokenizer, prompt, **options)
    if not all(generation.finished for generation in generations):
        raise GenerationIncomplete(tuple(generations))
    values = [generation.value for generation in generations]
    return values if split_prompts(prompt)[1] else values[0]


def complete(
    model: Any, tokenizer: Any, prompt: Prompt | Sequence[Prompt], **options: Unpack[Options]
) -> list[Generation]:
    """One `Generation` per prompt, in order: text, tokens, probabilities, and whether it was finished. As `generate`."""
    prompts, _ = split_prompts(prompt)
    ids = [encode_prompt(tokenizer, prompt) for prompt in prompts]
    return complete_ids(model, tokenizer, ids, Request(**options))


def stream(model: Any, tokenizer: Any, prompt: Prompt, **options: Unpack[Options]) -> TextStream:
    """An iterator over pieces of text, as they are written; its `result` is the value. For one prompt; as `generate`.

    The pieces are never cut inside a character, and concatenate to the whole text. If `max_new_tokens` was too small,
    the iterator ends with `GenerationIncomplete`.
    """
    ids = encode_prompt(tokenizer, single_prompt(prompt))
    steps, (row,) = start(model, tokenizer, [ids], Request(**options))
    return TextStream(steps, row)


class TextStream(Iterator[str]):
    """Pieces of a text, as they are generated."""

    def __init__(self, steps: Iterator[None], row: RunningSequence) -> None:
        self._steps = steps
        self._row = row

    def __next__(self) -> str:
        for _ in self._steps:
            if self._row.pieces[-1]:
                return self._row.pieces[-1]
        if self._row.finish_reason == "length":
            raise GenerationIncomplete((self.generation,))
        raise StopIteration

    @property
    def generation(self) -> Generation:
        """Text, tokens and probabilities, once the iterator has ended; until then `ValueError`."""
        return self._row.generation()

    @property
    def result(self) -> Any:
        """The value, as `generate` returns it, once the iterator has ended; until then `ValueError`."""
        if not self.generation.finished:
            raise GenerationIncomplete((self.generation,))
        return self.generation.value


def complete_ids(model: Any, tokenizer: Any, prompts: list[list[int]], request: Request) -> list[Generation]:
    """As `complete`, for prompts that are encoded already."""
    if not prompts:
        return []
    steps, rows = start(model, tokenizer, prompts, request)
    for _ in steps:
        pass
    return [row.generation() for row in rows]


def start(
    model: Any,
    tokenizer: Any,
    prompts: list[list[int]],
    request: Request,
    generators: Sequence[torch.Generator] | None = None,
) -> tuple[Iterator[None], list[RunningSequence]]:
    """The steps of a generation that has not begun, and its rows, which fill as the steps are taken.

    `generators` replaces the random numbers that the request's seed gives.
    """
    constraints = request.constraints(len(prompts))
    cached = CachedModel(model, prompts)
    compiler = request.compiler or compiler_for(
        tokenizer, width=logits_width(model), generation_config=getattr(model, "generation_config", None)
    )
    rows = []
    for prompt, constraint in zip(prompts, constraints, strict=True):
        room = cached.room(prompt)
        if room < 1:
            raise ValueError(f"a prompt of {len(prompt)} tokens leaves no room in the positions of the model")
        grammar = compiler.compile(constraint)
        rows.append(RunningSequence(constraint, grammar, int(min(request.max_new_tokens, room))))
    if generators is None:
        generators = request.generators(len(prompts))
    return decode(cached, rows, request.sampling, generators), rows


@torch.no_grad()
def decode(
    model: CachedModel, rows: list[RunningSequence], sampling: Sampling, generators: Sequence[torch.Generator]
) -> Iterator[None]:
    """The loop: one token for each row at each step, until every row is done."""
    bitmask = allocate_token_bitmask(
        len(rows), rows[0].matcher.grammar.vocabulary.size, pinned=model.device.type == "cuda"
    )
    next_ids = model.prompt_ids  # (B, T), then (B, 1)
    while any(row.finish_reason is None for row in rows):
        logits = model(next_ids)  # (B, W)
        fill_bitmask(rows, bitmask)  # (B, ceil(V / 32)), on the host while the device computes
        free = logits.log_softmax(dim=-1)  # (B, W), the model's own law
        apply_token_bitmask_(free, bitmask.to(free.device, non_blocking=True))
        held = free.log_softmax(dim=-1)  # (B, W), the masked law
        next_ids = sampling(held, generators)[:, None]  # (B, 1)
        figures = torch.cat([free.gather(-1, next_ids), held.gather(-1, next_ids)], dim=-1)  # (B, 2)
        for row, token_id, (log_p, log_q) in zip(rows, next_ids[:, 0].tolist(), figures.tolist(), strict=True):
            row.take(token_id, log_p, log_p - log_q)  # p / q is the mass that is allowed
        yield


def fill_bitmask(rows: list[RunningSequence], bitmask: Tensor) -> None:
    """Row i of the bitmask for `rows[i]`; in one call, and so in parallel, where all follow one grammar."""
    grammar = rows[0].matcher.grammar
    if all(row.matcher.grammar is grammar for row in rows):
        grammar.fill_bitmask([row.matcher.state for row in rows], bitmask)
    else:
        for index, row in enumerate(rows):
            row.matcher.fill_bitmask(bitmask, index)
