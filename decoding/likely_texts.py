"""The texts that a grammar nearly forces: where only few bytes can come next, those that have mostly come there."""

from __future__ import annotations

from collections import defaultdict

from latticework.grammar._native import CompiledGrammar
from latticework.grammar.special_tokens import MARK

_FEW = 8  # so many bytes at most are a choice that is looked into
_CHOICES = 3  # one after the other
_LEAST = 0.15  # of the probability of a text
_UNSEEN = {0x20: 0.5, 0x0A: 0.1, 0x09: 0.1, 0x0D: 0.1}  # the weight of white space that never came; 1 for other bytes


class LikelyTexts:
    """Forced bytes, and on from there through small choices, such as white space or none, or one of two keys.

    Which byte of a choice is likely is learned from how often it came behind the byte before it.
    """

    def __init__(self) -> None:
        self._came: defaultdict[tuple[int, int], int] = defaultdict(int)  # (byte before, byte) -> how often

    def learn(self, before: bytes, text: bytes) -> None:
        """`text` came behind `before`."""
        last = before[-1] if before else 0
        for byte in text:
            self._came[last, byte] += 1
            last = byte

    def find(self, grammar: CompiledGrammar, state: int, before: bytes) -> list[tuple[bytes, float]]:
        """Texts that may come at a state behind `before`, with their estimated probabilities; none is empty.

        A special token ends a text; it stands there as in `CompiledGrammar.forced_bytes`.
        """
        found: list[tuple[bytes, float]] = []
        waiting = [(state, b"", 1.0, _CHOICES)]
        while waiting:
            state, text, chance, choices = waiting.pop()
            forced = grammar.forced_bytes(state)
            text += forced
            options = self._options(grammar, state, forced, (before + text)[-1:]) if choices else []
            likely = [(after, byte, share * chance) for after, byte, share in options if share * chance >= _LEAST]
            waiting += [(after, text + byte, share, choices - 1) for after, byte, share in likely]
            if not likely and text:
                found.append((text, chance))
        return found

    def _options(
        self, grammar: CompiledGrammar, state: int, forced: bytes, before: bytes
    ) -> list[tuple[int, bytes, float]]:
        """The choice behind forced bytes: state behind each byte, the byte, its share; nothing if it is large."""
        behind = grammar.step_bytes(state, forced) if MARK not in forced else -1
        following = grammar.next_bytes(behind) if behind >= 0 else b""
        if not 0 < len(following) <= _FEW or MARK in following:
            return []
        last = before[0] if before else 0
        weights = [self._came.get((last, byte), 0) + _UNSEEN.get(byte, 1.0) for byte in following]
        ends = 1.0 if grammar.is_accepting(behind) else 0.0
        total = sum(weights) + ends
        return [
            (grammar.step_bytes(behind, bytes([byte])), bytes([byte]), weight / total)
            for byte, weight in zip(following, weights, strict=True)
        ]
