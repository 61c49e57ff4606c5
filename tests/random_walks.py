"""Random texts of an automaton, token by token, with an inclination to finish."""

from __future__ import annotations

import random

from latticework.grammar import CompiledGrammar

CLOSING = frozenset((b'"', b"]", b"}"))


def random_text(
    automaton: CompiledGrammar, rng: random.Random, begun: str = "", patience: int = 40, most: int = 2000
) -> str:
    """A finished text that begins with `begun`. Tokens are drawn from those allowed; after `patience` of them rather from those that close something in JSON.

    An empty mask, or a text that does not end within `most` tokens, is an error.
    """
    vocabulary = automaton.vocabulary
    ends = set(vocabulary.eos_token_ids)
    state, written = automaton.step_bytes(automaton.start, begun.encode()), bytearray(begun.encode())
    for step in range(most):
        allowed = automaton.allowed_tokens(state)
        assert allowed, (bytes(written), "a dead end")
        tokens = [token for token in allowed if token not in ends]
        assert automaton.is_accepting(state) == (len(tokens) < len(allowed)), (bytes(written), "the end token")
        if automaton.is_accepting(state) and (not tokens or step >= patience or rng.random() < 0.1):
            return written.decode()
        if step >= patience:
            closing = [token for token in tokens if vocabulary.token_bytes(token) in CLOSING]
            tokens = closing or tokens
        token = rng.choice(tokens)
        state = automaton.step(state, token)
        written += vocabulary.token_bytes(token)
    raise AssertionError(f"no end after {most} tokens: {bytes(written)!r}")
