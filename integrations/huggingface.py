"""Constraints inside `model.generate` of transformers: a logits processor, safe for batches, beams and reuse.

    processor = ConstraintLogitsProcessor(json_schema(schema), tokenizer)
    model.generate(**inputs, logits_processor=[processor], num_beams=4)

Beam search moves rows between steps, and assisted generation goes back some; so a row is recognised by its tokens,
never by its number: its matcher is the one of what it had generated before its last token.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import groupby
from typing import Any, TypeAlias

from torch import Tensor
from transformers import AutoModelForCausalLM, AutoTokenizer, LogitsProcessor

from latticework.decoding.bitmask import allocate_token_bitmask, apply_token_bitmask_
from latticework.decoding.compilers import compiler_for, logits_width
from latticework.grammar._native import CompiledGrammar, Matcher
from latticework.grammar.constraint import Constraint
from latticework.grammar.errors import TokenRejected

Tokens: TypeAlias = tuple[int, ...]


def load(model: str | os.PathLike[str], **options: Any) -> tuple[Any, Any]:
    """A causal language model, ready to generate, and its tokenizer, from a folder or a name on the hub.

    `options` go to `AutoModelForCausalLM.from_pretrained`. Raises what transformers raises.
    """
    loaded: Any = AutoModelForCausalLM.from_pretrained(model, **options)
    return loaded.eval(), AutoTokenizer.from_pretrained(model)


class ConstraintLogitsProcessor(LogitsProcessor):
    """Holds every sequence of `model.generate` to a constraint, from the end of the prompt to the end token.

    For greedy search, sampling, beam search, `num_return_sequences`, assisted generation, left-padded batches and
    encoder-decoder models. One object serves any number of calls, one after the other. A call begins when the tokens
    do not go on from where they were; the one case that looks alike (a prompt that is an earlier prompt and the
    beginning of the answer that was generated to it) needs `reset()` before.

    A processor that runs later can forbid or force tokens against this one. A sequence that is driven out of the
    language that way raises `TokenRejected` at the next step, unless it is one of several for the same prompt (beams
    that have no likelihood left look the same).
    """

    supports_continuous_batching = False

    def __init__(
        self,
        constraint: Constraint | CompiledGrammar | Sequence[Constraint | CompiledGrammar],
        tokenizer: Any = None,
        *,
        model: Any = None,
    ) -> None:
        """What to hold the sequences to.

        Args:
            constraint: made by `json_schema`, `regex` or `choice`, or compiled already; a list holds one for each prompt
                of the batch.
            tokenizer: the model's Hugging Face tokenizer; needed unless everything is compiled.
            model: needed if its generation config has end tokens that the tokenizer does not name, or if it has logits
                for fewer tokens than the tokenizer knows.

        Raises `ConstraintError` if a constraint cannot be compiled, `TypeError` or `ValueError` for wrong arguments.
        """
        constraints: Sequence[Any] = constraint if isinstance(constraint, (list, tuple)) else [constraint]
        if not constraints:
            raise ValueError("constraint: the list is empty")
        self._grammars = [_compiled(entry, tokenizer, model) for entry in constraints]
        self.reset()

    def reset(self) -> None:
        """Forget all sequences: the next call begins a generation."""
        self._prompts: list[Tokens] = []
        self._begun: set[int] = set()  # hashes of everything that was masked, to tell a new call from the next step
        self._standing: dict[tuple[int, Tokens], Matcher | TokenRejected] = {}

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """The scores float[B, V] that follow the tokens int64[B, T], masked; a new tensor.

        Raises `TokenRejected` (see above), `TypeError` if the grammar is for more tokens than there are scores.
        """
        size = max(grammar.vocabulary.size for grammar in self._grammars)
        if size > scores.shape[1]:
            raise TypeError(f"compiled for {size} tokens, but there are {scores.shape[1]} scores: give model=...")
        standing = self._advance([tuple(row) for row in input_ids.tolist()])
        live = [(row, matcher) for row, matcher in enumerate(standing) if isinstance(matcher, Matcher)]
        bitmask = allocate_token_bitmask(len(live), size)
        for index, (_, matcher) in enumerate(live):
            matcher.fill_bitmask(bitmask, index)
        masked = scores.clone()  # generate may return the scores it passed in
        apply_token_bitmask_(masked, bitmask.to(scores.device), rows=[row for row, _ in live])
        return masked

    def _advance(self, rows: list[Tokens]) -> list[Matcher | TokenRejected]:
        if not self._goes_on(rows):
            self.reset()
            self._prompts = rows
        begin = len(self._prompts[0])
        keys = [(self._grammar_of(row, len(rows)), tokens[begin:]) for row, tokens in enumerate(rows)]
        self._standing = {key: self._stand(*key) for key in dict.fromkeys(keys)}
        self._begun.update(hash(tokens) for _, tokens in keys)
        standing = [self._standing[key] for key in keys]
        for _, group in groupby(zip(self._prompts, standing, strict=True), key=lambda pair: pair[0]):
            matchers = [matcher for _, matcher in group]
            lost = [rejection for rejection in matchers if isinstance(rejection, TokenRejected)]
            if len(lost) == len(matchers):
                raise lost[0]
        return standing

    def _goes_on(self, rows: list[Tokens]) -> bool:
        """Whether these are the rows of the last calls, longer by a token (or shorter, for a draft was refused)."""
        if len(rows) != len(self._prompts):
            return False
        begin = len(self._prompts[0])
        return len(rows[0]) > begin and all(
            row[:begin] == prompt and hash(row[begin:-1]) in self._begun
            for row, prompt in zip(rows, self._prompts, strict=True)
        )

    def _grammar_of(self, row: int, count: int) -> int:
        """Rows of one prompt (beams, returned sequences) lie side by side."""
        if count % len(self._grammars):
            raise ValueError(f"{len(self._grammars)} constraints for {count} sequences: give one, or one per prompt")
        return row * len(self._grammars) // count

    def _stand(self, grammar: int, tokens: Tokens) -> Matcher | TokenRejected:
        """Where a row stands: one token on from the last call if it was there, else from the beginning."""
        before = self._standing.get((grammar, tokens[:-1])) if tokens else None
        if before is not None:
            return _step(before, tokens[-1])
        standing: Matcher | TokenRejected = Matcher(self._grammars[grammar])
        for token_id in tokens:
            standing = _step(standing, token_id)
        return standing


def _step(standing: Matcher | TokenRejected, token_id: int) -> Matcher | TokenRejected:
    """A new matcher, one token on; whatever follows an end token is padding; what is lost stays lost."""
    if isinstance(standing, TokenRejected) or standing.is_terminated:
        return standing
    moved = standing.fork()
    try:
        moved.accept_token(token_id)
    except TokenRejected as rejection:
        return rejection
    return moved


def _compiled(constraint: Constraint | CompiledGrammar, tokenizer: Any, model: Any) -> CompiledGrammar:
    if isinstance(constraint, CompiledGrammar):
        return constraint
    if not isinstance(constraint, Constraint):
        raise TypeError(f"constraint: a Constraint or CompiledGrammar expected, not {type(constraint).__name__}")
    if tokenizer is None:
        raise TypeError("tokenizer: needed to compile a constraint")
    width = None if model is None else logits_width(model)
    config = getattr(model, "generation_config", None)
    return compiler_for(tokenizer, width=width, generation_config=config).compile(constraint)
