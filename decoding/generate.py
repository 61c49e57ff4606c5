"""Generation under a constraint: `generate` gives values, `complete` gives everything, `stream` gives text as it comes.

It works with any causal language model that is called as Hugging Face's are, and draws by the masked law: at each step
the tokens after which no valid text could follow lose their probability, and the others share it in proportion.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Unpack

import torch

from .budget import check_budget
from .compilers import model_compiler
from .device_generation import steps_on_device
from .generation import Generation, GenerationIncomplete
from .loop import Loop
from .options import Options, Request
from .prompts import Prompt, encode_prompt, single_prompt, split_prompts
from .running import RunningSequence
from .sampling import RowRandom
from .tree_model import TreeModel


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
    return complete_ids(model, tokenizer, ids, Request.of(**options))


def stream(model: Any, tokenizer: Any, prompt: Prompt, **options: Unpack[Options]) -> TextStream:
    """An iterator over pieces of text, as they are written; its `result` is the value. For one prompt; as `generate`.

    The pieces are never cut inside a character, and concatenate to the whole text. If `max_new_tokens` was too small,
    the iterator ends with `GenerationIncomplete`.
    """
    ids = encode_prompt(tokenizer, single_prompt(prompt))
    steps, (row,) = start(model, tokenizer, [ids], Request.of(**options))
    return TextStream(steps, row)


class TextStream(Iterator[str]):
    """Pieces of a text, as they are generated."""

    def __init__(self, steps: Iterator[None], row: RunningSequence) -> None:
        self._row = row
        self._pieces = self._read(steps)

    def __next__(self) -> str:
        return next(self._pieces)

    def _read(self, steps: Iterator[None]) -> Iterator[str]:
        given = 0
        for _ in steps:
            piece, given = "".join(self._row.pieces[given:]), len(self._row.pieces)
            if piece:
                yield piece
        if not self.generation.finished:
            raise GenerationIncomplete((self.generation,))

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
    model_of_rows = TreeModel(model, prompts, past_key_values=request.past_key_values)
    compiler = request.compiler or model_compiler(model, tokenizer)
    if generators is None:
        generators = request.generators(len(prompts))
    rows = []
    for place, (prompt, constraint) in enumerate(zip(prompts, request.constraints(len(prompts)), strict=True)):
        room = model_of_rows.room(place)
        if room < 1:
            raise ValueError(f"a prompt of {len(prompt)} tokens leaves no room in the positions of the model")
        most, random = int(min(request.max_new_tokens, room)), RowRandom(generators[place])
        grammar = compiler.compile(constraint)
        if request.finish:
            check_budget(grammar, most)
        stop, finish = request.stop_strings, request.finish
        rows.append(RunningSequence(prompt, constraint, grammar, most, random, stop=stop, finish=finish))
    if request.on_device:
        return steps_on_device(model, rows, request), rows
    return Loop(model_of_rows, rows, request.sampling, request.drafters(model, tokenizer)).run(), rows
