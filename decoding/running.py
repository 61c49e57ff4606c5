"""One sequence in the making: its matcher, its tokens, its text so far, and when it is done."""

from __future__ import annotations

import codecs
import math

from latticework.grammar._native import CompiledGrammar, Matcher
from latticework.grammar.constraint import Constraint
from latticework.grammar.special_tokens import written_bytes

from .generation import FinishReason, Generation


class RunningSequence:
    """A row of a batch while it is generated.

    Attributes:
        matcher: where it stands in its grammar.
        pieces: the text so far; piece i is what token i completed ("" while a character is in the making).
        finish_reason: None while it runs.
    """

    def __init__(self, constraint: Constraint, grammar: CompiledGrammar, max_tokens: int) -> None:
        self.matcher = Matcher(grammar)
        self.pieces: list[str] = []
        self.finish_reason: FinishReason | None = None
        self._constraint = constraint
        self._max_tokens = max_tokens
        self._token_ids: list[int] = []
        self._log_probability = 0.0
        self._log_weight = 0.0
        # a token may end inside a character; its bytes wait here for the rest
        self._decoder = codecs.getincrementaldecoder("utf-8")()

    def take(self, token_id: int, log_probability: float, log_mass: float) -> None:
        """Move on by a token; no effect on a finished sequence, which only keeps its place in the batch.

        Args:
            token_id: what was drawn.
            log_probability: of the token, as the model saw it.
            log_mass: of all allowed tokens together.

        Raises:
            ValueError: the model's logits are not numbers, or it gives every allowed token the probability 0.
            TokenRejected: the token is not allowed.
        """
        if self.finish_reason is not None:
            return
        if not math.isfinite(log_probability):
            raise ValueError(f"after {len(self._token_ids)} tokens the model has no finite logit for an allowed token")
        self.matcher.accept_token(token_id)
        self._token_ids.append(token_id)
        self._log_probability += log_probability
        self._log_weight += log_mass
        if self.matcher.is_terminated:
            self.pieces.append(self._decoder.decode(b"", final=True))
            self.finish_reason = "end"
            return
        self.pieces.append(self._decoder.decode(written_bytes(self.matcher.grammar.vocabulary, token_id)))
        if len(self._token_ids) >= self._max_tokens:
            self.finish_reason = "complete" if self._can_only_end() else "length"

    def generation(self) -> Generation:
        """The result, once `finish_reason` is set."""
        if self.finish_reason is None:
            raise ValueError("the generation is still running")
        return Generation(
            token_ids=tuple(self._token_ids),
            text="".join(self.pieces),
            finish_reason=self.finish_reason,
            log_probability=self._log_probability,
            log_weight=self._log_weight,
            constraint=self._constraint,
        )

    def _can_only_end(self) -> bool:
        return self.matcher.is_accepting and not self.matcher.grammar.next_bytes(self.matcher.state)
