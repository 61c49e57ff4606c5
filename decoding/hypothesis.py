"""What searches give back: `Hypothesis`, a finished output with its probabilities, and the error for a search cut short."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, TypeAlias

from latticework.grammar.constraint import Constraint
from latticework.grammar.constraint_options import check_one_of
from latticework.grammar.errors import LimitError
from latticework.grammar.special_tokens import written_bytes

Law: TypeAlias = Literal["model", "masked"]


@dataclass(frozen=True)
class Hypothesis:
    """A finished output that a search found.

    Attributes:
        token_ids: of the whole output, the end token included.
        text: the bytes of these tokens, concatenated. A special token that the constraint asks for leaves its name.
        log_probability: of `token_ids` under the model itself (temperature 1, no mask).
        log_weight: the sum over the tokens of the logarithm of the probability that the model gave to all allowed ones.
            `log_probability - log_weight` is the log-probability under the masked law.
        score: what hypotheses are ranked by: the log-probability under the law that the search was asked for; of a beam
            search, divided by the length penalty.
        constraint: what the text was held to.
    """

    token_ids: tuple[int, ...]
    text: str
    log_probability: float
    log_weight: float
    score: float
    constraint: Constraint = field(repr=False)

    @cached_property
    def value(self) -> Any:
        """The text read as the constraint says: instance of the Python type, JSON value, or text.

        Raises `ValueError` (of Pydantic) if a validator of the Python type demands more than its JSON schema says.
        """
        return self.constraint.parse(self.text)


class SearchLimitError(LimitError):
    """A search, or the listing of a language, reached one of the limits of its call.

    Attributes:
        limit: the name of the argument.
        value: its value.
    """

    def __str__(self) -> str:
        return f"{self.limit}={self.value} reached: {self.message}; raise it with {self.limit}=..."


def bytes_of(vocabulary: Any, token_ids: Sequence[int]) -> bytes:
    """What tokens leave, without the end token."""
    ends = vocabulary.eos_token_ids
    return b"".join(written_bytes(vocabulary, token) for token in token_ids if token not in ends)


def text_of(vocabulary: Any, token_ids: Sequence[int]) -> str:
    """The text of a finished output."""
    return bytes_of(vocabulary, token_ids).decode()


def check_law(law: object) -> None:
    """Raises `ValueError` for what is no law, `TypeError` for what is no text."""
    check_one_of("law", law, Law)


def check_count(name: str, value: object) -> None:
    """Raises `TypeError` for what is no whole number, `ValueError` below 1."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name}: int expected, not {type(value).__name__}")
    if value < 1:
        raise ValueError(f"{name}={value}: at least 1 expected")
