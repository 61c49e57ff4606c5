"""What a causal language model says of itself: its inputs, its positions, its device, and what its attention can do."""

from __future__ import annotations

import inspect
from typing import Any

import torch
from torch import Tensor


def text_config(model: Any) -> Any:
    """The configuration of the language model itself, which models of several modalities keep inside theirs."""
    config: Any = getattr(model, "config", None)
    return config.get_text_config() if hasattr(config, "get_text_config") else config


def position_limit(model: Any) -> float:
    """How many positions the model has; infinite if it does not say."""
    limit = getattr(text_config(model), "max_position_embeddings", None)
    return limit if isinstance(limit, int) and limit > 0 else float("inf")


def device_of(model: Any) -> torch.device:
    """Where the model takes its input; the CPU if it does not say."""
    device = getattr(model, "device", None)
    if device is None and hasattr(model, "parameters"):
        device = next((parameter.device for parameter in model.parameters()), None)
    return torch.device("cpu" if device is None else device)


def inputs_of(model: Any) -> set[str]:
    """The names of what the model takes."""
    return set(inspect.signature(getattr(model, "forward", model)).parameters)


def attends_trees(model: Any) -> bool:
    """Whether the model takes a mask of its own for each query, and knows the place of a token by its position id."""
    known = {"position_ids", "past_key_values", "attention_mask"} <= inputs_of(model)
    takes_masks = getattr(getattr(model, "config", None), "_attn_implementation", None) in ("eager", "sdpa")
    return known and takes_masks and not getattr(text_config(model), "alibi", False)


def added_to_scores(model: Any, looks: Tensor) -> Tensor:
    """bool[B, T, S], what each token looks at -> [B, 1, T, S] of the model's dtype, added to the attention's scores."""
    scores = torch.zeros(looks.shape, dtype=getattr(model, "dtype", torch.float32), device=looks.device)
    return scores.masked_fill_(~looks, torch.finfo(scores.dtype).min)[:, None]
