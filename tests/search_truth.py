"""The plain truth about searches: every token sequence of a small language, each scored alone by whole forward passes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import torch


class Truth:
    """Scores of outputs behind a prompt, by a model that is given the whole text each time.

    `language` holds every text, as bytes; `spelling` the bytes of each token, None for one that spells nothing.
    """

    def __init__(
        self, model: Any, prompt: Sequence[int], language: Iterable[bytes], spelling: Sequence[bytes | None], end: int
    ) -> None:
        self.model, self.prompt, self.end = model, list(prompt), end
        self.language = set(language)
        self.tokens = [(token, data) for token, data in enumerate(spelling) if data]
        self.prefixes = {text[:length] for text in self.language for length in range(len(text) + 1)}
        self._laws: dict[tuple[int, ...], list[float]] = {}
        self._needed: dict[bytes, int] = {}
        self._masses: dict[tuple[int, ...], float] = {}

    def law(self, tokens: tuple[int, ...]) -> list[float]:
        """The model's log-probabilities behind the prompt and some tokens."""
        if tokens not in self._laws:
            ids = torch.tensor([[*self.prompt, *tokens]])
            with torch.no_grad():
                output = self.model(
                    input_ids=ids, attention_mask=torch.ones_like(ids), past_key_values=None, use_cache=False
                )
            self._laws[tokens] = output.logits[0, -1].double().log_softmax(-1).tolist()
        return self._laws[tokens]

    def allowed(self, text: bytes) -> list[int]:
        """The tokens that the mask allows behind a text; every byte is a token, so any rest can be spelled."""
        ends = [self.end] if text in self.language else []
        return ends + [token for token, data in self.tokens if text + data in self.prefixes]

    def needed(self, text: bytes) -> int:
        """The fewest tokens, the end included, that make an output of a text."""
        if text not in self._needed:
            longer = [text + data for _, data in self.tokens if text + data in self.prefixes]
            ways = [self.needed(each) + 1 for each in longer]
            self._needed[text] = 1 if text in self.language else min(ways)
        return self._needed[text]

    def sequences(self, text: bytes = b"", tokens: tuple[int, ...] = ()) -> Iterator[tuple[bytes, tuple[int, ...]]]:
        """Every (text, tokens with the end)."""
        if text in self.language:
            yield text, (*tokens, self.end)
        for token, data in self.tokens:
            if text + data in self.prefixes:
                yield from self.sequences(text + data, (*tokens, token))

    def log_p(self, tokens: Sequence[int]) -> float:
        """Of a whole output under the model."""
        return math.fsum(self.law(tuple(tokens[:i]))[token] for i, token in enumerate(tokens))

    def log_mass(self, tokens: Sequence[int]) -> float:
        """Of all allowed tokens, summed over the places of an output."""
        return math.fsum(self.mass(tuple(tokens[:i])) for i in range(len(tokens)))

    def mass(self, tokens: tuple[int, ...]) -> float:
        """Of all tokens that are allowed behind some."""
        if tokens not in self._masses:
            spelling = dict(self.tokens)
            allowed = self.allowed(b"".join(spelling[token] for token in tokens))
            self._masses[tokens] = log_sum(self.law(tokens)[token] for token in allowed)
        return self._masses[tokens]

    def score(self, tokens: Sequence[int], law: str) -> float:
        """The log-probability of a whole output under a law."""
        return self.log_p(tokens) - (self.log_mass(tokens) if law == "masked" else 0.0)

    def ranking(self, law: str) -> list[tuple[float, tuple[int, ...], bytes]]:
        """Every output: (score, tokens, text), the best first, equal ones by their tokens."""
        scored = [(self.score(tokens, law), tokens, text) for text, tokens in self.sequences()]
        return sorted(scored, key=lambda item: (-item[0], item[1]))


def log_sum(values: Iterable[float]) -> float:
    """The logarithm of the sum of the exponentials."""
    given = list(values)
    peak = max(given)
    return peak + math.log(math.fsum(math.exp(value - peak) for value in given))
