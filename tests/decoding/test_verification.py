"""The output does not depend on the drafts: token by token with given random numbers, and in law for drafts that were drawn."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
from draft_rows import laws_of
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_models import TableModel, bpe_tokenizer, gpt2, llama, same

import latticework as lw
from latticework.decoding import Sampling, compiler_for
from latticework.decoding.draft_tree import DraftTree
from latticework.decoding.loop import Loop
from latticework.decoding.node_laws import NodeLaws
from latticework.decoding.options import Request
from latticework.decoding.running import RunningSequence
from latticework.decoding.sampling import RowRandom
from latticework.decoding.tree_model import TreeModel
from latticework.decoding.verification import verify

LETTERS = lw.Vocabulary([b"a", b"b", b"c", None], [3])
ANY = lw.Compiler(LETTERS).compile(lw.regex("[abc]*"))


class Numbers(RowRandom):
    """Random numbers that are given: those of the tokens by depth, and the fresh ones in turn."""

    def __init__(self, tokens, fresh=()) -> None:
        self.tokens, self.fresh_ones = tokens, iter(fresh)

    def ahead(self, depth: int) -> float:
        return self.tokens[depth]

    def fresh(self) -> float:
        return next(self.fresh_ones)


def random_tree(rng: random.Random, nodes: int) -> DraftTree:
    tree = DraftTree(lw.Matcher(ANY))
    for _ in range(nodes):
        tree.add(rng.randrange(-1, len(tree)), rng.randrange(3), rng.random())
    return tree


def plain(laws: dict[tuple[int, ...], torch.Tensor], numbers: list[float], length: int) -> list[int]:
    """What decoding without drafts gives."""
    text: tuple[int, ...] = ()
    for uniform in numbers[:length]:
        law = laws[text]
        cut = law.cumsum(-1).double()
        text += (int((cut > uniform * cut[-1]).nonzero()[0]),)
    return list(text)


@given(st.integers(0, 10**9), st.integers(0, 6))
@settings(deadline=None, max_examples=200)
def test_given_the_numbers_the_tokens_are_those_of_plain_decoding(seed, nodes):
    rng = random.Random(seed)
    generator = torch.Generator().manual_seed(seed)
    tree, numbers = random_tree(rng, nodes), [rng.random() for _ in range(nodes + 1)]
    texts = {(): -1}
    for node, (parent, token_id) in enumerate(zip(tree.parents, tree.token_ids, strict=True)):
        above = next(text for text, place in texts.items() if place == parent)
        texts[(*above, token_id)] = node
    logits = torch.randn((len(tree) + 1, 4), generator=generator, dtype=torch.float64)
    logits[:, 3] = -torch.inf
    (verdict,) = verify(laws_of(logits, Sampling(1.0)), [tree], [Numbers(numbers)])
    laws = {text: logits[node + 1].softmax(-1) for text, node in texts.items()}
    assert verdict.token_ids == plain(laws, numbers, len(verdict.token_ids))
    assert [texts[tuple(verdict.token_ids[: end + 1])] for end in range(len(verdict.path))] == verdict.path
    assert tuple(verdict.token_ids) not in texts  # as much stands as can


def expected_law(tree: DraftTree, p: torch.Tensor) -> torch.Tensor:
    """Of the first token, over evenly spread random numbers: acceptances of each child, then the last draw."""
    law = torch.zeros(4, dtype=torch.float64)
    for numbers in torch.quasirandom.SobolEngine(len(tree) + 1).draw(512).tolist():
        (verdict,) = verify(laws_of(p.log(), Sampling(1.0)), [tree], [Numbers([0.5] * 2, [*numbers, 0.5, 0.5])])
        law[verdict.token_ids[0]] += 1 / 512
    return law


def test_drawn_drafts_are_accepted_by_their_law():
    """Averaged over what the draft may be, the law of the first token is the model's."""
    p = torch.tensor([[0.5, 0.3, 0.2, 0.0]] * 2, dtype=torch.float64)
    q = torch.tensor([0.2, 0.7, 0.1, 0.0], dtype=torch.float64)
    law = torch.zeros(4, dtype=torch.float64)
    for token_id in range(3):
        tree = DraftTree(lw.Matcher(ANY))
        tree.add(-1, token_id, 0.5, law=q)
        law += q[token_id] * expected_law(tree, p)
    assert torch.allclose(law, p[0], atol=0.01)


def test_point_drafts_beside_a_drawn_one():
    p = torch.tensor([[0.5, 0.3, 0.2, 0.0]] * 3, dtype=torch.float64)
    q = torch.tensor([0.4, 0.0, 0.6, 0.0], dtype=torch.float64)
    law = torch.zeros(4, dtype=torch.float64)
    for token_id in (0, 2):
        tree = DraftTree(lw.Matcher(ANY))
        tree.add(-1, 1, 0.5)
        tree.add(-1, token_id, 0.5, law=q)
        law += q[token_id] * expected_law(tree, p)
    assert torch.allclose(law, p[0], atol=0.01)


@pytest.mark.parametrize("fused", [False, True])
def test_sure_drafts_are_not_asked_about(fused):
    tree = DraftTree(lw.Matcher(ANY))
    tree.add(tree.add(-1, 1, 1.0, sure=True), 2, 0.5)
    logits = torch.tensor([[5.0, 0, 0, 0], [0, 0, 5, 0], [9, 0, 0, 0]])
    (verdict,) = verify(laws_of(logits, Sampling(), fused), [tree], [Numbers([])])
    assert verdict.token_ids == [1, 2, 0]
    assert verdict.log_probabilities == pytest.approx(logits.log_softmax(-1)[[0, 1, 2], [1, 2, 0]].tolist(), abs=1e-6)


# ---------------------------------------------------------------------------------------------------------- whole texts


class RandomDrafts:
    """Drafts what comes to mind; sometimes what a run without drafts has written, so that much of it stands."""

    def __init__(self, seed: int, answers: list[list[int]]) -> None:
        self.rng, self.answers, self.candidates = random.Random(seed), answers, 1

    def propose(self, rows, trees) -> None:
        for row, tree in zip(rows, trees, strict=True):
            written = row.token_ids[row.prompt_length :]
            answer = next((text for text in self.answers if text[: len(written)] == written), [])
            tree.add_chain(-1, answer[len(written) :][: self.rng.randrange(6)], 0.9)
            for _ in range(self.rng.randrange(8)):
                parent = self.rng.randrange(-1, len(tree))
                allowed = tree.grammar.allowed_tokens(tree.state(parent))
                tree.add(parent, self.rng.choice(allowed), self.rng.random())

    def begin(self, rows) -> None:
        pass

    def observe(self, row, seen) -> None:
        """Every position that was judged is told, with a token that was allowed there, and the path in order."""
        assert all(one.candidates for one in seen if one.token_id is not None)
        path = [one.token_id for one in seen if one.token_id is not None]
        assert row.token_ids[-len(path) :] == path


SCHEMA = lw.json_schema(
    {
        "type": "object",
        "properties": {"name": {"type": "string", "maxLength": 6}, "kind": {"enum": ["cat", "dog", "cow"]}},
        "required": ["name", "kind"],
        "additionalProperties": False,
    },
    whitespace="compact",
)
PROMPTS = ["A", "Bb xyz person", "{{", "the rain in spain the rain"]


def run(model, request: Request, drafting=None, prompts=PROMPTS, *, rows=None, finish=False, **options):
    """`rows`: only these of the prompts, with the random numbers that they have among all."""
    tokenizer = bpe_tokenizer()
    grammar = compiler_for(tokenizer).compile(request.constraint)
    chosen = range(len(prompts)) if rows is None else rows
    ids = [tokenizer(prompts[row])["input_ids"] for row in chosen]
    generators = request.generators(len(prompts))
    random = [RowRandom(generators[row]) for row in chosen]
    rows = [
        RunningSequence(text, request.constraint, grammar, request.max_new_tokens, number, finish=finish)
        for text, number in zip(ids, random, strict=True)
    ]
    for _ in Loop(TreeModel(model, ids), rows, request.sampling, drafting, **options).run():
        pass
    return [row.generation() for row in rows]


@pytest.mark.parametrize("make", [llama, gpt2])
@pytest.mark.parametrize(
    "options", [{}, {"temperature": 1.0, "seed": 5}, {"temperature": 2.0, "top_p": 0.9, "seed": 1}]
)
@pytest.mark.parametrize("penalty", [1.0, 1.3])
def test_drafts_change_nothing_but_the_number_of_passes(make, options, penalty):
    request = Request(constraint=SCHEMA, max_new_tokens=40, repetition_penalty=penalty, **options)
    without = run(make(), request)
    answers = [list(generation.token_ids) for generation in without]
    for seed in range(3):
        drafted = run(make(), request, RandomDrafts(seed, answers), fused=seed == 2)
        same(drafted, without)
        passes = [generation.report.forward_passes for generation in drafted]
        assert sum(passes) < sum(len(answer) for answer in answers)
        assert all(generation.report.accepted <= generation.report.drafted for generation in drafted)


@pytest.mark.parametrize("seed", range(4))
def test_batches_of_drafted_rows_equal_rows_alone(seed):
    request = Request(constraint=SCHEMA, max_new_tokens=30)
    together = run(llama(seed), request, RandomDrafts(seed, []))
    for prompt, generation in zip(PROMPTS, together, strict=True):
        same(run(llama(seed), request, prompts=[prompt]), [generation])


class Placed(TableModel):
    """A table in float32 that is told positions: its logits do not depend on how many tokens a pass has."""

    def __init__(self, seed: int) -> None:
        width = len(bpe_tokenizer()) + 5
        super().__init__(torch.randn(width, width, generator=torch.Generator().manual_seed(seed)) * 3)
        self.dtype = torch.float32

    def __call__(self, *, position_ids, **inputs):
        assert position_ids.shape == inputs["input_ids"].shape
        return super().__call__(**inputs)


@pytest.mark.parametrize("options", [{}, {"temperature": 1.0, "seed": 3}, {"temperature": 0.7, "seed": 4}])
@pytest.mark.parametrize("spare", [0, 2, 20])
def test_fused_draws_know_neither_drafts_nor_batches(options, spare):
    """Tokens and figures are the same to the last bit, far from the limit and near it; laws give the same tokens."""
    grammar = compiler_for(bpe_tokenizer()).compile(SCHEMA)
    least = grammar.distance(grammar.start) - 1
    request = Request(constraint=SCHEMA, max_new_tokens=least + spare, **options)
    for seed in range(3):
        plainly = run(Placed(seed), request, fused=True, finish=True)
        assert all(one.finished for one in plainly)
        separate = run(Placed(seed), request, fused=False, finish=True)
        assert [one.token_ids for one in separate] == [one.token_ids for one in plainly]
        for one, other in zip(separate, plainly, strict=True):
            assert one.log_probabilities == pytest.approx(other.log_probabilities, abs=1e-5)
            assert one.log_masses == pytest.approx(other.log_masses, abs=1e-5)
        answers = [list(generation.token_ids) for generation in plainly]
        drafted = run(Placed(seed), request, RandomDrafts(seed, answers), fused=True, finish=True)
        alone = [run(Placed(seed), request, rows=[row], fused=True, finish=True)[0] for row in range(len(PROMPTS))]
        for found in (drafted, alone):
            assert [one.token_ids for one in found] == [one.token_ids for one in plainly]
            assert [one.log_probabilities for one in found] == [one.log_probabilities for one in plainly]
            assert [one.log_masses for one in found] == [one.log_masses for one in plainly]


BY_KERNELS = """
import functools, sys
sys.path[:0] = sys.argv[1:]
from test_verification import SCHEMA, Placed, RandomDrafts, Request, pytest, run
from latticework.decoding import node_laws
in_torch = node_laws.draw_allowed
for options in ({}, {"temperature": 0.8, "seed": 3}):
    request = Request(constraint=SCHEMA, max_new_tokens=20, **options)
    right = run(Placed(1), request, fused=True, finish=True)
    node_laws.draw_allowed = functools.partial(in_torch, kernels=True)
    found = run(Placed(1), request, RandomDrafts(1, [list(one.token_ids) for one in right]), fused=True, finish=True)
    node_laws.draw_allowed = in_torch
    assert sum(one.report.accepted for one in found) > 5
    for one, other in zip(found, right, strict=True):
        assert one.token_ids == other.token_ids
        assert one.log_probabilities == pytest.approx(other.log_probabilities, abs=1e-4)
        assert one.log_masses == pytest.approx(other.log_masses, abs=1e-4)
"""


@pytest.mark.skipif(find_spec("triton") is None, reason="needs the package triton")
def test_the_loop_draws_the_same_tokens_with_kernels_in_tritons_interpreter():
    here = Path(__file__).parent
    environment = os.environ | {"TRITON_INTERPRET": "1", "OMP_NUM_THREADS": "1"}
    subprocess.run(
        [sys.executable, "-c", BY_KERNELS, str(here), str(here.parent)], env=environment, check=True, cwd="/"
    )


@pytest.mark.parametrize("fused", [False, True])
@pytest.mark.parametrize("finish", [False, True])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_logits_that_are_no_numbers(fused, finish, value):
    model = Placed(0)
    model.table[5:] = value
    with pytest.raises(ValueError, match="no finite logit"):
        run(model, Request(constraint=SCHEMA, max_new_tokens=30), fused=fused, finish=finish)


def test_what_can_be_fused():
    assert all(NodeLaws.can_fuse(Sampling(temperature)) for temperature in (0, 0.5, 1))
    for options in ({"top_k": 9}, {"top_p": 0.5}, {"min_p": 0.1}, {"repetition_penalty": 1.1}):
        assert not NodeLaws.can_fuse(Sampling(0.5, **options))


def test_masks_that_are_kept_on_the_device_are_the_same():
    request = Request(constraint=SCHEMA, max_new_tokens=30, temperature=1.0, seed=3)
    same(run(llama(), request, fused=True), run(llama(), request))
    same(run(llama(), request, RandomDrafts(1, []), fused=True), run(llama(), request))
