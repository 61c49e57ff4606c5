"""Masked logits equal those of a loop over bits, for every dtype, shape and stride; what does not fit is a TypeError."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from latticework.decoding import allocate_token_bitmask, apply_token_bitmask_
from latticework.decoding.bitmask import allowed_by, apply_mask_rows_

DTYPES = [torch.float32, torch.bfloat16, torch.float16, torch.float64]


def random_bitmask(rows: int, words: int, seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(-(2**31), 2**31, (rows, words), generator=generator).int()


def reference(logits: torch.Tensor, bitmask: torch.Tensor) -> torch.Tensor:
    """One bit after the other, in Python integers."""
    masked = logits.clone()
    for row in range(logits.shape[0]):
        words = [int(word) & 0xFFFFFFFF for word in bitmask[row]]
        for column in range(logits.shape[1]):
            if column // 32 >= len(words) or not words[column // 32] >> column % 32 & 1:
                masked[row, column] = -torch.inf
    return masked


@given(
    rows=st.integers(0, 4),
    words=st.integers(1, 4),
    missing=st.integers(0, 31),
    wider=st.sampled_from([0, 1, 31, 32, 70]),
    dtype=st.sampled_from(DTYPES),
    seed=st.integers(0, 99),
)
def test_equals_the_loop_over_bits(rows, words, missing, wider, dtype, seed):
    width = 32 * words - missing + wider
    logits = torch.randn(rows, width, generator=torch.Generator().manual_seed(seed)).to(dtype)
    bitmask = random_bitmask(rows, words, seed)
    expected = reference(logits, bitmask)
    apply_token_bitmask_(logits, bitmask)
    assert torch.equal(logits, expected)


@pytest.mark.parametrize("dtype", DTYPES)
def test_writes_into_rows_of_a_larger_tensor(dtype):
    whole = torch.randn(3, 4, 70).to(dtype)
    before, bitmask = whole.clone(), random_bitmask(3, 3, 1)
    apply_token_bitmask_(whole[:, 2], bitmask)
    assert torch.equal(whole[:, 2], reference(before[:, 2], bitmask))
    assert torch.equal(whole[:, [0, 1, 3]], before[:, [0, 1, 3]])


def test_any_strides_and_a_slice_of_a_bitmask():
    logits = torch.randn(70, 3).t()
    bitmask = random_bitmask(6, 5, 2)[::2, 1:4]
    expected = reference(logits, bitmask)
    apply_token_bitmask_(logits, bitmask)
    assert torch.equal(logits, expected)


def test_nan_and_infinity_do_not_survive_where_forbidden():
    logits = torch.full((1, 64), torch.nan)
    logits[0, ::2] = torch.inf
    apply_token_bitmask_(logits, torch.zeros(1, 2, dtype=torch.int32))
    assert (logits == -torch.inf).all()


@pytest.mark.parametrize("rows", [[2, 0], torch.tensor([2, 0])])
def test_named_rows_only(rows):
    logits = torch.randn(4, 70)
    before, bitmask = logits.clone(), random_bitmask(2, 3, 3)
    apply_token_bitmask_(logits, bitmask, rows=rows)
    assert torch.equal(logits[[2, 0]], reference(before[[2, 0]], bitmask))
    assert torch.equal(logits[[1, 3]], before[[1, 3]])


@given(
    rows=st.integers(0, 5),
    words=st.integers(1, 3),
    wider=st.sampled_from([0, 1, 31, 70]),
    dtype=st.sampled_from(DTYPES),
    seed=st.integers(0, 99),
)
def test_rows_of_a_table(rows, words, wider, dtype, seed):
    """A row of the table may serve several rows of the logits, and none."""
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(32 * words - 5 + wider, rows, generator=generator).t().to(dtype)
    table, numbers = random_bitmask(3, words, seed), torch.randint(0, 3, (rows,), generator=generator)
    expected = reference(logits, table[numbers])
    assert torch.equal(allowed_by(table[numbers], logits.shape[1]), (expected > -torch.inf))
    apply_mask_rows_(logits, table, numbers)
    assert torch.equal(logits, expected)


@pytest.mark.parametrize(
    ("numbers", "message"),
    [
        ([0], "numbers: a torch tensor expected, not list"),
        (torch.zeros(1, dtype=torch.int32), r"torch.int64\[1\] expected, not torch.int32\[1\]"),
        (torch.zeros(2, dtype=torch.int64), r"torch.int64\[1\] expected, not torch.int64\[2\]"),
        (torch.zeros(1, dtype=torch.int64, device="meta"), "the row numbers are on meta"),
    ],
)
def test_wrong_row_numbers_are_type_errors(numbers, message):
    with pytest.raises(TypeError, match=message):
        apply_mask_rows_(torch.zeros(1, 32), torch.zeros(4, 1, dtype=torch.int32), numbers)


def test_no_rows():
    logits = torch.randn(2, 40)
    before = logits.clone()
    apply_token_bitmask_(logits, allocate_token_bitmask(0, 40), rows=[])
    assert torch.equal(logits, before)


def test_layout_is_what_grammars_fill(json_vocabulary):
    from latticework.grammar import Compiler, choice

    grammar = Compiler(json_vocabulary).compile(choice(["ab", "12", "日"]))
    bitmask = allocate_token_bitmask(1, json_vocabulary.size)
    grammar.fill_bitmask([grammar.start], bitmask)
    logits = torch.zeros(1, json_vocabulary.size)
    apply_token_bitmask_(logits, bitmask)
    assert torch.nonzero(logits[0] == 0)[:, 0].tolist() == grammar.allowed_tokens(grammar.start)


def test_allocate():
    bitmask = allocate_token_bitmask(3, 33)
    assert bitmask.shape == (3, 2)
    assert bitmask.dtype == torch.int32
    assert not bitmask.any()
    for batch, size in ((-1, 5), (1, 0)):
        with pytest.raises(ValueError, match="no bitmask"):
            allocate_token_bitmask(batch, size)


@pytest.mark.parametrize(
    ("logits", "bitmask", "message"),
    [
        (torch.zeros(1, 32, dtype=torch.int64), torch.zeros(1, 1, dtype=torch.int32), "floating dtype"),
        (torch.zeros(1, 32), torch.zeros(1, 1, dtype=torch.int64), "int32"),
        (torch.zeros(32), torch.zeros(1, 1, dtype=torch.int32), "two dimensions"),
        (torch.zeros(1, 32), torch.zeros(1, dtype=torch.int32), "two dimensions"),
        (torch.zeros(2, 32), torch.zeros(1, 1, dtype=torch.int32), "say which"),
        (torch.zeros(1, 32), torch.zeros(1, 2, dtype=torch.int32), "more tokens"),
        (np.zeros((1, 32), np.float32), torch.zeros(1, 1, dtype=torch.int32), "torch tensor"),
        (torch.zeros(1, 32), np.zeros((1, 1), np.int32), "torch tensor"),
        (torch.zeros(1, 32, device="meta"), torch.zeros(1, 1, dtype=torch.int32), "on meta"),
    ],
)
def test_wrong_buffers_are_type_errors(logits, bitmask, message):
    with pytest.raises(TypeError, match=message):
        apply_token_bitmask_(logits, bitmask)


def test_wrong_rows():
    logits, bitmask = torch.zeros(2, 32), torch.zeros(2, 1, dtype=torch.int32)
    with pytest.raises(TypeError, match="2 bitmask rows, but rows names 1"):
        apply_token_bitmask_(logits, bitmask, rows=[0])
    with pytest.raises(IndexError, match="no row 2"):
        apply_token_bitmask_(logits, bitmask, rows=[0, 2])
    with pytest.raises(IndexError, match="no row -1"):
        apply_token_bitmask_(logits, bitmask, rows=[0, -1])
    with pytest.raises(ValueError, match="named twice"):
        apply_token_bitmask_(logits, bitmask, rows=[1, 1])
    assert not logits.any()


KERNEL_AGREES = """
import sys, torch
from latticework.decoding.bitmask import _forbid_
from latticework.decoding.kernels import forbid_

device = sys.argv[1]
for dtype in (torch.float32, torch.bfloat16, torch.float16, torch.float64):
    for width, words in ((70, 3), (100, 2), (33, 2), (1, 1), (3000, 70), (5000, 157)):
        bitmask = torch.randint(-(2**31), 2**31, (3, words)).int().to(device)
        logits = torch.randn(3, 4, width).to(device, dtype)[:, 2]
        expected = logits.clone()
        _forbid_(expected, bitmask)
        forbid_(logits, bitmask, None)
        assert torch.equal(logits, expected), (dtype, width)
        logits = torch.randn(width, 5).to(device, dtype).t()
        expected, rows = logits.clone(), [4, 0, 2]
        for row, words_of_row in zip(rows, bitmask):
            _forbid_(expected[row : row + 1], words_of_row[None])
        forbid_(logits, bitmask, torch.tensor(rows, device=device))
        assert torch.equal(logits, expected), (dtype, width)
"""


@pytest.mark.skipif(find_spec("triton") is None, reason="needs the package triton")
def test_kernel_agrees_in_tritons_interpreter():
    environment = os.environ | {"TRITON_INTERPRET": "1"}
    subprocess.run([sys.executable, "-c", KERNEL_AGREES, "cpu"], env=environment, check=True, cwd="/")


@pytest.mark.gpu
def test_kernel_agrees_on_a_gpu():
    subprocess.run([sys.executable, "-c", KERNEL_AGREES, "cuda"], check=True, cwd="/")


@pytest.mark.gpu
@pytest.mark.parametrize("dtype", DTYPES)
def test_gpu_equals_cpu_bit_for_bit(dtype):
    logits = torch.randn(4, 1000).to(dtype)
    bitmask = random_bitmask(4, 31, 5)
    on_device = logits.cuda()
    apply_token_bitmask_(logits, bitmask)
    apply_token_bitmask_(on_device, bitmask.cuda())
    assert torch.equal(on_device.cpu(), logits)
    with pytest.raises(TypeError, match="on cuda"):
        apply_token_bitmask_(on_device, bitmask)


@pytest.mark.gpu
def test_pinned_bitmask_is_filled_and_copied(json_vocabulary):
    from latticework.grammar import Compiler, choice

    grammar = Compiler(json_vocabulary).compile(choice(["ab", "12"]))
    pinned = allocate_token_bitmask(1, json_vocabulary.size, pinned=True)
    plain = allocate_token_bitmask(1, json_vocabulary.size)
    for bitmask in (pinned, plain):
        grammar.fill_bitmask([grammar.start], bitmask)
    assert pinned.is_pinned()
    assert torch.equal(pinned, plain)
    assert torch.equal(pinned.to("cuda", non_blocking=True).cpu(), plain)
