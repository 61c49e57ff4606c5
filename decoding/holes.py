"""Key-value caches with holes: whether one can have them, cutting them off its end, and moving the rest together.

Caches are those of transformers: a list of layers with `keys` and `values` [B, heads, slots, d]. Only layers that are
known to be nothing but such a list can have holes; a sliding window or a recurrent state cannot.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

_PLAIN = ("DynamicLayer", "StaticLayer")


def can_have_holes(cache: Any) -> bool:
    """Whether every layer keeps keys and values of all tokens, and nothing else."""
    layers = getattr(cache, "layers", None) or ()
    return len(layers) > 0 and all(type(layer).__name__ in _PLAIN for layer in layers)


def attends_only(cache: Any) -> bool:
    """Whether every layer keeps keys and values, of all tokens or of a window."""
    layers = getattr(cache, "layers", None) or ()
    return len(layers) > 0 and all(type(layer).__name__ in (*_PLAIN, "DynamicSlidingWindowLayer") for layer in layers)


def is_static(cache: Any) -> bool:
    """Whether the cache has a fixed number of slots, and a fixed place."""
    return any(type(layer).__name__ == "StaticLayer" for layer in getattr(cache, "layers", None) or ())


def slots_of(cache: Any) -> int | None:
    """How many slots a static cache has; None for one that grows."""
    return int(cache.layers[0].get_max_length()) if is_static(cache) else None


def cut_off(cache: Any, count: int) -> None:
    """Forget the last `count` slots of every row."""
    for layer in cache.layers:
        if type(layer).__name__ == "StaticLayer":
            layer.cumulative_length.sub_(count)
        else:
            layer.keys, layer.values = layer.keys[:, :, :-count], layer.values[:, :, :-count]


def close_holes(cache: Any, seen: Tensor) -> Tensor:
    """Move what `seen` bool[B, S] says is no hole to the end of as few slots as the fullest row needs; the new `seen`."""
    order = seen.to(torch.uint8).sort(dim=1, stable=True).indices  # holes first, the rest in its order
    count = int(seen.sum(dim=1).max())
    order = order[:, seen.shape[1] - count :]
    for layer in cache.layers:
        where = order[:, None, :, None].to(layer.keys.device)
        keys, values = (
            part.take_along_dim(where.expand(-1, part.shape[1], -1, part.shape[3]), dim=2)
            for part in (layer.keys, layer.values)
        )
        if type(layer).__name__ == "StaticLayer":
            layer.keys[:, :, :count], layer.values[:, :, :count] = keys, values
            layer.cumulative_length.fill_(count)
        else:
            layer.keys, layer.values = keys, values
    return seen.take_along_dim(order, dim=1)


def select_rows(cache: Any, rows: Tensor) -> None:
    """Keep these rows of the batch only. Not for a static cache."""
    cache.batch_select_indices(rows)
