"""What a pass of the model says at the roots and nodes of trees, under their masks: tokens to draw, and laws to look at.

A token is drawn at each node. Greedy draws and plain sampling at a temperature can be *fused*: mask, draw and figures
take one pass over the logits, as the model gives them (`fused_sampling.py`). All other draws, and whatever asks for
more than a token, are made of whole laws. Either way the token of a node depends on its logits, its mask and its random
number alone: not on the batch, and not on the other nodes.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple

import torch
from torch import Tensor

from .bitmask import apply_mask_rows_
from .fused_sampling import draw_allowed
from .mask_table import MaskRows
from .sampling import Sampling, draw, greedy, precise, probabilities
from .sending import send


class Draws(NamedTuple):
    """Tokens on the host, and what the model thought of them. Where there is no token, no figure is finite.

    Attributes:
        token_ids: of each node.
        log_probabilities: of these tokens, under the model's own law.
        log_masses: of all tokens that are allowed there, together.
    """

    token_ids: list[int]
    log_probabilities: list[float]
    log_masses: list[float]


class NodeLaws:
    """The logits of N roots and nodes, their masks, and how to draw."""

    def __init__(
        self,
        logits: Tensor,
        masks: MaskRows,
        sampling: Sampling,
        *,
        penalised: Tensor | None = None,
        fused: bool = False,
    ) -> None:
        """The laws of a pass.

        Args:
            logits: [N, W], as the model gives them.
            masks: of each row.
            sampling: temperature and truncation.
            penalised: [N, W], logits with penalties, to be drawn from instead.
            fused: whether draws are fused; only for what `can_fuse` tells, and without `penalised`.
        """
        self.sampling = sampling
        self._logits = logits
        self._masks = masks
        self._penalised = penalised
        self._fused = fused

    @staticmethod
    def can_fuse(sampling: Sampling) -> bool:
        """Whether draws can be fused: nothing but a temperature decides."""
        return sampling == Sampling(sampling.temperature)

    def draw(self, uniform: Sequence[float] | None) -> Draws:
        """A token for each row, by a number in [0, 1) for each; None for greedy. Waits for the device once."""
        place = None if uniform is None else self._sent(uniform)
        if self._fused:
            masks = self._masks
            drawn = draw_allowed(
                self._logits, masks.table, masks.numbers, temperature=self.sampling.temperature, uniform=place
            )
            return _on_host(drawn.tokens, drawn.log_probability, drawn.log_mass)
        tokens = greedy(self.held) if place is None else draw(self.probabilities, place)
        return _on_host(tokens, self.free.gather(-1, tokens[:, None])[:, 0], self.free.logsumexp(dim=-1))

    def draw_again(self, row: int, bitmask: Tensor, uniform: float | None) -> Draws:
        """A token for one row, among those that int32[1, words] on the host allows, fewer than its mask does."""
        table = send(bitmask, self._logits.device)
        number = torch.zeros(1, dtype=torch.int64, device=table.device)
        narrow = NodeLaws(
            self._logits[row : row + 1],
            MaskRows(table, number),
            self.sampling,
            penalised=None if self._penalised is None else self._penalised[row : row + 1],
            fused=self._fused,
        )
        return narrow.draw(None if uniform is None else [uniform])

    def log_probabilities(self, rows: Sequence[int], token_ids: Sequence[int]) -> list[float]:
        """Of tokens at some of the rows, under the model's own law."""
        where = send(torch.tensor([rows, token_ids]), self._logits.device)
        found: list[float] = self.free[where[0], where[1]].tolist()
        return found

    @cached_property
    def free(self) -> Tensor:
        """[N, W], the model's own log-probabilities, -inf where not allowed; float32, or float64 as the logits."""
        return self._masked(precise(self._logits).log_softmax(dim=-1))

    @cached_property
    def held(self) -> Tensor:
        """[N, W], logits of the law that is drawn from, before the temperature; -inf where not allowed."""
        return self.free if self._penalised is None else self._masked(self._penalised.clone())

    @cached_property
    def probabilities(self) -> Tensor:
        """[N, W], the law that is drawn from at a positive temperature."""
        return probabilities(self.held, self.sampling)

    def _masked(self, values: Tensor) -> Tensor:
        apply_mask_rows_(values, self._masks.table, self._masks.numbers)
        return values

    def _sent(self, numbers: Sequence[float]) -> Tensor:
        return send(torch.tensor(numbers, dtype=torch.float64), self._logits.device)


def _on_host(tokens: Tensor, log_probabilities: Tensor, log_masses: Tensor) -> Draws:
    """In one copy; float64 holds the ids too."""
    parts = torch.stack([part.double() for part in (tokens, log_probabilities, log_masses)]).tolist()
    return Draws([int(token_id) for token_id in parts[0]], parts[1], parts[2])
