"""Masks against brute force: every bit against stepping and against the bytes, and a way to the end behind what is allowed."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from latticework.grammar import CompiledGrammar, Vocabulary

SEARCHED = 1_000  # states, on the way to an end


def pieces(texts: Iterable[str], rng: random.Random, number: int = 300, longest: int = 7) -> list[bytes]:
    """Pieces of the texts, of two bytes and more, some of which begin or end inside a character."""
    sources = [text.encode() for text in texts if len(text.encode()) > 1]
    found: set[bytes] = set()
    for _ in range(number):
        source = rng.choice(sources)
        at = rng.randrange(len(source) - 1)
        found.add(source[at : at + rng.randint(2, longest)])
    return sorted(found)


def toy_vocabulary(tokens: Iterable[bytes]) -> Vocabulary:
    """Every byte, whose token is its value, these tokens, and one end token."""
    each = [*(bytes([value]) for value in range(256)), *tokens]
    return Vocabulary([*each, None], [len(each)])


class MaskTruth:
    """Compares the masks of one automaton. `rests` holds for each state a text that leads from it to an end, where known."""

    def __init__(self, automaton: CompiledGrammar) -> None:
        self.automaton = automaton
        self.vocabulary = automaton.vocabulary
        self.ends = set(self.vocabulary.eos_token_ids)
        self.rests: dict[int, bytes] = {}

    def walk(self, text: bytes) -> list[int]:
        """The states before each byte and behind the last one, of a text of the language."""
        states = [self.automaton.start]
        for byte in text:
            states.append(self.automaton.step_bytes(states[-1], bytes([byte])))
            assert states[-1] >= 0, text[: len(states) - 1]
        assert self.automaton.is_accepting(states[-1]), text
        for at in reversed(range(len(states))):
            self._remember(states[at], text[at:])
        return states

    def mask(self, state: int) -> npt.NDArray[np.bool_]:
        """One bool for each token."""
        words = np.zeros((1, self.vocabulary.bitmask_words), dtype=np.int32)
        self.automaton.fill_bitmask([state], words)
        bits = np.unpackbits(words.view(np.uint8), bitorder="little")
        assert not bits[self.vocabulary.size :].any()
        return bits[: self.vocabulary.size].astype(bool)

    def check(self, state: int, tokens: Sequence[int] | None = None) -> list[int]:
        """Compare the bits of these tokens, by default of all; give those that are allowed and no end."""
        mask = self.mask(state)
        is_accepting = self.automaton.is_accepting(state)
        assert mask.any(), "an empty mask"
        allowed = []
        for token in range(self.vocabulary.size) if tokens is None else tokens:
            if token in self.ends:
                assert mask[token] == is_accepting, "the end token"
                continue
            data = self.vocabulary.token_bytes(token)
            after = self.automaton.step(state, token)
            assert mask[token] == (after >= 0), (token, data, "the step")
            by_bytes = self.automaton.step_bytes(state, data) if data else -1
            assert after == by_bytes, (token, data, "the bytes")
            if after >= 0:
                allowed.append(token)
        return allowed

    def rest(self, state: int) -> bytes | None:
        """The shortest text that leads to an end, or to a state from which one is known; None if it was not found."""
        waiting = deque([(state, b"")])
        met = {state}
        while waiting and len(met) < SEARCHED:
            here, written = waiting.popleft()
            end = b"" if self.automaton.is_accepting(here) else self.rests.get(here)
            if end is not None:
                self._remember(state, written + end)
                return written + end
            for byte in self.automaton.next_bytes(here):
                after = self.automaton.step_bytes(here, bytes([byte]))
                if after not in met:
                    met.add(after)
                    waiting.append((after, written + bytes([byte])))
        return None

    def _remember(self, state: int, rest: bytes) -> None:
        known = self.rests.get(state)
        if known is None or len(rest) < len(known):
            self.rests[state] = rest
