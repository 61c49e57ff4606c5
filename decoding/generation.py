"""What generation gives back: `Generation`, and the error for one that its token budget cut off."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, TypeAlias

from latticework.grammar.constraint import Constraint
from latticework.grammar.errors import ConstraintError

FinishReason: TypeAlias = Literal["end", "complete", "stop", "length"]


@dataclass
class Report:
    """What a generation took.

    Attributes:
        forward_passes: how often the model was called for this output, the prompt's pass included.
        drafted: how many tokens were drafted and looked at.
        accepted: how many of them stood.
        seconds: wall time of the whole batch by part: "draft", "model", "mask", "sample". On a GPU the model runs on
            while the host computes masks, and what it is waited for is counted under "sample". With `on_device` all
            of it is the model's.
    """

    forward_passes: int = 0
    drafted: int = 0
    accepted: int = 0
    seconds: dict[str, float] = field(default_factory=lambda: dict.fromkeys(("draft", "model", "mask", "sample"), 0.0))


@dataclass(frozen=True)
class Generation:
    """One finished or cut-off output.

    Attributes:
        token_ids: every token that was generated, the end token included.
        text: the bytes of these tokens, concatenated; exact, not the tokenizer's decoding. A special token that the
            constraint asks for leaves its name. Of a generation that was cut off inside a character, that is left out;
            one that met a stop string ends with it.
        finish_reason: "end": an end token was drawn. "complete": the token budget is used up, and the text is complete:
            it was led to its end, or nothing but the end could follow. "stop": a stop string was met. "length": the
            budget is used up before the text was finished, so it may not be valid.
        is_valid: whether the tokens make a complete text of the constraint.
        log_probabilities: of each token under the model itself (temperature 1, no mask, no penalties).
        log_masses: at each token, the logarithm of the probability that the model gave to all allowed ones together:
            the viable mass. (Where `finish` has narrowed the mask, of those that were left.)
        report: what it took.
        constraint: what the text was held to.
    """

    token_ids: tuple[int, ...]
    text: str
    finish_reason: FinishReason
    is_valid: bool
    log_probabilities: tuple[float, ...]
    log_masses: tuple[float, ...]
    report: Report = field(repr=False)
    constraint: Constraint = field(repr=False)

    @property
    def log_probability(self) -> float:
        """Of the whole output under the model itself."""
        return math.fsum(self.log_probabilities)

    @property
    def log_weight(self) -> float:
        """The sum of `log_masses`: exp(log_weight) is the importance weight of a sample of the masked law.

        `log_probability - log_weight` is the log-probability under the masked law at temperature 1.
        """
        return math.fsum(self.log_masses)

    @property
    def finished(self) -> bool:
        """Whether the text is a complete text of the constraint, and was not cut off by the token budget."""
        return self.is_valid and self.finish_reason != "length"

    @cached_property
    def value(self) -> Any:
        """The text read as the constraint says: instance of the Python type, JSON value, or text; None if unfinished.

        Raises `ValueError` (of Pydantic) if a validator of the Python type demands more than its JSON schema says.
        """
        return self.constraint.parse(self.text) if self.finished else None


class GenerationIncomplete(ConstraintError):  # noqa: N818 - an outcome, not a mistake
    """The token budget was used up, or a stop string met, before the text was finished: there is no valid value.

    Attributes:
        generation: the (first) one that was cut off.
        generations: all of the call, in the order of the prompts.
    """

    def __init__(self, generations: tuple[Generation, ...]) -> None:
        self.generations = generations
        self.generation = next(generation for generation in generations if not generation.finished)
        super().__init__(generations)

    def __str__(self) -> str:
        cut = sum(not generation.finished for generation in self.generations)
        which = f"{cut} of {len(self.generations)} outputs were" if len(self.generations) > 1 else "the output was"
        tokens, text = len(self.generation.token_ids), self.generation.text
        shown = text if len(text) <= 60 else "..." + text[-57:]
        if self.generation.finish_reason == "stop":
            return (
                f"{which} stopped after {tokens} tokens, at {shown!r}, which is not a complete text of the constraint"
            )
        return f"{which} cut off after {tokens} tokens, at {shown!r}; raise max_new_tokens, or leave `finish` on"
