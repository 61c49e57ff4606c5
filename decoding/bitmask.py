"""Bitmasks meet logits: allocate the packed rows that grammars fill, and put -inf where a bit is 0.

Layout: int32[batch, ceil(V / 32)], bit i of word w allows token 32 * w + i. On a CPU the bits are spread by a table of
256 entries; on a CUDA device a Triton kernel reads the packed words (`kernels.py`), or, without Triton, the same table
does. All three give identical logits.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import cache

import torch
from torch import Tensor

from .sending import send

_FLOATS = (torch.float32, torch.bfloat16, torch.float16, torch.float64)


def allocate_token_bitmask(batch: int, vocabulary_size: int, *, pinned: bool = False) -> Tensor:
    """An int32 CPU tensor [batch, ceil(vocabulary_size / 32)] of zeros (nothing allowed), to be filled by a grammar.

    `pinned` puts it into page-locked memory, from which copies to a GPU run beside the host; that needs a GPU.
    Raises `ValueError` for a negative batch or a vocabulary without tokens.
    """
    if batch < 0 or vocabulary_size <= 0:
        raise ValueError(f"no bitmask has the shape [{batch}, ceil({vocabulary_size} / 32)]")
    return torch.zeros((batch, -(-vocabulary_size // 32)), dtype=torch.int32, pin_memory=pinned)


def apply_token_bitmask_(logits: Tensor, bitmask: Tensor, *, rows: Sequence[int] | Tensor | None = None) -> None:
    """Set `logits` to -inf, in place, where the bit of `bitmask` is 0; the other logits stay as they are.

    Args:
        logits: float32, bfloat16, float16 or float64, [batch, width], of any strides. Columns beyond the bitmask are
            forbidden.
        bitmask: int32[n, words] on the same device, words <= ceil(width / 32).
        rows: row i of the bitmask is for row `rows[i]` of the logits (n distinct rows); rows that are not named stay
            as they are. Without it n is the batch, row for row.

    Raises:
        TypeError: wrong dtype, shape or device.
        IndexError: a row that the logits do not have.
        ValueError: a row is named twice.
    """
    _check(logits, bitmask)
    targets = _targets(rows, logits.shape[0], bitmask.shape[0])
    if not logits.numel() or not bitmask.shape[0]:
        return
    if logits.device.type == "cuda" and has_triton():
        from .kernels import forbid_

        forbid_(logits, bitmask, None if targets is None else torch.tensor(targets, device=logits.device))
    elif targets is None:
        _forbid_(logits, bitmask)
    else:
        for row, words in zip(targets, bitmask, strict=True):
            _forbid_(logits[row : row + 1], words[None])


def apply_mask_rows_(logits: Tensor, table: Tensor, numbers: Tensor) -> None:
    """Set row i of `logits` to -inf, in place, where row `numbers[i]` of `table` has a 0; nothing waits for the device.

    Args:
        logits: as in `apply_token_bitmask_`, [batch, width].
        table: int32[rows, words] on the same device, words <= ceil(width / 32); of a `MaskTable`, for one.
        numbers: int64[batch] on the same device; a number may stand more than once. They are not read on the host: one
            that the table does not have is not found.

    Raises:
        TypeError: wrong dtype, shape or device.
    """
    check_numbers(logits, table, numbers)
    if not logits.numel():
        return
    if logits.device.type == "cuda" and has_triton():
        from .kernels import forbid_

        forbid_(logits, table, numbers, gather=True)
    else:
        _forbid_(logits, table.index_select(0, numbers))


def allowed_by(bitmask: Tensor, width: int) -> Tensor:
    """bool[n, width]: whether the bits of int32[n, words] are set; false beyond the bitmask."""
    forbidden = _spread(bitmask)[:, :width]
    return torch.nn.functional.pad(~forbidden, (0, width - forbidden.shape[1]))


def check_numbers(logits: Tensor, table: Tensor, numbers: Tensor) -> None:
    """Raises `TypeError` if these are not logits, a table of bitmask rows, and one row number for each row of logits."""
    _check(logits, table)
    given: object = numbers
    if not isinstance(given, Tensor):
        raise TypeError(f"numbers: a torch tensor expected, not {type(given).__name__}")
    if numbers.dtype != torch.int64 or numbers.shape != logits.shape[:1]:
        raise TypeError(f"numbers: torch.int64[{len(logits)}] expected, not {numbers.dtype}{list(numbers.shape)}")
    if numbers.device != logits.device:
        raise TypeError(f"logits are on {logits.device}, the row numbers are on {numbers.device}")


@cache
def has_triton() -> bool:
    """Whether the package triton is installed."""
    try:
        import triton  # noqa: F401
    except ImportError:
        return False
    return True


def _forbid_(logits: Tensor, bitmask: Tensor) -> None:
    """The torch path of both."""
    forbidden = _spread(bitmask)  # (n, 32 * words)
    width = min(logits.shape[1], forbidden.shape[1])
    logits[:, :width].masked_fill_(forbidden[:, :width], -torch.inf)
    if width < logits.shape[1]:
        logits[:, width:] = -torch.inf


def _spread(bitmask: Tensor) -> Tensor:
    """bool[n, 32 * words], true where the bit is 0: one byte of the bitmask is looked up as eight bytes."""
    octets = bitmask.contiguous().view(torch.uint8)  # (n, 4 * words)
    if sys.byteorder == "big":
        octets = octets.view(len(octets), -1, 4).flip(-1).view(len(octets), -1)
    spread = _forbidden_table(bitmask.device).index_select(0, octets.flatten().int())  # (n * 4 * words,) int64
    return spread.view(torch.bool).view(len(bitmask), 32 * bitmask.shape[1])


@cache
def _forbidden_table(device: torch.device) -> Tensor:
    """int64[256]: for each byte eight booleans in one word, in memory order, true where the bit is 0."""
    bits = torch.arange(256)[:, None] >> torch.arange(8)[None, :] & 1  # (256, 8)
    return send((bits == 0).contiguous().view(torch.int64).flatten(), device)


def _check(logits: Tensor, bitmask: Tensor) -> None:
    for name, value in (("logits", logits), ("bitmask", bitmask)):
        if not isinstance(value, Tensor):
            raise TypeError(f"{name}: a torch tensor expected, not {type(value).__name__}")
        if value.dim() != 2:
            raise TypeError(f"{name}: two dimensions expected, the shape is {list(value.shape)}")
    if logits.dtype not in _FLOATS:
        raise TypeError(f"logits: a floating dtype expected, not {logits.dtype}")
    if bitmask.dtype != torch.int32:
        raise TypeError(f"bitmask: torch.int32 expected, not {bitmask.dtype}")
    if logits.device != bitmask.device:
        raise TypeError(f"logits are on {logits.device}, the bitmask is on {bitmask.device}")
    if bitmask.shape[1] > -(-logits.shape[1] // 32):
        raise TypeError(f"a bitmask of {bitmask.shape[1]} words is for more tokens than {logits.shape[1]} logits")


def _targets(rows: Sequence[int] | Tensor | None, batch: int, count: int) -> list[int] | None:
    if rows is None:
        if batch != count:
            raise TypeError(f"{count} bitmask rows for {batch} rows of logits: say which with rows=...")
        return None
    targets = [int(row) for row in (rows.tolist() if isinstance(rows, Tensor) else rows)]
    if len(targets) != count:
        raise TypeError(f"{count} bitmask rows, but rows names {len(targets)}")
    for row in targets:
        if not 0 <= row < batch:
            raise IndexError(f"rows: there is no row {row} in logits of {batch}")
    if len(set(targets)) != count:
        raise ValueError(f"rows: one is named twice in {targets}")
    return targets
