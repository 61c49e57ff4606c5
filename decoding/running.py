"""One sequence in the making: its matcher, its tokens, its text so far, and when it is done."""

from __future__ import annotations

import codecs
import math
from collections.abc import Sequence

from latticework.grammar._native import CompiledGrammar, Matcher
from latticework.grammar.constraint import Constraint
from latticework.grammar.special_tokens import written_bytes

from .draft_tree import DraftTree
from .generation import FinishReason, Generation, Report
from .sampling import RowRandom
from .verification import Verdict


class RunningSequence:
    """A row of a batch while it is generated.

    Attributes:
        prompt_length: how many of `token_ids` are the prompt.
        token_ids: prompt and output.
        matcher: where it stands in its grammar.
        finish: whether it is to be finished within its budget.
        random: its random numbers.
        pieces: the text so far; piece i is what token i completed ("" while a character is in the making).
        finish_reason: None while it runs.
        report: what it took so far.
    """

    def __init__(
        self,
        prompt: Sequence[int],
        constraint: Constraint,
        grammar: CompiledGrammar,
        max_tokens: int,
        random: RowRandom,
        *,
        stop: Sequence[str] = (),
        finish: bool = False,
    ) -> None:
        self.prompt_length = len(prompt)
        self.token_ids = list(prompt)
        self.matcher = Matcher(grammar)
        self.finish = finish
        self.random = random
        self.pieces: list[str] = []
        self.finish_reason: FinishReason | None = None
        self.report = Report()
        self._constraint = constraint
        self._max_tokens = max_tokens
        self._stop = stop
        self._tail = ""  # of the text, as long as what may be the beginning of a stop string
        self._log_probabilities: list[float] = []
        self._log_masses: list[float] = []
        # a token may end inside a character; its bytes wait here for the rest
        self._decoder = codecs.getincrementaldecoder("utf-8")()

    @property
    def remaining(self) -> int:
        """How many more tokens there may be."""
        return self._max_tokens - len(self._log_masses)

    @property
    def is_done(self) -> bool:
        """Whether nothing more comes."""
        return self.finish_reason is not None

    def take(self, verdict: Verdict) -> None:
        """Move on by the tokens of a verdict, to the first that ends the sequence.

        Raises:
            ValueError: the model's logits are not numbers, or it gives every allowed token the probability 0.
            TokenRejected: a token is not allowed.
        """
        for step in zip(verdict.token_ids, verdict.log_probabilities, verdict.log_masses, strict=True):
            self._take(*step)
            if self.is_done:
                break
        self.random.pass_by(len(verdict.token_ids))

    def _take(self, token_id: int, log_probability: float, log_mass: float) -> None:
        if not math.isfinite(log_probability):
            raise ValueError(f"after {len(self._log_masses)} tokens the model has no finite logit for an allowed token")
        self.matcher.accept_token(token_id)
        self.token_ids.append(token_id)
        self._log_probabilities.append(log_probability)
        self._log_masses.append(log_mass)
        if self.matcher.is_terminated:
            self.pieces.append(self._decoder.decode(b"", final=True))
            self.finish_reason = "end"
            return
        self.pieces.append(self._decoder.decode(written_bytes(self.matcher.grammar.vocabulary, token_id)))
        if self._meets_stop():
            self.finish_reason = "stop"
        elif not self.remaining:
            self.finish_reason = "complete" if self._is_complete() else "length"

    def generation(self) -> Generation:
        """The result, once `finish_reason` is set."""
        if self.finish_reason is None:
            raise ValueError("the generation is still running")
        return Generation(
            token_ids=tuple(self.token_ids[self.prompt_length :]),
            text="".join(self.pieces),
            finish_reason=self.finish_reason,
            is_valid=self._is_valid(),
            log_probabilities=tuple(self._log_probabilities),
            log_masses=tuple(self._log_masses),
            report=self.report,
            constraint=self._constraint,
        )

    def count(self, tree: DraftTree, verdict: Verdict) -> None:
        """Put a pass of the model into the report."""
        self.report.forward_passes += 1
        self.report.drafted += len(tree)
        self.report.accepted += len(verdict.path)

    def _meets_stop(self) -> bool:
        """Whether the newest piece completes a stop string; then what comes after that is cut off."""
        if not self._stop:
            return False
        text = self._tail + self.pieces[-1]
        ends = [place + len(stop) for stop in self._stop if (place := text.find(stop)) >= 0]
        if ends:
            self.pieces[-1] = text[len(self._tail) : min(ends)]
        keep = max(map(len, self._stop)) - 1
        self._tail = text[len(text) - keep :] if keep else ""
        return bool(ends)

    def _is_valid(self) -> bool:
        if self.finish_reason != "stop":
            return self.matcher.is_accepting
        grammar = self.matcher.grammar
        state = grammar.step_bytes(grammar.start, "".join(self.pieces).encode())
        return state >= 0 and grammar.is_accepting(state)

    def _is_complete(self) -> bool:
        """Whether the text is complete, and was meant to be: nothing else could come, or it was led to its end."""
        grammar, state = self.matcher.grammar, self.matcher.state
        return self.matcher.is_accepting and (self.finish or not grammar.next_bytes(state))
