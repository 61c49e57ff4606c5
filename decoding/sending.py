"""Tensors from the host to a device, without waiting for it: what is copied there waits for nothing that runs there."""

from __future__ import annotations

import torch
from torch import Tensor


def send(values: Tensor, device: torch.device) -> Tensor:
    """A tensor of the host on a device.

    To a CUDA device it goes from page-locked memory, on the current stream. A copy from other memory may make the host
    wait for everything that was launched before: for a pass of the model, say.
    """
    if device.type == "cuda":
        values = values.pin_memory()  # as it is, if it is that; torch gives it to others only once the copy is done
    return values.to(device, non_blocking=True)
