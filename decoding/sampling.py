"""From masked logits to token ids: greedy, and temperature with top-k, top-p and min-p; pure functions, one row a sequence.

The order is fixed: the mask comes first (its -inf never returns), then the temperature, then top-k, top-p, min-p, each
of which looks at what the one before has left, renormalised. Each keeps the most likely token, so a row that the mask
left non-empty stays non-empty. Tokens as likely as the last one kept are kept too: the outcome never depends on how a
sort breaks ties.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

_SMALLEST_TEMPERATURE = 1e-6  # below, float32 logits divided by it overflow; greedy is what is meant


@dataclass(frozen=True, slots=True)
class Sampling:
    """How the next token is drawn.

    Attributes:
        temperature: 0 takes the most likely token (the lowest id among equals) and ignores the rest; 1 is the model's
            own law given the mask.
        top_k: keep the k most likely tokens.
        top_p: keep the fewest most likely tokens whose probabilities sum to p or more.
        min_p: keep the tokens at least p times as likely as the most likely one.
        repetition_penalty: makes tokens of the text so far less likely (`penalties.py`); 1 changes nothing. It is applied
            by the loop, before the mask.

    Raises `ValueError` for a value out of range, and for a truncation that a temperature of 0 would ignore.
    """

    temperature: float = 0.0
    top_k: int | None = None
    top_p: float | None = None
    min_p: float | None = None
    repetition_penalty: float = 1.0

    def __post_init__(self) -> None:
        if not (self.temperature == 0 or _SMALLEST_TEMPERATURE <= self.temperature < math.inf):
            raise ValueError(f"temperature={self.temperature}: 0 (greedy) or {_SMALLEST_TEMPERATURE} and more expected")
        if self.top_k is not None and (self.top_k != int(self.top_k) or self.top_k < 1):
            raise ValueError(f"top_k={self.top_k}: a whole number of at least 1 expected")
        if self.top_p is not None and not 0 < self.top_p <= 1:
            raise ValueError(f"top_p={self.top_p}: a number in (0, 1] expected")
        if self.min_p is not None and not 0 <= self.min_p <= 1:
            raise ValueError(f"min_p={self.min_p}: a number in [0, 1] expected")
        if not 0 < self.repetition_penalty < math.inf:
            raise ValueError(f"repetition_penalty={self.repetition_penalty}: a positive number expected")
        if self.temperature == 0 and (self.top_k, self.top_p, self.min_p) != (None, None, None):
            raise ValueError("top_k, top_p and min_p have no effect at temperature 0: give a temperature")

    def __call__(self, logits: Tensor, generators: Sequence[torch.Generator]) -> Tensor:
        """Token ids int64[B] for masked logits [B, V]; row i takes its one random number from `generators[i]`."""
        if self.temperature == 0:
            return greedy(logits)
        uniform = [torch.rand((), dtype=torch.float64, generator=generator, device="cpu") for generator in generators]
        law = probabilities(logits, self)
        return draw(law, torch.stack(uniform).to(logits.device))


def greedy(logits: Tensor) -> Tensor:
    """The most likely token of each row, the lowest id among equals: [B, V] -> int64[B]."""
    return logits.argmax(dim=-1)


def precise(logits: Tensor) -> Tensor:
    """The logits in float32, or in float64 if they are that."""
    return logits if logits.dtype == torch.float64 else logits.float()


def probabilities(logits: Tensor, sampling: Sampling) -> Tensor:
    """The law that tokens are drawn from: masked logits [B, V] -> [B, V], rows sum to 1.

    Computed in float32, or in float64 for float64 logits. `sampling.temperature` is positive.
    """
    logits = precise(logits)
    if sampling.temperature != 1:  # the peak goes first, so that a small temperature cannot overflow
        logits = (logits - logits.amax(dim=-1, keepdim=True)) / sampling.temperature
    law = logits.softmax(dim=-1)
    if sampling.top_k is not None and sampling.top_k < law.shape[-1]:
        law = _at_least(law, law.topk(int(sampling.top_k), dim=-1).values[:, -1:])
    if sampling.top_p is not None and sampling.top_p < 1:
        law = _at_least(law, _nucleus_edge(law, sampling.top_p))
    if sampling.min_p:
        law = _at_least(law, law.amax(dim=-1, keepdim=True) * sampling.min_p)
    return law


def draw(law: Tensor, uniform: Tensor) -> Tensor:
    """One token of each row by inversion: law [B, V], uniform float64[B] in [0, 1) -> int64[B].

    Token t is drawn when `uniform` falls into the t-th of the intervals that the probabilities cut [0, 1) into. A token
    of probability 0 is never drawn, whatever the rounding of a parallel cumulative sum.
    """
    blocks = torch.nn.functional.pad(law, (0, -law.shape[-1] % _BLOCK)).view(len(law), -1, _BLOCK)  # (B, n, _BLOCK)
    mass = blocks.sum(dim=-1).double()  # (B, n)
    block, rest = _invert(mass, uniform)  # (B,), (B,)
    inside = blocks.take_along_dim(block[:, None, None], dim=1)[:, 0].double()  # (B, _BLOCK)
    return block * _BLOCK + _invert(inside, rest)[0]


class RowRandom:
    """The random numbers of one sequence, one for each token, whatever is looked at before it is settled."""

    def __init__(self, generator: torch.Generator) -> None:
        self._generator = generator
        self._ahead: list[float] = []

    def ahead(self, depth: int) -> float:
        """The number in [0, 1) for the token `depth` places from here."""
        while len(self._ahead) <= depth:
            self._ahead.append(self.fresh())
        return self._ahead[depth]

    def pass_by(self, count: int) -> None:
        """Move on by `count` tokens."""
        del self._ahead[:count]

    def fresh(self) -> float:
        """A number in [0, 1) that belongs to no token."""
        return float(torch.rand((), dtype=torch.float64, generator=self._generator))


def row_generator(seed: int, row: int) -> torch.Generator:
    """The random numbers of one sequence: they depend on the seed and its place in the call, not on the batch."""
    # SplitMix64 (Steele et al., 2014): neighbouring seeds and rows give unrelated streams
    word = (seed * 0x9E3779B97F4A7C15 + row * 0xD1B54A32D192ED03 + 0x2545F4914F6CDD1D) & _WORD
    word = (word ^ word >> 30) * 0xBF58476D1CE4E5B9 & _WORD
    word = (word ^ word >> 27) * 0x94D049BB133111EB & _WORD
    return torch.Generator("cpu").manual_seed((word ^ word >> 31) & 0x7FFFFFFFFFFFFFFF)


_WORD = 0xFFFFFFFFFFFFFFFF
_HEAD = 1024  # the nucleus of a sharp law is found among so many tokens
_BLOCK = 512  # a cumulative sum over blocks and then within one costs a fraction of one over a whole vocabulary


def _invert(weights: Tensor, uniform: Tensor) -> tuple[Tensor, Tensor]:
    """Put `weights` float64[B, n] end to end: the index of the one at `uniform` [B] of the line, and how far into it.

    Both `uniform` and what is returned as the second are in [0, 1).
    """
    reached = weights.cumsum(dim=-1)
    target = uniform[:, None] * reached[:, -1:]
    hit = (weights > 0) & (reached > target)
    # argmax of booleans is the first True; the rounding of a parallel sum may leave none
    index = torch.where(hit.any(dim=-1), hit.to(torch.int8).argmax(dim=-1), weights.argmax(dim=-1))[:, None]
    into = (target - (reached - weights).gather(-1, index)) / weights.gather(-1, index)
    return index[:, 0], into[:, 0].clamp(min=0, max=1 - 2**-53)


def _at_least(law: Tensor, edge: Tensor) -> Tensor:
    kept = torch.where(law >= edge, law, 0)
    return kept / kept.sum(dim=-1, keepdim=True)


def _nucleus_edge(law: Tensor, top_p: float) -> Tensor:
    """The probability (B, 1) of the token at which the sum over the most likely ones first reaches `top_p`."""
    falling = law.topk(min(_HEAD, law.shape[-1]), dim=-1).values  # (B, _HEAD)
    if (falling.sum(dim=-1, dtype=torch.float64) < top_p).any():
        falling = law.sort(dim=-1, descending=True).values  # (B, V), many times as slow
    before = falling.cumsum(dim=-1, dtype=torch.float64) - falling  # the sum over the tokens ahead
    last = (before < top_p).sum(dim=-1, keepdim=True).clamp(min=1) - 1  # (B, 1)
    return falling.gather(-1, last)
