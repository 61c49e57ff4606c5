"""What generation gives back: `Generation`, and the error for one that its token budget cut off."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, TypeAlias

from latticework.grammar.constraint import Constraint
from latticework.grammar.errors import ConstraintError

FinishReason: TypeAlias = Literal["end", "complete", "length"]


@dataclass(frozen=True)
class Generation:
    """One finished or cut-off output.

    Attributes:
        token_ids: every token that was generated, the end token included.
        text: the bytes of these tokens, concatenated; exact, not the tokenizer's decoding. A special token that the
            constraint asks for leaves its name. Of a generation that was cut off inside a character, that is left out.
        finish_reason: "end": an end token was drawn. "complete": the token budget is used up, and nothing but the end
            could follow. "length": the budget is used up before the text was finished, so it may not be valid.
        log_probability: of `token_ids` under the model itself (temperature 1, no mask).
        log_weight: the sum of the logarithms of the probability that the model gave to all allowed tokens together.
            `log_probability - log_weight` is the log-probability under the masked law at temperature 1, and
            exp(log_weight) is the importance weight of a sample of it.
        constraint: what the text was held to.
    """

    token_ids: tuple[int, ...]
    text: str
    finish_reason: FinishReason
    log_probability: float
    log_weight: float
    constraint: Constraint = field(repr=False)

    @property
    def finished(self) -> bool:
        """Whether the text is a complete text of the constraint."""
        return self.finish_reason != "length"

    @cached_property
    def value(self) -> Any:
        """The text read as the constraint says: instance of the Python type, JSON value, or text; None if unfinished.

        Raises `ValueError` (of Pydantic) if a validator of the Python type demands more than its JSON schema says.
        """
        return self.constraint.parse(self.text) if self.finished else None


class GenerationIncomplete(ConstraintError):  # noqa: N818 - an outcome, not a mistake
    """The token budget was used up before the text was finished, so there is no valid value.

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
        return f"{which} cut off after {tokens} tokens, at {shown!r}; raise max_new_tokens"
