"""Tokens, log-probabilities and masses of the fused draw equal those of float64 softmax and inversion; kernels equal torch."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from importlib.util import find_spec

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from latticework.decoding.bitmask import apply_mask_rows_, apply_token_bitmask_
from latticework.decoding.fused_sampling import NOT_A_NUMBER, NOTHING_ALLOWED, Drawn, draw_allowed, weight
from latticework.decoding.sampling import Sampling, draw, probabilities

DTYPES = [torch.float32, torch.bfloat16, torch.float16, torch.float64]
needs_triton = pytest.mark.skipif(find_spec("triton") is None, reason="needs the package triton")


def sample(seed: int, rows: int, width: int, words: int, dtype: torch.dtype, spread: float = 3.0):
    """Logits, a table of 5 rows of which the last allows nothing, row numbers, uniform numbers."""
    generator = torch.Generator().manual_seed(seed)
    logits = (torch.randn(rows, width, generator=generator) * spread).to(dtype)
    table = torch.randint(-(2**31), 2**31, (5, words), generator=generator).int()
    table[4] = 0
    numbers = torch.randint(0, 5, (rows,), generator=generator)
    return logits, table, numbers, torch.rand(rows, dtype=torch.float64, generator=generator)


def bits(table: torch.Tensor, number: int, width: int) -> np.ndarray:
    """One bit after the other, in Python integers."""
    words = [int(word) & 0xFFFFFFFF for word in table[number]]
    return np.array([i // 32 < len(words) and bool(words[i // 32] >> i % 32 & 1) for i in range(width)])


def log_sum(values: np.ndarray) -> float:
    peak = values.max(initial=-math.inf)
    return -math.inf if peak == -math.inf else peak + math.log(np.exp(values - peak).sum())


def check(found: Drawn, logits, table, numbers, temperature: float, uniform=None) -> None:
    """Against numpy in float64, row by row: the place of the uniform number lies within the token's interval."""
    width, exact = logits.shape[1], logits.dtype == torch.float64
    for row in range(len(logits)):
        values = logits[row].double().numpy()
        held = np.where(bits(table, int(numbers[row]), width), values, -math.inf)
        token = int(found.tokens[row])
        if held.max(initial=-math.inf) == -math.inf:
            assert (token, int(found.statuses[row])) == (-1, NOTHING_ALLOWED)
            assert found.log_probability[row].isnan()
            assert found.log_mass[row].isnan()
            continue
        assert int(found.statuses[row]) == 0
        assert held[token] > -math.inf
        near = 1e-12 if exact else 2e-5
        assert float(found.log_probability[row]) == pytest.approx(values[token] - log_sum(values), abs=near)
        assert float(found.log_mass[row]) == pytest.approx(log_sum(held) - log_sum(values), abs=near)
        assert float(found.log_mass[row]) <= 0
        if temperature == 0:
            assert token == held.argmax()
            continue
        law = np.exp((held - held.max()) / temperature)
        reached = law.cumsum() / law.sum()
        near = 1e-12 if exact else 1e-6
        assert reached[token] - law[token] / law.sum() - near <= float(uniform[row]) <= reached[token] + near


@given(
    rows=st.integers(0, 4),
    words=st.integers(1, 70),
    missing=st.integers(0, 31),
    wider=st.sampled_from([0, 1, 31, 32, 70]),
    temperature=st.sampled_from([0, 0.05, 0.7, 1.0, 1.0, 3.0]),
    spread=st.sampled_from([0.0, 0.1, 3.0, 30.0]),
    dtype=st.sampled_from(DTYPES),
    seed=st.integers(0, 999),
)
def test_equals_inversion_in_float64(rows, words, missing, wider, temperature, spread, dtype, seed):
    logits, table, numbers, uniform = sample(seed, rows, 32 * words - missing + wider, words, dtype, spread)
    uniform = None if temperature == 0 else uniform
    before = logits.clone()
    found = draw_allowed(logits, table, numbers, temperature=temperature, uniform=uniform)
    assert torch.equal(logits, before), "logits are not written unless asked"
    check(found, logits, table, numbers, temperature, uniform)


@pytest.mark.parametrize("temperature", [1.0, 0.5])
def test_law_over_a_grid_of_uniform_numbers(temperature):
    """4,000 equal steps through [0, 1): each token is drawn as often as its probability says, to two steps."""
    steps = 4_000
    generator = torch.Generator().manual_seed(5)
    row = torch.randn(1, 1500, generator=generator) * 4
    table = torch.randint(-(2**31), 2**31, (1, 47), generator=generator).int()
    uniform = (torch.arange(steps, dtype=torch.float64) + 0.5) / steps
    numbers = torch.zeros(500, dtype=torch.int64)
    tokens = [
        draw_allowed(row.expand(500, -1), table, numbers, temperature=temperature, uniform=part).tokens
        for part in uniform.split(500)
    ]
    counts = torch.cat(tokens).bincount(minlength=1500)
    masked = row.double().clone()
    apply_token_bitmask_(masked, table)
    expected = (masked / temperature).softmax(dim=-1)[0] * steps
    assert (counts - expected).abs().max() < 2
    assert (torch.cat(tokens).diff() >= 0).all(), "inversion: a larger number never gives a smaller token"


def test_float64_draws_as_the_ordinary_loop():
    logits, table, numbers, _ = sample(1, 64, 700, 22, torch.float64)
    numbers = numbers % 4
    masked = logits.clone()
    apply_mask_rows_(masked, table, numbers)
    uniform = torch.rand(64, dtype=torch.float64)
    found = draw_allowed(logits, table, numbers, temperature=0.8, uniform=uniform, mask_logits=True)
    assert torch.equal(found.tokens, draw(probabilities(masked, Sampling(0.8)), uniform))
    assert torch.equal(logits, masked)


def test_float32_draws_as_the_ordinary_loop():
    """Both invert the same law; only what falls within rounding of a border may differ, and nothing here does."""
    logits, table, numbers, _ = sample(2, 200, 700, 22, torch.float32)
    numbers = numbers % 4
    masked = logits.clone()
    apply_mask_rows_(masked, table, numbers)
    uniform = torch.rand(200, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    found = draw_allowed(logits, table, numbers, temperature=0.8, uniform=uniform)
    assert torch.equal(found.tokens, draw(probabilities(masked, Sampling(0.8)), uniform))


def test_the_ends_of_the_line():
    logits = torch.zeros(2, 3000)
    logits[:, 2990] = -torch.inf
    table = torch.zeros(1, 94, dtype=torch.int32)
    table[0, 40] = 1 << 7  # token 1287
    table[0, 93] = 0b11 << 13  # tokens 2989 and 2990, which the model gives no probability
    uniform = torch.tensor([0.0, 1 - 2**-53], dtype=torch.float64)
    found = draw_allowed(logits, table, torch.zeros(2, dtype=torch.int64), temperature=1.0, uniform=uniform)
    assert found.tokens.tolist() == [1287, 2989]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("temperature", [0, 1.0])
def test_rows_without_a_token(dtype, temperature):
    logits = torch.zeros(6, 40, dtype=dtype)
    logits[0, 3] = torch.nan  # not allowed, but no law is left either
    logits[1, 33] = torch.inf
    logits[2] = -torch.inf
    logits[4, 32:] = -torch.inf
    table = torch.tensor([[0, 0xFF], [0, 0]], dtype=torch.int32)
    numbers = torch.tensor([0, 0, 0, 1, 0, 0])
    uniform = None if temperature == 0 else torch.full((6,), 0.5, dtype=torch.float64)
    found = draw_allowed(logits, table, numbers, temperature=temperature, uniform=uniform)
    none = NOTHING_ALLOWED
    assert found.statuses.tolist() == [NOT_A_NUMBER, NOT_A_NUMBER, none, none, none, 0]
    assert found.tokens.tolist() == [-1] * 5 + [32 if temperature == 0 else 36]
    assert found.log_probability.isnan().tolist() == found.log_mass.isnan().tolist() == [True] * 5 + [False]
    assert found.log_mass[5].exp().item() == pytest.approx(0.2, rel=1e-3)


def test_small_masses_do_not_vanish():
    """All that is allowed is e^-300 times as likely as the best token, which is less than any float32."""
    logits = torch.tensor([[0.0, 0.0, -300.0, -301.0]])
    table = torch.tensor([[0b1100]], dtype=torch.int32)
    found = draw_allowed(logits, table, torch.tensor([0]))
    assert found.tokens.tolist() == [2]
    assert found.log_mass.item() == pytest.approx(-300 + math.log1p(math.exp(-1)) - math.log(2), abs=1e-4)


def test_weights_are_powers_of_two():
    distance = -torch.rand(100_000, generator=torch.Generator().manual_seed(0)) * 20
    exact = np.exp2(distance.double().numpy() * 1.25)
    error = np.abs(weight(distance, 1.25).double().numpy() * 2.0**-41 - exact)
    assert (error / exact)[distance.numpy() > -4].max() < 5e-7
    assert (error <= 2e-6 * exact + 2.0**-41).all()
    ends = weight(torch.tensor([0.0, -0.0, -1.0, -41.0, -42.0, -64.0, -1e30, -torch.inf, -1e-45]), 1.0)
    assert ends.tolist() == [2**41, 2**41, 2**40, 1, 0, 0, 0, 0, 2**41]


def test_any_strides():
    logits, table, numbers, uniform = sample(3, 4, 2100, 66, torch.float32)
    whole = torch.zeros(4, 3, 2100)
    whole[:, 1] = logits
    spread_out = table.repeat_interleave(2, dim=0)[::2]
    expected = draw_allowed(logits, table, numbers, temperature=1.0, uniform=uniform)
    for view in (whole[:, 1], logits.t().contiguous().t()):
        found = draw_allowed(view, spread_out, numbers, temperature=1.0, uniform=uniform, mask_logits=True)
        assert torch.equal(found.tokens, expected.tokens)
    assert not whole[:, [0, 2]].any()


def test_what_it_refuses():
    logits, table, numbers, uniform = sample(4, 2, 64, 2, torch.float32)
    for wrong, message in (
        ({"numbers": numbers.int()}, r"torch.int64\[2\] expected, not torch.int32"),
        ({"numbers": numbers[:1]}, r"expected, not torch.int64\[1\]"),
        ({"numbers": [0, 0]}, "not list"),
        ({"table": table.long()}, "int32"),
        ({"logits": logits.long()}, "floating dtype"),
        ({"uniform": uniform.float(), "temperature": 1.0}, r"float64\[2\] expected, not torch.float32"),
        ({"uniform": uniform[:1], "temperature": 1.0}, r"expected, not torch.float64\[1\]"),
        ({"uniform": uniform.to("meta"), "temperature": 1.0}, "uniform is on meta"),
        ({"numbers": numbers.to("meta")}, "row numbers are on meta"),
    ):
        with pytest.raises(TypeError, match=message):
            draw_allowed(**({"logits": logits, "table": table, "numbers": numbers} | wrong))
    for options, message in (
        ({"temperature": 1.0}, "one a row"),
        ({"uniform": uniform}, "no uniform numbers"),
        ({"temperature": -1.0, "uniform": uniform}, "temperature=-1.0"),
    ):
        with pytest.raises(ValueError, match=message):
            draw_allowed(logits, table, numbers, **options)
    with pytest.raises(ValueError, match="at most 1048576"):
        draw_allowed(torch.zeros(1, 2**20 + 1), table, numbers[:1])


KERNELS_AGREE = """
import sys, torch
from latticework.decoding.bitmask import _forbid_
from latticework.decoding.fused_sampling import draw_allowed
from latticework.decoding.kernels import forbid_

device, scale = sys.argv[1], int(sys.argv[2])
torch.manual_seed(0)
shapes = ((3, 70, 3), (2, 2048 * scale, 64 * scale), (1, 1, 1), (3, 1500 * scale, 40 * scale), (2, 33, 2))
for dtype in (torch.float32, torch.bfloat16, torch.float16):
    for rows, width, words in shapes:
        table = torch.randint(-(2**31), 2**31, (5, words)).int().to(device)
        table[3] = 0
        table[4, 1:] = 0
        logits = (torch.randn(rows, 2, width) * 4).to(device, dtype)[:, 1]
        numbers = torch.randint(0, 5, (rows,)).to(device)
        if rows == 3:
            logits[0, -1], logits[1, 0] = torch.nan, torch.inf
        masked, expected = logits.clone(), logits.clone()
        forbid_(masked, table, numbers, gather=True)
        _forbid_(expected, table[numbers])
        assert torch.equal(masked.nan_to_num(), expected.nan_to_num())
        for temperature in (0, 1.0, 0.3):
            uniform = torch.rand(rows, dtype=torch.float64).to(device) if temperature else None
            one, other = logits.clone(), logits.clone()
            options = {"temperature": temperature, "uniform": uniform, "mask_logits": True}
            found = draw_allowed(one, table, numbers, kernels=True, **options)
            right = draw_allowed(other, table, numbers, kernels=False, **options)
            assert torch.equal(found.tokens, right.tokens), (dtype, width, temperature, found, right)
            assert torch.equal(found.statuses, right.statuses), (found, right)
            assert torch.equal(one.nan_to_num(), other.nan_to_num())
            for name in ("log_probability", "log_mass"):
                near = {"atol": 2e-5, "rtol": 1e-6, "equal_nan": True}
                torch.testing.assert_close(getattr(found, name), getattr(right, name), **near)
"""


@needs_triton
def test_kernels_agree_in_tritons_interpreter():
    environment = os.environ | {"TRITON_INTERPRET": "1", "OMP_NUM_THREADS": "1"}
    subprocess.run([sys.executable, "-c", KERNELS_AGREE, "cpu", "1"], env=environment, check=True, cwd="/")


@pytest.mark.gpu
def test_kernels_agree_on_a_gpu():
    subprocess.run([sys.executable, "-c", KERNELS_AGREE, "cuda", "60"], check=True, cwd="/")


@pytest.mark.gpu
@pytest.mark.parametrize("temperature", [0, 1.0, 0.6])
def test_gpu_draws_what_a_cpu_draws(temperature):
    """At the width of Llama 3, from a flat law, where the sum of a softmax in float32 would decide otherwise."""
    logits, table, numbers, uniform = sample(6, 64, 128_256, 4008, torch.bfloat16, 1.0)
    uniform = uniform if temperature else None
    right = draw_allowed(logits, table, numbers, temperature=temperature, uniform=uniform)
    on_device = None if uniform is None else uniform.cuda()
    found = draw_allowed(logits.cuda(), table.cuda(), numbers.cuda(), temperature=temperature, uniform=on_device)
    assert torch.equal(found.tokens.cpu(), right.tokens)
    assert torch.equal(found.statuses.cpu(), right.statuses)


COMPILES = """
from triton import compile as build
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from latticework.decoding import kernels

types = dict.fromkeys(("bitmask", "statuses"), "*i32") | dict.fromkeys(("numbers", "masses", "tokens"), "*i64")
types |= dict.fromkeys(("figures", "results"), "*fp32") | {"uniform": "*fp64", "scale": "fp32", "logits": "*bf16"}
for kernel, greedy in ((kernels._summary_kernel, False), (kernels._choice_kernel, False), (kernels._choice_kernel, True)):
    constants = {"GREEDY": greedy, "WRITES": True, "BLOCK_SIZE": 1024, "BLOCKS": 128}
    signature = {name: "constexpr" if name in constants else types.get(name, "i32") for name in kernel.arg_names}
    places = {(kernel.arg_names.index(name),): value for name, value in constants.items() if name in signature}
    source = ASTSource(fn=kernel, signature=signature, constexprs=places)
    built = build(source, target=GPUTarget("cuda", 90, 32), options={"enable_fp_fusion": False}).asm
    assert built["cubin"]
    assert "fma.rn.f32" not in built["ptx"], "the weights need each operation rounded by itself"
"""


@needs_triton
def test_kernels_compile_for_a_gpu_that_is_not_here(tmp_path):
    environment = os.environ | {"TRITON_CACHE_DIR": str(tmp_path)}
    subprocess.run([sys.executable, "-c", COMPILES], env=environment, check=True, cwd="/")
