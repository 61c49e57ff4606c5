"""Mask, draw and score in one pass over the logits: greedy, and plain sampling at a temperature, with bits as they are packed.

The law of a draw by a uniform number u is inversion: put the weights of the allowed tokens end to end, in the order of
their ids, and take the token at the place u of the line. Sums of floats depend on their order, and so on the device,
and with 128,000 tokens a border between two of them is never far. Here all that decides is the same everywhere by
construction: a weight is an integer, made by additions and multiplications of float32 in a fixed order, and integers
add up to the same sum in every order. A row is cut into blocks of 1024 tokens, with weights relative to the largest
of the block; one more product per block, in float64, makes the blocks comparable, and the token is looked for in the
chosen block alone. So the Triton kernels (`kernels.py`) and torch, on every device, draw the same token.

A weight is right to some parts in 10^7, like a softmax in float32, and to 5e-13 of the largest one of its block: tokens
less likely than that are never drawn. For float64 logits the law is `sampling.py`'s, in float64 and torch operations.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from .bitmask import allowed_by, check_numbers, has_triton
from .sampling import Sampling, draw, greedy, precise, probabilities

NOTHING_ALLOWED = 1
NOT_A_NUMBER = 2

_BLOCK = 1024  # as in the kernels
_WIDEST = 1 << 20  # the weights of so many tokens add up below 2^62
_UNIT = 2.0**-41
# 2^x on [0, 1], exact at both ends, and in between to 1.3e-8 before rounding
_POWERS = (
    0.0002188922808272764,
    0.0012411379721015692,
    0.00967821478843689,
    0.0554860457777977,
    0.2402285635471344,
    0.6931471228599548,
    1.0,
)


class Drawn(NamedTuple):
    """One token for each row, and what the model thought of it.

    Attributes:
        tokens: int64[B]; -1 in a row without one.
        statuses: int32[B]; 0, or why there is no token: `NOTHING_ALLOWED` (no allowed token has a finite logit) or
            `NOT_A_NUMBER` (a logit of the row, allowed or not, is NaN or +inf). The caller raises.
        log_probability: [B], of the token under the model's own law (temperature 1, no mask); NaN without a token.
        log_mass: [B], of all allowed tokens together under the model's own law; NaN without a token.
            `log_probability - log_mass` is the token's log-probability under the masked law at temperature 1.
    """

    tokens: Tensor
    statuses: Tensor
    log_probability: Tensor
    log_mass: Tensor


def draw_allowed(
    logits: Tensor,
    table: Tensor,
    numbers: Tensor,
    *,
    temperature: float = 0.0,
    uniform: Tensor | None = None,
    mask_logits: bool = False,
    kernels: bool | None = None,
) -> Drawn:
    """Draw a token for each row of the logits among those that its row of the table allows.

    Args:
        logits: float32, bfloat16, float16 or float64, [B, W], of any strides. Columns beyond the table's are forbidden.
        table: int32[rows, words] on the same device, words <= ceil(W / 32); bit i of word w allows token 32 * w + i.
        numbers: int64[B] on the same device: row i of the logits takes row `numbers[i]` of the table. They are not read
            on the host, so what is out of range is not found.
        temperature: 0 takes the most likely token, the lowest id among equals.
        uniform: float64[B] in [0, 1) on the same device: the randomness of each row. With a positive temperature only.
        mask_logits: put -inf into the logits where the mask forbids, in the same pass.
        kernels: whether Triton's kernels do it; by default where they can (on a CUDA device, not for float64).

    Raises:
        TypeError: wrong dtype, shape or device.
        ValueError: a temperature that is not 0 and not in [1e-6, inf); randomness without a use, or none where it has
            one; more than 2^20 logits in a row.
    """
    check_numbers(logits, table, numbers)
    _check_randomness(logits, temperature, uniform)
    sampling = Sampling(temperature)  # checks the temperature
    if kernels is None:
        kernels = logits.device.type == "cuda" and logits.dtype != torch.float64 and has_triton()
    if not logits.numel():
        return _nothing(logits)
    if kernels:
        from .kernels import draw as draw_by_kernels

        tokens, statuses, figures = draw_by_kernels(
            logits, table, numbers, uniform, _scale(temperature), writes=mask_logits
        )
        return Drawn(tokens, statuses, figures[:, 0], figures[:, 1])
    allowed = allowed_by(table.index_select(0, numbers), logits.shape[1])  # (B, W)
    found = _draw_by_torch(logits, allowed, sampling, uniform)
    if mask_logits:
        logits.masked_fill_(~allowed, -torch.inf)
    return found


def _draw_by_torch(logits: Tensor, allowed: Tensor, sampling: Sampling, uniform: Tensor | None) -> Drawn:
    values = precise(logits)  # (B, W)
    faults = ~(values < torch.inf).all(dim=-1)  # (B,)
    held = values.masked_fill(~allowed, -torch.inf)  # (B, W)
    empty = held.amax(dim=-1) == -torch.inf
    statuses = (empty * NOTHING_ALLOWED).int().masked_fill(faults, NOT_A_NUMBER)
    safe = held.masked_fill((statuses > 0)[:, None], 0)
    if uniform is None:
        tokens = greedy(safe)
    elif values.dtype == torch.float64:
        tokens = draw(probabilities(safe, sampling), uniform)
    else:
        tokens = _invert(safe, _scale(sampling.temperature), uniform)
    free = values.logsumexp(dim=-1)
    log_probability = values.gather(-1, tokens[:, None])[:, 0] - free
    log_mass = (held.logsumexp(dim=-1) - free).clamp(max=0)
    failed = statuses > 0
    return Drawn(
        tokens.masked_fill(failed, -1),
        statuses,
        log_probability.masked_fill(failed, torch.nan),
        log_mass.masked_fill(failed, torch.nan),
    )


def weight(distance: Tensor, scale: float) -> Tensor:
    """2^(distance * scale) as int64, in units of 2^-41, for float32 distances of at most 0.

    Every operation rounds as IEEE 754 says, so all devices agree on the last bit. A product below -64 counts as -64,
    which gives 0.
    """
    power = (distance * scale).clamp(min=-64)
    whole = power.floor()
    part = power - whole
    value = part * _POWERS[0]
    for coefficient in _POWERS[1:-1]:
        value = (value + coefficient) * part
    value = value + _POWERS[-1]  # in [1, 2]
    shift = whole.long() + 18
    return ((value * 2.0**23).long() << shift.clamp(min=0)) >> (-shift).clamp(min=0)


def _invert(held: Tensor, scale: float, uniform: Tensor) -> Tensor:
    """One token of each row of float32 logits [B, W], -inf where it is forbidden: int64[B]."""
    blocks = torch.nn.functional.pad(held, (0, -held.shape[1] % _BLOCK), value=-torch.inf)
    blocks = blocks.view(len(held), -1, _BLOCK)  # (B, n, _BLOCK)
    peaks = blocks.amax(dim=-1)  # (B, n)
    weights = weight(blocks - peaks.masked_fill(peaks == -torch.inf, 0)[..., None], scale)  # (B, n, _BLOCK)
    sums = weights.sum(dim=-1)  # (B, n)
    share = weight(peaks - peaks.amax(dim=-1, keepdim=True), scale).double() * _UNIT
    masses = (sums.double() * share).long()  # (B, n)
    total = masses.sum(dim=-1)
    target = torch.minimum((uniform * total.double()).long(), total - 1)  # (B,)
    chosen = _pick(masses, target)[:, None]  # (B, 1)
    mass, whole = masses.gather(-1, chosen)[:, 0], sums.gather(-1, chosen)[:, 0]
    before = masses.cumsum(dim=-1).gather(-1, chosen)[:, 0] - mass
    fraction = (target - before).double() / mass.double()
    rest = torch.minimum((fraction * whole.double()).long(), whole - 1)
    inside = weights.take_along_dim(chosen[..., None], dim=1)[:, 0]  # (B, _BLOCK)
    return chosen[:, 0] * _BLOCK + _pick(inside, rest)


def _pick(weights: Tensor, target: Tensor) -> Tensor:
    """The first place where the weights [B, n], added up, exceed the target [B], which is less than their sum."""
    return (weights.cumsum(dim=-1) <= target[:, None]).sum(dim=-1)


def _scale(temperature: float) -> float:
    """log2(e) / temperature, as it is in float32."""
    return float(torch.tensor(math.log2(math.e) / temperature, dtype=torch.float32)) if temperature else 0.0


def _nothing(logits: Tensor) -> Drawn:
    """What rows without a single logit give."""
    empty = logits.new_full((len(logits),), torch.nan, dtype=torch.float32)
    statuses = torch.full_like(empty, NOTHING_ALLOWED, dtype=torch.int32)
    return Drawn(torch.full_like(empty, -1, dtype=torch.int64), statuses, empty, empty.clone())


def _check_randomness(logits: Tensor, temperature: float, uniform: Tensor | None) -> None:
    if logits.shape[1] > _WIDEST:
        raise ValueError(f"{logits.shape[1]} logits in a row; at most {_WIDEST} can be drawn from")
    if (uniform is None) != (temperature == 0):
        wanted = "no uniform numbers at temperature 0" if temperature == 0 else "uniform numbers, one a row"
        raise ValueError(f"temperature={temperature}: {wanted} expected")
    if uniform is None:
        return
    if uniform.dtype != torch.float64 or uniform.shape != logits.shape[:1]:
        raise TypeError(f"uniform: float64[{len(logits)}] expected, not {uniform.dtype}{list(uniform.shape)}")
    if uniform.device != logits.device:
        raise TypeError(f"logits are on {logits.device}, uniform is on {uniform.device}")
