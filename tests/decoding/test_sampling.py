"""The law of sampling against the textbook in plain Python, and drawing from it against its intervals."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from latticework.decoding import Sampling, draw, greedy, probabilities
from latticework.decoding.sampling import row_generator

# logits far apart from each other, so that the order of the likely ones is beyond doubt
LOGITS = st.lists(st.integers(-12, 12).map(float), min_size=1, max_size=9, unique=True)


def textbook(logits: list[float], sampling: Sampling) -> list[float]:
    """Dictionary in, dictionary out: temperature, top-k, top-p, min-p, renormalising in between."""
    peak = max(logits)
    law = {
        token: math.exp((logit - peak) / sampling.temperature)
        for token, logit in enumerate(logits)
        if logit > -math.inf
    }
    law = renormalised(law)
    falling = sorted(law, key=lambda token: -law[token])
    if sampling.top_k is not None:
        law = renormalised({token: law[token] for token in falling[: sampling.top_k]})
    if sampling.top_p is not None and sampling.top_p < 1:
        kept, total = {}, 0.0
        for token in falling:
            if token in law and total < sampling.top_p:
                kept[token] = law[token]
                total += law[token]
        law = renormalised(kept)
    if sampling.min_p is not None:
        edge = max(law.values()) * sampling.min_p
        law = renormalised({token: p for token, p in law.items() if p >= edge})
    return [law.get(token, 0.0) for token in range(len(logits))]


def renormalised(law: dict[int, float]) -> dict[int, float]:
    total = sum(law.values())
    return {token: p / total for token, p in law.items()}


@given(
    logits=LOGITS,
    forbidden=st.sets(st.integers(0, 8)),
    temperature=st.sampled_from([0.25, 0.7, 1.0, 3.0]),
    top_k=st.none() | st.integers(1, 12),
    top_p=st.none() | st.sampled_from([0.1, 0.5, 0.9, 0.995, 1.0]),
    min_p=st.none() | st.sampled_from([0.0, 0.05, 0.5, 1.0]),
)
def test_law_is_the_textbooks(logits, forbidden, temperature, top_k, top_p, min_p):
    masked = [-math.inf if token in forbidden else logit for token, logit in enumerate(logits)]
    if max(masked) == -math.inf:
        masked[0] = 0.0
    sampling = Sampling(temperature, top_k, top_p, min_p)
    law = probabilities(torch.tensor([masked], dtype=torch.float64), sampling)[0]
    expected = torch.tensor(textbook(masked, sampling), dtype=torch.float64)
    assert torch.allclose(law, expected, atol=1e-12)
    assert [p == 0 for p in law.tolist()] == [p == 0 for p in expected.tolist()]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_half_precision_is_computed_in_float32(dtype):
    logits = torch.randn(3, 50).to(dtype)
    law = probabilities(logits, Sampling(0.7))
    assert law.dtype == torch.float32
    assert torch.equal(law, probabilities(logits.float(), Sampling(0.7)))


def test_ties_are_kept_together():
    logits = torch.tensor([[1.0, 2.0, 1.0, 1.0, -torch.inf]])
    for sampling in (Sampling(1.0, top_k=2), Sampling(1.0, top_p=0.6)):
        assert (probabilities(logits, sampling) > 0).tolist() == [[True, True, True, True, False]]


@pytest.mark.parametrize("temperature", [1e-6, 1.0, 1e6])
def test_extreme_logits_stay_numbers(temperature):
    logits = torch.tensor([[3e38, -3e38, 0.0, -torch.inf]])
    law = probabilities(logits, Sampling(temperature))
    assert law.isfinite().all()
    assert law[0, 3] == 0


def test_draw_cuts_the_unit_interval():
    """Each token owns an interval as long as its probability, in the order of the ids."""
    law = torch.tensor([[0.25, 0.0, 0.5, 0.125, 0.125, 0.0]], dtype=torch.float64)
    grid = 1024
    uniform = torch.arange(grid, dtype=torch.float64) / grid
    drawn = draw(law.expand(grid, -1), uniform)
    assert torch.bincount(drawn, minlength=6).tolist() == (law[0] * grid).long().tolist()
    assert drawn.tolist() == sorted(drawn.tolist())


@pytest.mark.parametrize("width", [511, 512, 513, 3000])
def test_draw_from_wide_laws(width):
    """The search by blocks finds the same intervals as one cumulative sum over everything."""
    generator = torch.Generator().manual_seed(width)
    law = torch.rand(width, generator=generator, dtype=torch.float64) + 0.01
    law[torch.rand(width, generator=generator) < 0.7] = 0
    law[:600:2] = 0
    law /= law.sum()
    ends = law.cumsum(0)
    possible = torch.nonzero(law)[:, 0]
    for fraction in (1e-6, 0.5, 1 - 1e-6):
        uniform = (ends - law * (1 - fraction))[possible]
        assert draw(law.expand(len(possible), -1), uniform).tolist() == possible.tolist()


def test_nucleus_of_a_flat_law():
    """Wider than the part that is looked at first."""
    law = probabilities(torch.linspace(0, 1, 5000, dtype=torch.float64)[None], Sampling(1.0, top_p=0.9))
    expected = textbook(torch.linspace(0, 1, 5000, dtype=torch.float64).tolist(), Sampling(1.0, top_p=0.9))
    assert (law > 0).sum() == sum(p > 0 for p in expected) > 4000
    assert torch.allclose(law[0], torch.tensor(expected, dtype=torch.float64), atol=1e-12)


@given(logits=LOGITS, u=st.floats(0, 1, exclude_max=True))
def test_never_draws_what_is_impossible(logits, u):
    masked = torch.tensor([[*logits, *[-torch.inf] * 3]])
    (token,) = draw(probabilities(masked, Sampling(1.0)), torch.tensor([u], dtype=torch.float64)).tolist()
    assert token < len(logits)


def test_upper_end_is_possible():
    law = torch.tensor([[0.1] * 10 + [0.0]])
    assert draw(law, torch.tensor([1 - 2**-53], dtype=torch.float64)).item() == 9


def test_greedy_takes_the_lowest_of_equals():
    assert greedy(torch.tensor([[0.0, 3.0, 3.0], [-torch.inf, -torch.inf, -5.0]])).tolist() == [1, 2]
    assert Sampling()(torch.tensor([[0.0, 3.0, 3.0]]), []).tolist() == [1]


def test_rows_draw_from_their_own_generators():
    logits = torch.zeros(3, 1000)
    whole = Sampling(1.0)(logits, [row_generator(7, row) for row in range(3)])
    alone = [Sampling(1.0)(logits[:1], [row_generator(7, row)]).item() for row in range(3)]
    assert whole.tolist() == alone
    assert len(set(alone)) == 3


def test_generators_differ_between_neighbouring_seeds_and_rows():
    def first(seed: int, row: int) -> float:
        return torch.rand((), generator=row_generator(seed, row), dtype=torch.float64).item()

    assert first(3, 4) == first(3, 4)
    assert len({first(seed, row) for seed in (-1, 0, 1, 2**64) for row in range(8)}) == 24  # 2**64 counts as 0


@pytest.mark.parametrize(
    "options",
    [
        {"temperature": -1.0},
        {"temperature": math.inf},
        {"temperature": math.nan},
        {"temperature": 1e-9},
        {"temperature": 1.0, "top_k": 0},
        {"temperature": 1.0, "top_k": 1.5},
        {"temperature": 1.0, "top_p": 0.0},
        {"temperature": 1.0, "top_p": 1.1},
        {"temperature": 1.0, "top_p": math.nan},
        {"temperature": 1.0, "min_p": -0.1},
        {"temperature": 1.0, "min_p": 2.0},
        {"top_k": 5},
        {"top_p": 0.9},
        {"min_p": 0.1},
    ],
)
def test_wrong_options(options):
    with pytest.raises(ValueError, match=r"expected|no effect"):
        Sampling(**options)
