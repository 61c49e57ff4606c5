"""Decides the tests of one group of the suite by the masks of its compiled schema."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
from engines import empty_bitmask, is_allowed, load_tokenizer
from suite import Group, Schema, Test

import latticework as lw

Outcome: TypeAlias = Literal["right", "false_accept", "false_reject", "refused"]
Accepts: TypeAlias = Callable[[lw.CompiledGrammar, str], bool]
OUTCOMES: tuple[Outcome, ...] = ("right", "false_accept", "false_reject", "refused")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a group: an outcome for each test, and why it was refused if it was."""

    group: Group
    outcomes: tuple[Outcome, ...]
    refusal: str = ""
    reason: str = ""

    @property
    def is_right(self) -> bool:
        """Whether every test is decided rightly."""
        return set(self.outcomes) <= {"right"}

    def wrong(self) -> dict[str, Outcome]:
        """The names of tests that were decided wrongly."""
        pairs = zip(self.group.tests, self.outcomes, strict=True)
        return {test.name: outcome for test, outcome in pairs if outcome not in ("right", "refused")}


class Judge:
    """Decides group after group for one vocabulary. `remotes` are the schemas that the suite refers to."""

    def __init__(self, remotes: Mapping[str, Schema], vocabulary: lw.Vocabulary, accepts: Accepts) -> None:
        self._remotes = remotes
        self._vocabulary = vocabulary
        self._accepts = accepts

    def group(self, group: Group) -> Verdict:
        """Compile, and walk every instance, whole numbers in any spelling. What is under optional/format asserts formats."""
        try:
            constraint = lw.json_schema(
                group.schema,
                property_order="any",
                draft=group.draft,
                registry=self._remotes,
                formats="assertion" if group.is_format else "annotation",
                integers="any",
            )
            grammar = lw.Compiler(self._vocabulary, cache_size=0).compile(constraint)
            accepted = [self._accepts(grammar, test.text) for test in group.tests]
        except lw.UnsatisfiableSchemaError:
            accepted = [False] * len(group.tests)
        except lw.ConstraintError as error:
            return Verdict(group, ("refused",) * len(group.tests), _kind(error), _reason(error))
        return Verdict(group, tuple(map(_outcome, group.tests, accepted)))


def _outcome(test: Test, accepted: bool) -> Outcome:
    if accepted == test.valid:
        return "right"
    return "false_accept" if accepted else "false_reject"


def _kind(error: lw.ConstraintError) -> str:
    """The class of an error, and the keyword or the limit that it names."""
    name = getattr(error, "keyword", "") or getattr(error, "limit", "")
    return f"{type(error).__name__} {name}".strip()


def _reason(error: lw.ConstraintError) -> str:
    return str(getattr(error, "reason", "") or error)


# ----------------------------------------------------------------------------------------------------------- vocabularies


def by_bytes() -> tuple[lw.Vocabulary, Accepts]:
    """Each byte is a token: as good as any vocabulary for deciding, and quick."""
    vocabulary = lw.Vocabulary([*(bytes([value]) for value in range(256)), None], [256])
    return vocabulary, lambda grammar, text: _walk(grammar, text.encode())


def by_tokens(tokenizer_file: Path, end_token: str) -> tuple[lw.Vocabulary, Accepts]:
    """The tokens of a real tokenizer, each looked up in the mask before it."""
    tokenizer: Any = load_tokenizer(str(tokenizer_file), end_token)
    vocabulary = lw.Vocabulary.from_huggingface(tokenizer)
    bitmask = empty_bitmask(vocabulary.size)

    def accepts(grammar: lw.CompiledGrammar, text: str) -> bool:
        tokens = tokenizer.backend_tokenizer.encode(text, add_special_tokens=False).ids
        return _walk_masks(grammar, tokens, bitmask)

    return vocabulary, accepts


def _walk(grammar: lw.CompiledGrammar, text: bytes) -> bool:
    state = grammar.start
    for byte in text:
        state = grammar.step(state, byte)
        if state < 0:
            return False
    return grammar.is_accepting(state)


def _walk_masks(grammar: lw.CompiledGrammar, tokens: list[int], bitmask: np.ndarray[Any, Any]) -> bool:
    matcher = lw.Matcher(grammar)
    for token in tokens:
        matcher.fill_bitmask(bitmask, 0)
        if not is_allowed(bitmask, token):
            return False
        matcher.accept_token(token)
    return matcher.is_accepting
