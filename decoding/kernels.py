"""Triton kernels that read packed bitmask words beside the logits, on the device that holds both.

`forbid_` puts -inf where the bit is 0. It never reads the logits: a program takes some words of one bitmask row, spreads
each into 32 lanes and stores only where the bit is 0. So a mask that allows nearly all costs next to nothing, and one
that forbids nearly all costs one pass of writes.

`draw` also reads the logits, once: a program summarises one block of one row; a second kernel joins the summaries of a
row, chooses a block, and looks for the token in that block alone. `fused_sampling.py` tells the law, and has the same
in torch operations.
"""

# ruff: noqa: ANN001, ANN202, N803 - Triton types the arguments of a kernel, and writes its constants in capitals

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

WORDS_PER_PROGRAM = 32
BLOCK = 1024  # the tokens that one program of `draw` summarises; `fused_sampling.py` cuts rows in the same way


@triton.jit  # type: ignore[untyped-decorator, unused-ignore]
def _forbid_kernel(  # type: ignore[no-untyped-def]
    logits,
    bitmask,
    numbers,
    width,
    words,
    logits_row_stride,
    logits_column_stride,
    bitmask_row_stride,
    bitmask_column_stride,
    NUMBERS: tl.constexpr,
    WORDS: tl.constexpr,
):
    source = tl.program_id(0).to(tl.int64)
    target = source
    if NUMBERS == "logits":
        target = tl.load(numbers + source)
    elif NUMBERS == "bitmask":
        source = tl.load(numbers + target)
    word = tl.program_id(1) * WORDS + tl.arange(0, WORDS)  # (WORDS,)
    packed = tl.load(bitmask + source * bitmask_row_stride + word * bitmask_column_stride, mask=word < words, other=0)
    lane = tl.arange(0, 32)  # (32,)
    forbidden = ((packed[:, None] >> lane[None, :]) & 1) == 0  # (WORDS, 32)
    column = (word[:, None] * 32 + lane[None, :]).to(tl.int64)  # (WORDS, 32)
    place = logits + target * logits_row_stride + column * logits_column_stride
    tl.store(place, float("-inf"), mask=forbidden & (column < width))


def forbid_(logits: Tensor, bitmask: Tensor, rows: Tensor | None, *, gather: bool = False) -> None:
    """-inf into `logits` [batch, width] where `bitmask` int32[n, words] has a 0 or ends.

    `rows` is int64 on the same device. Bitmask row i is for row `rows[i]` of the logits, or, with `gather`, row i of the
    logits takes bitmask row `rows[i]`; None is row by row. The caller has checked shapes, dtypes and devices.
    """
    width = logits.shape[1]
    count = bitmask.shape[0] if rows is None else rows.shape[0]
    with torch.cuda.device_of(logits):  # type: ignore[no-untyped-call]
        _forbid_kernel[(count, triton.cdiv(width, 32 * WORDS_PER_PROGRAM))](
            logits,
            bitmask,
            bitmask if rows is None else rows,
            width,
            bitmask.shape[1],
            *logits.stride(),
            *bitmask.stride(),
            NUMBERS="none" if rows is None else "bitmask" if gather else "logits",  # type: ignore[arg-type, unused-ignore]
            WORDS=WORDS_PER_PROGRAM,  # type: ignore[arg-type, unused-ignore]
        )


@triton.jit  # type: ignore[untyped-decorator, unused-ignore]
def _weight(distance, scale):  # type: ignore[no-untyped-def]
    # 2^(distance * scale) in units of 2^-41, as `fused_sampling.weight` computes it: see there
    power = tl.maximum(distance * scale, -64.0)
    whole = tl.floor(power)
    part = power - whole
    value = 0.0002188922808272764 * part + 0.0012411379721015692
    value = value * part + 0.00967821478843689
    value = value * part + 0.0554860457777977
    value = value * part + 0.2402285635471344
    value = value * part + 0.6931471228599548
    value = value * part + 1.0
    shift = whole.to(tl.int64) + 18
    return ((value * 8388608.0).to(tl.int64) << tl.maximum(shift, 0)) >> tl.maximum(-shift, 0)


@triton.jit  # type: ignore[untyped-decorator, unused-ignore]
def _load_block(  # type: ignore[no-untyped-def]
    logits, bitmask, numbers, row, block, width, words, logits_strides, bitmask_strides, BLOCK_SIZE: tl.constexpr
):
    # the columns of a block, their logits (NaN beyond the end), and whether each is allowed
    column = block * BLOCK_SIZE + tl.arange(0, BLOCK_SIZE)
    there = column < width
    place = logits + row.to(tl.int64) * logits_strides[0] + column.to(tl.int64) * logits_strides[1]
    value = tl.load(place, mask=there, other=float("-inf")).to(tl.float32)
    word = column >> 5
    source = bitmask + tl.load(numbers + row) * bitmask_strides[0] + word.to(tl.int64) * bitmask_strides[1]
    packed = tl.load(source, mask=there & (word < words), other=0)
    return place, there, value, ((packed >> (column & 31)) & 1) == 1


@triton.jit  # type: ignore[untyped-decorator, unused-ignore]
def _exp_sum(value, peak):  # type: ignore[no-untyped-def]
    return tl.sum(tl.exp(value - tl.where(peak == float("-inf"), 0.0, peak)), axis=0)


@triton.jit  # type: ignore[untyped-decorator, unused-ignore]
def _summary_kernel(  # type: ignore[no-untyped-def]
    logits,
    bitmask,
    numbers,
    figures,
    masses,
    width,
    words,
    scale,
    logits_row_stride,
    logits_column_stride,
    bitmask_row_stride,
    bitmask_column_stride,
    GREEDY: tl.constexpr,
    WRITES: tl.constexpr,
    BLOCK_SIZE: tl.constexpr,
):
    row, block = tl.program_id(0), tl.program_id(1)
    place, there, value, allowed = _load_block(
        logits,
        bitmask,
        numbers,
        row,
        block,
        width,
        words,
        (logits_row_stride, logits_column_stride),
        (bitmask_row_stride, bitmask_column_stride),
        BLOCK_SIZE,
    )
    if WRITES:
        tl.store(place, float("-inf"), mask=there & (allowed == 0))
    fault = (value < float("inf")) == 0  # NaN and +inf
    value = tl.where(fault, float("-inf"), value)
    held = tl.where(allowed, value, float("-inf"))
    peak, held_peak = tl.max(value, axis=0), tl.max(held, axis=0)
    entry = row.to(tl.int64) * tl.num_programs(1) + block
    tl.store(figures + entry * 4, peak)
    tl.store(
        figures + entry * 4 + 1, tl.where(tl.sum(fault.to(tl.int32), axis=0) > 0, float("nan"), _exp_sum(value, peak))
    )
    tl.store(figures + entry * 4 + 2, held_peak)
    tl.store(figures + entry * 4 + 3, _exp_sum(held, held_peak))
    if GREEDY:
        tl.store(masses + entry, tl.argmax(held, axis=0).to(tl.int64))
    else:
        distance = held - tl.where(held_peak == float("-inf"), 0.0, held_peak)
        tl.store(masses + entry, tl.sum(_weight(distance, scale), axis=0))


@triton.jit  # type: ignore[untyped-decorator, unused-ignore]
def _pick(weights, target):  # type: ignore[no-untyped-def]
    # the first place where the weights, added up, exceed the target, which is less than their sum
    return tl.sum((tl.cumsum(weights, axis=0) <= target).to(tl.int32), axis=0)


@triton.jit  # type: ignore[untyped-decorator, unused-ignore]
def _at(values, block, chosen):  # type: ignore[no-untyped-def]
    return tl.sum(tl.where(block == chosen, values, 0), axis=0)


@triton.jit  # type: ignore[untyped-decorator, unused-ignore]
def _choose(sums, peaks, peak, block, uniform, scale):  # type: ignore[no-untyped-def]
    # the block that a uniform number falls into, and the rest of the way within the sum of its weights
    share = _weight(peaks - peak, scale).to(tl.float64) * 4.547473508864641e-13  # 2^-41
    mass = (sums.to(tl.float64) * share).to(tl.int64)
    total = tl.sum(mass, axis=0)
    target = tl.minimum((uniform * total.to(tl.float64)).to(tl.int64), total - 1)
    chosen = _pick(mass, target)
    before = tl.sum(tl.where(block < chosen, mass, 0), axis=0)
    whole = _at(sums, block, chosen)
    fraction = (target - before).to(tl.float64) / _at(mass, block, chosen).to(tl.float64)
    return chosen, tl.minimum((fraction * whole.to(tl.float64)).to(tl.int64), whole - 1)


@triton.jit  # type: ignore[untyped-decorator, unused-ignore]
def _log_sum(peaks, peak, sums):  # type: ignore[no-untyped-def]
    return peak + tl.log(tl.sum(sums * tl.exp(peaks - peak), axis=0))


@triton.jit  # type: ignore[untyped-decorator, unused-ignore]
def _choice_kernel(  # type: ignore[no-untyped-def]
    logits,
    bitmask,
    numbers,
    figures,
    masses,
    uniform,
    tokens,
    statuses,
    results,
    blocks,
    width,
    words,
    scale,
    logits_row_stride,
    logits_column_stride,
    bitmask_row_stride,
    bitmask_column_stride,
    GREEDY: tl.constexpr,
    BLOCKS: tl.constexpr,
    BLOCK_SIZE: tl.constexpr,
):
    row = tl.program_id(0)
    block = tl.arange(0, BLOCKS)  # (BLOCKS,)
    entry = row.to(tl.int64) * blocks + block
    known = block < blocks
    peaks = tl.load(figures + entry * 4, mask=known, other=float("-inf"))
    sums = tl.load(figures + entry * 4 + 1, mask=known, other=0.0)
    held_peaks = tl.load(figures + entry * 4 + 2, mask=known, other=float("-inf"))
    held_sums = tl.load(figures + entry * 4 + 3, mask=known, other=0.0)
    masses_of_blocks = tl.load(masses + entry, mask=known, other=0)  # or, greedy, the best token of each
    peak, held_peak = tl.max(peaks, axis=0), tl.max(held_peaks, axis=0)
    faults = tl.sum((sums != sums).to(tl.int32), axis=0)
    status = tl.where(faults > 0, 2, tl.where(held_peak == float("-inf"), 1, 0))
    token, log_probability, log_mass = tl.full((), -1, tl.int64), float("nan"), float("nan")
    if status == 0:
        if GREEDY:
            chosen = tl.argmax(held_peaks, axis=0)
            inside = _at(masses_of_blocks, block, chosen)
        else:
            chosen, rest = _choose(masses_of_blocks, held_peaks, held_peak, block, tl.load(uniform + row), scale)
            strides = (logits_row_stride, logits_column_stride), (bitmask_row_stride, bitmask_column_stride)
            _, _, value, allowed = _load_block(
                logits, bitmask, numbers, row, chosen, width, words, strides[0], strides[1], BLOCK_SIZE
            )
            peak_there = tl.max(tl.where(block == chosen, held_peaks, float("-inf")), axis=0)
            inside = _pick(_weight(tl.where(allowed, value, float("-inf")) - peak_there, scale), rest)
        token = chosen.to(tl.int64) * BLOCK_SIZE + inside
        drawn = tl.load(logits + row.to(tl.int64) * logits_row_stride + token * logits_column_stride)
        free = _log_sum(peaks, peak, sums)
        log_probability = drawn.to(tl.float32) - free
        log_mass = tl.minimum(_log_sum(held_peaks, held_peak, held_sums) - free, 0.0)
    tl.store(tokens + row, token)
    tl.store(statuses + row, status)
    tl.store(results + row * 2, log_probability)
    tl.store(results + row * 2 + 1, log_mass)


def draw(
    logits: Tensor, bitmask: Tensor, numbers: Tensor, uniform: Tensor | None, scale: float, *, writes: bool
) -> tuple[Tensor, Tensor, Tensor]:
    """Tokens int64[B], statuses int32[B] and figures float32[B, 2], as `fused_sampling.draw_allowed` tells.

    `uniform` is None for greedy. The caller has checked shapes, dtypes and devices.
    """
    batch, width = logits.shape
    blocks = triton.cdiv(width, BLOCK)
    figures = torch.empty((batch, blocks, 4), dtype=torch.float32, device=logits.device)
    masses = torch.empty((batch, blocks), dtype=torch.int64, device=logits.device)
    tokens = torch.empty(batch, dtype=torch.int64, device=logits.device)
    statuses = torch.empty(batch, dtype=torch.int32, device=logits.device)
    results = torch.empty((batch, 2), dtype=torch.float32, device=logits.device)
    # Without the fusion of multiplications and additions each of them rounds as in torch, so the weights are the same
    # bit for bit.
    exact = {"enable_fp_fusion": False}
    shape = (width, bitmask.shape[1], scale, *logits.stride(), *bitmask.stride())
    greedy = uniform is None
    with torch.cuda.device_of(logits):  # type: ignore[no-untyped-call]
        _summary_kernel[(batch, blocks)](
            *(logits, bitmask, numbers, figures, masses),
            *shape,
            GREEDY=greedy,
            WRITES=writes,
            BLOCK_SIZE=BLOCK,
            **exact,
        )
        _choice_kernel[(batch,)](
            *(logits, bitmask, numbers, figures, masses, masses if uniform is None else uniform),
            *(tokens, statuses, results, blocks),
            *shape,
            GREEDY=greedy,
            BLOCKS=triton.next_power_of_2(blocks),
            BLOCK_SIZE=BLOCK,
            **exact,
        )
    return tokens, statuses, results
