"""A starting point from which copying is learned in minutes: previous-token heads and an induction head, set by hand.

A transformer copies with an induction circuit (Olsson et al., 2022): a head in one layer writes into each position what
the token before it was; a head in a later layer looks for positions whose previous token is the current one, and
predicts the token found there. Gradient descent finds this circuit late; on one core it is most of the training time.
So we write it into the first two layers before training, and training refines it and all the rest.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from transformers import LlamaForCausalLM

POSITION_GAIN = 6.0  # of the biases by which a head looks back by a fixed distance
MATCH_GAIN = 2.0  # of queries and keys in the induction head
WRITE_GAIN = 0.15  # of what a head adds to the residual stream; an embedding has this size too
EMBEDDING_SCALE = 0.1


@torch.no_grad()
def prime_copying(model: LlamaForCausalLM, seed: int = 0) -> None:
    """Set heads 0 and 1 of layer 0 to look back by one and two tokens, and head 0 of layer 1 to continue what it matches.

    The model must have biases in attention (`attention_bias=True`), which alone can make a head look back by a fixed
    distance, and as many key-value heads as heads.
    """
    generator = torch.Generator().manual_seed(seed)
    config = model.config.to_dict()
    size, width = int(config["head_dim"]), int(config["hidden_size"])
    theta = float(config["rope_parameters"]["rope_theta"])
    cast(nn.Embedding, model.model.embed_tokens).weight.normal_(0.0, EMBEDDING_SCALE, generator=generator)
    here, before, earlier, copied = (_orthonormal(width, size, generator) for _ in range(4))  # each (size, width)
    first, second = (model.model.get_submodule(f"layers.{index}.self_attn") for index in (0, 1))
    for head, distance, target in ((0, 1, before), (1, 2, earlier)):
        rows = slice(head * size, (head + 1) * size)
        _look_back(first, rows, distance, theta)
        _linear(first, "v_proj").weight[rows] = here
        _linear(first, "o_proj").weight[:, rows] = WRITE_GAIN * target.T
    keep = _slow_dimensions(size, theta)[:, None]
    _linear(second, "q_proj").weight[:size] = MATCH_GAIN * keep * here
    _linear(second, "k_proj").weight[:size] = MATCH_GAIN * keep * before
    _linear(second, "v_proj").weight[:size] = copied
    _linear(second, "o_proj").weight[:, :size] = 2 * WRITE_GAIN * copied.T


def _linear(attention: nn.Module, name: str) -> nn.Linear:
    """One of the four matrices of an attention layer."""
    return cast(nn.Linear, attention.get_submodule(name))


def _orthonormal(width: int, size: int, generator: torch.Generator) -> Tensor:
    """`size` orthonormal rows of `width` entries."""
    basis: Tensor = torch.linalg.qr(torch.randn(width, size, generator=generator)).Q
    return basis.T


def _frequencies(size: int, theta: float) -> Tensor:
    """The angle by which a rotary embedding turns each pair of dimensions (i, i + size/2) per position."""
    return theta ** (-torch.arange(0, size, 2, dtype=torch.float32) / size)


def _look_back(attention: nn.Module, rows: slice, distance: int, theta: float) -> None:
    """Let the head in `rows` attend `distance` tokens back, whatever they are: by biases, turned by that distance."""
    angles = distance * _frequencies(rows.stop - rows.start, theta)
    query, key = _linear(attention, "q_proj"), _linear(attention, "k_proj")
    query.weight[rows] *= 0.1
    key.weight[rows] *= 0.1
    query.bias[rows] = POSITION_GAIN * torch.cat([torch.ones_like(angles), torch.zeros_like(angles)])
    key.bias[rows] = POSITION_GAIN * torch.cat([angles.cos(), angles.sin()])


def _slow_dimensions(size: int, theta: float) -> Tensor:
    """1 for the dimensions that turn by less than a radian over 150 tokens, in which content can be compared; else 0."""
    slow = (_frequencies(size, theta) * 150 < 1).float()
    return torch.cat([slow, slow])
