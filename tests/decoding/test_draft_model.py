"""Drafts of a small model: its masked law goes with every drawn token, and nothing depends on what is drawn."""

from __future__ import annotations

import random

import pytest
import torch
from draft_rows import paths, proposed, row_of, walk
from tiny_models import LETTERS, TableModel, llama, toy

import latticework as lw
from latticework.decoding.draft_model import ModelDrafts
from latticework.decoding.draft_tree import DraftTree
from latticework.decoding.sampling import Sampling

ENDS = 6


def greedy(model: TableModel, grammar: lw.CompiledGrammar, previous: int, count: int) -> list[int]:
    """What the model would write, end tokens left out."""
    state, tokens = grammar.start, []
    for _ in range(count):
        allowed = [token_id for token_id in grammar.allowed_tokens(state) if token_id != ENDS]
        if not allowed:
            break
        previous = max(allowed, key=lambda token_id: float(model.table[previous, token_id]))
        state = grammar.step(state, previous)
        tokens.append(previous)
    return tokens


@pytest.mark.parametrize("count", [1, 3, 6])
def test_the_greedy_chain_is_what_the_model_would_write(count):
    model, _, compiler = toy()
    grammar = compiler.compile(lw.regex("(a|ab|ba){1,9}"))
    for previous in range(6):
        row = row_of(grammar, [3, previous])
        drafter = ModelDrafts(model, tokens=count, least=0.0)
        drafter.begin([row])
        tree = proposed(drafter, row)
        assert tree.token_ids == greedy(model, grammar, previous, count)
        assert tree.is_chain and set(tree.laws) == {None}


def test_a_chain_ends_where_it_is_unlikely_and_before_it_is_drawn():
    model, _, compiler = toy()
    grammar = compiler.compile(lw.regex("[ab]*"))
    row = row_of(grammar)
    drafter = ModelDrafts(model, tokens=8, least=0.2)
    drafter.begin([row])
    tree = proposed(drafter, row)
    assert len(tree) < 8 and tree.reach(len(tree) - 1) >= 0.2
    model.calls = 0
    drafter = ModelDrafts(model, Sampling(1.0), tokens=8, least=1.0)
    drafter.begin([row])
    assert not len(proposed(drafter, row)) and model.calls == 1


def test_drawn_tokens_follow_the_law_that_goes_with_them():
    model, _, compiler = toy()
    grammar = compiler.compile(lw.regex("[ab]{1,4}"))
    row, drawn = row_of(grammar, [2]), torch.zeros(7, dtype=torch.float64)
    drafter = ModelDrafts(model, Sampling(0.7), tokens=1, least=0.0)
    drafter.begin([row])
    for _ in range(400):
        tree = proposed(drafter, row)
        drawn[tree.token_ids[0]] += 1 / 400
    allowed = [token_id for token_id in grammar.allowed_tokens(grammar.start) if token_id != ENDS]
    logits = torch.full((7,), -torch.inf, dtype=torch.float64)
    logits[allowed] = model.table[2, allowed]
    law = (logits / 0.7).softmax(-1)
    assert torch.allclose(tree.laws[0], law)
    assert tree.chances[0] == pytest.approx(float(law.max()))
    assert torch.allclose(drawn, law, atol=0.06)


def test_the_end_is_never_drawn():
    """Even where it is what the model wants, and nothing is drafted where only the end is left."""
    _, _, compiler = toy()
    table = torch.zeros(9, 9, dtype=torch.float64)
    table[:, ENDS] = 50
    grammar = compiler.compile(lw.regex("ab?"))
    for sampling in (Sampling(), Sampling(1.0)):
        row = row_of(grammar, [2])
        drafter = ModelDrafts(TableModel(table), sampling, tokens=4, least=0.0)
        drafter.begin([row])
        assert set(paths(proposed(drafter, row))) <= {(0,), (0, 1), (0, 5), (2,)}
        walk(row, [2])
        assert not len(proposed(drafter, row))


@pytest.mark.parametrize("width", [5, 7, 12])
def test_the_small_model_may_know_fewer_or_more_tokens(width):
    _, _, compiler = toy()
    torch.manual_seed(1)
    grammar = compiler.compile(lw.regex("[ab]*"))
    row = row_of(grammar, [2])
    drafter = ModelDrafts(TableModel(torch.randn(9, width)), Sampling(1.0), tokens=2, least=0.0)
    drafter.begin([row])
    tree = proposed(drafter, row)
    assert all(law.shape == (len(LETTERS),) for law in tree.laws)
    assert all(float(law[width:].sum()) == 0 for law in tree.laws)


def test_a_chain_starts_below_what_is_certain():
    model, _, compiler = toy()
    grammar = compiler.compile(lw.regex("a[ab]*"))
    row = row_of(grammar, [2])
    tree = DraftTree(row.matcher)
    certain = tree.add(DraftTree.ROOT, 0, 0.97)
    tree.add(DraftTree.ROOT, 2, 0.3)
    drafter = ModelDrafts(model, tokens=2, least=0.0)
    drafter.begin([row])
    drafter.propose([row], [tree])
    (child,) = tree.children(certain).values()
    allowed = [token_id for token_id in grammar.allowed_tokens(tree.state(certain)) if token_id != ENDS]
    assert tree.token_ids[child] == max(allowed, key=lambda token_id: float(model.table[0, token_id]))


def test_rows_of_a_batch_draft_what_they_draft_alone():
    model, compiler = llama(), lw.Compiler(lw.Vocabulary([bytes([40 + token]) for token in range(80)] + [None], [80]))
    grammar = compiler.compile(lw.regex("[0-9A-Z]*"))
    prompts = [[3], [5, 6, 7, 8], [9, 1]]
    drafter = ModelDrafts(model, tokens=4, least=0.0)
    rows = [row_of(grammar, prompt) for prompt in prompts]
    drafter.begin(rows)
    trees = [DraftTree(row.matcher) for row in rows]
    drafter.propose(rows, trees)
    for prompt, together in zip(prompts, trees, strict=True):
        row = row_of(grammar, prompt)
        drafter.begin([row])
        assert proposed(drafter, row).token_ids == together.token_ids and len(together) == 4
    assert [len(tree) for tree in trees] == [4, 4, 4]


class Counting(torch.nn.Module):
    """Counts the tokens that it is fed in each row."""

    def __init__(self, model) -> None:
        super().__init__()
        self.model, self.config, self.fed = model, model.config, 0

    def forward(self, *, input_ids, position_ids, logits_to_keep, **inputs):
        self.fed += input_ids.shape[1]
        return self.model(input_ids=input_ids, position_ids=position_ids, logits_to_keep=logits_to_keep, **inputs)


@pytest.mark.parametrize("seed", range(4))
def test_what_was_read_is_not_read_again(seed):
    """Whatever came of the drafts, and though rows end and pause, the chains are those of a model that reads all."""
    rng = random.Random(seed)
    compiler = lw.Compiler(lw.Vocabulary([bytes([40 + token]) for token in range(80)] + [None], [80]))
    grammar = compiler.compile(lw.regex("[0-9A-Z]*"))
    model = Counting(llama())
    drafter, rows = (
        ModelDrafts(model, tokens=3, least=0.02),
        [row_of(grammar, rng.choices(range(80), k=rng.randrange(30, 60))) for _ in range(4)],
    )
    drafter.begin(rows)
    longest, written = max(len(row.token_ids) for row in rows), 0
    for step in range(16):
        live = [row for place, row in enumerate(rows) if step < 4 * (place + 1)]  # rows end one by one
        trees = [DraftTree(row.matcher) for row in live]
        for tree in trees:
            if rng.random() < 0.3:  # a certain beginning, of any length
                tree.add_chain(-1, rng.choices(range(10, 18), k=rng.randrange(1, 4)), 1.0)
        fresh = ModelDrafts(llama(), tokens=3, least=0.02)
        for row, tree in zip(live, trees, strict=True):
            alone = DraftTree(row.matcher)
            alone.add_chain(-1, tree.token_ids, 1.0)
            fresh.begin([row])
            fresh.propose([row], [alone])
            row.alone = alone.token_ids
        drafter.propose(live, trees)
        for row, tree in zip(live, trees, strict=True):
            assert tree.token_ids == row.alone
            taken = rng.randrange(len(tree) + 1)
            walk(row, [*tree.token_ids[:taken], rng.choice(range(8, 18))])
            written += taken + 1
    assert model.fed < longest + 2 * written + 16 * 6


def test_generations_that_take_turns_do_not_disturb_each_other():
    compiler = lw.Compiler(lw.Vocabulary([bytes([40 + token]) for token in range(80)] + [None], [80]))
    grammar, drafter = compiler.compile(lw.regex("[0-9A-Z]*")), ModelDrafts(llama(), tokens=3, least=0.0)
    alone = {}
    for prompt in (3, 5):
        row = row_of(grammar, [prompt])
        drafter.begin([row])
        alone[prompt] = [proposed(drafter, row).token_ids, walk(row, [9]), proposed(drafter, row).token_ids]
    rows = {prompt: row_of(grammar, [prompt]) for prompt in (3, 5)}
    for row in rows.values():
        drafter.begin([row])
    for turn in (0, 2):
        for prompt, row in rows.items():
            assert proposed(drafter, row).token_ids == alone[prompt][turn]
            walk(row, [9] if turn == 0 else [])
    with pytest.raises(KeyError):
        proposed(drafter, row_of(grammar, [3]))


def test_a_full_model_drafts_nothing():
    model = llama()
    grammar = lw.Compiler(lw.Vocabulary([b"a", b"b", None], [2])).compile(lw.regex("[ab]*"))
    row = row_of(grammar, [0] * 512)
    drafter = ModelDrafts(model, least=0.0)
    drafter.begin([row])
    assert not len(proposed(drafter, row))


@pytest.mark.parametrize("options", [{"tokens": 0}, {"least": -0.1}, {"least": 1.1}])
def test_wrong_arguments(options):
    with pytest.raises(ValueError, match="tokens >= 1"):
        ModelDrafts(None, **options)
