"""The Triton kernel that puts -inf into logits on the device that holds them, straight from packed bitmask words.

It never reads the logits: a program takes some words of one bitmask row, spreads each into 32 lanes and stores only
where the bit is 0. So a mask that allows nearly all costs next to nothing, and one that forbids nearly all costs one
pass of writes.
"""

# ruff: noqa: ANN001, ANN202, N803 - Triton types the arguments of a kernel, and writes its constants in capitals

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

WORDS_PER_PROGRAM = 32


@triton.jit  # type: ignore[untyped-decorator, unused-ignore]
def _forbid_kernel(  # type: ignore[no-untyped-def]
    logits,
    bitmask,
    rows,
    width,
    words,
    logits_row_stride,
    logits_column_stride,
    bitmask_row_stride,
    bitmask_column_stride,
    HAS_ROWS: tl.constexpr,
    WORDS: tl.constexpr,
):
    source = tl.program_id(0).to(tl.int64)
    target = tl.load(rows + source) if HAS_ROWS else source
    word = tl.program_id(1) * WORDS + tl.arange(0, WORDS)  # (WORDS,)
    packed = tl.load(bitmask + source * bitmask_row_stride + word * bitmask_column_stride, mask=word < words, other=0)
    lane = tl.arange(0, 32)  # (32,)
    forbidden = ((packed[:, None] >> lane[None, :]) & 1) == 0  # (WORDS, 32)
    column = (word[:, None] * 32 + lane[None, :]).to(tl.int64)  # (WORDS, 32)
    place = logits + target * logits_row_stride + column * logits_column_stride
    tl.store(place, float("-inf"), mask=forbidden & (column < width))


def forbid_(logits: Tensor, bitmask: Tensor, rows: Tensor | None) -> None:
    """-inf into `logits` [batch, width] where `bitmask` int32[n, words] has a 0 or ends; row i is for `rows[i]`.

    `rows` is int64[n] on the same device, or None for row by row. The caller has checked shapes, dtypes and devices.
    """
    width = logits.shape[1]
    grid = (bitmask.shape[0], triton.cdiv(width, 32 * WORDS_PER_PROGRAM))
    with torch.cuda.device_of(logits):  # type: ignore[no-untyped-call]
        _forbid_kernel[grid](
            logits,
            bitmask,
            bitmask if rows is None else rows,
            width,
            bitmask.shape[1],
            *logits.stride(),
            *bitmask.stride(),
            HAS_ROWS=rows is not None,  # type: ignore[arg-type, unused-ignore]
            WORDS=WORDS_PER_PROGRAM,  # type: ignore[arg-type, unused-ignore]
        )
