"""Outputs are finished within their budget: distances bound what a completion takes, and the law is that of what fits."""

from __future__ import annotations

import json
import math
import os
import pickle
import random
from collections import Counter

import jsonschema
import pytest
import torch
from small_schemas import random_constraints
from tiny_models import TableModel, bpe_tokenizer, llama, same, toy

import latticework as lw
from latticework.decoding import GenerationIncomplete, compiler_for, complete, generate
from latticework.decoding.bitmask import allocate_token_bitmask
from latticework.decoding.budget import BudgetTooSmall
from latticework.grammar import library

TEXTS = [bytes([code]) for code in range(256)]
TEXTS += [
    b'":',
    b'","',
    b'{"',
    b'"}',
    b"true",
    b"false",
    b"null",
    b"ab",
    b"abc",
    b'"a',
    b'a":',
    b"[]",
    b"},{",
    b"00",
    b"12",
]
SMALL = lw.Compiler(lw.Vocabulary([*TEXTS, None], [len(TEXTS)]))
CASES = int(os.environ.get("LATTICEWORK_BUDGET_CASES", "120"))


def exact_distances(grammar: lw.CompiledGrammar, most: int = 1500) -> dict[int, int] | None:
    """Of every state: the fewest tokens to the end, by going backwards from it; None if there are too many states."""
    follow: dict[int, set[int]] = {}
    open_states = [grammar.start]
    for state in open_states:
        if state in follow:
            continue
        follow[state] = {grammar.step(state, token_id) for token_id in grammar.allowed_tokens(state)}
        open_states += follow[state]
        if len(follow) > most:
            return None
    distances = {state: 0 for state in follow if grammar.is_terminated(state)}
    changed = True
    while changed:
        changed = False
        for state, nexts in follow.items():
            known = [distances[after] + 1 for after in nexts if after in distances]
            if known and min(known) < distances.get(state, 10**9) and not grammar.is_terminated(state):
                distances[state], changed = min(known), True
    return distances


def test_distances_bound_the_shortest_completion():
    looked_at = exact = 0
    for schema, constraint in random_constraints(SMALL, 60, seed=1):
        grammar = SMALL.compile(constraint)
        distances = exact_distances(grammar)
        for state, least in (distances or {}).items():
            found = grammar.distance(state)
            assert found >= least, (schema, state)
            assert found <= 2 * least + 2, (schema, state)  # not far off
            if not grammar.is_terminated(state):
                nexts = [grammar.step(state, token_id) for token_id in grammar.allowed_tokens(state)]
                assert min(map(grammar.distance, nexts)) < found, (schema, state)
            looked_at, exact = looked_at + 1, exact + (found == least)
    assert looked_at > 300
    assert exact > 0.8 * looked_at


@pytest.mark.parametrize("pattern", ["a{40}", "(ab|abc){3,}", "[ -~]*", "(?=.*12)[a-z0-9]{5,9}", "x+y|z{9}"])
def test_distances_of_patterns(pattern):
    grammar = SMALL.compile(lw.regex(pattern))
    distances = exact_distances(grammar)
    assert distances is not None
    for state, least in distances.items():
        assert least <= grammar.distance(state) <= 2 * least + 2


@pytest.mark.parametrize("name", ["lists", "json", "arithmetic", "sql", "c"])
def test_distances_of_grammars(name):
    grammar = SMALL.compile(lw.lark(LISTS) if name == "lists" else library.grammar(name))
    rng, state = random.Random(0), grammar.start
    for _ in range(30):
        allowed = grammar.allowed_tokens(state)
        assert min(grammar.distance(grammar.step(state, token_id)) for token_id in allowed) < grammar.distance(state)
        state = grammar.step(state, rng.choice(allowed))
        if grammar.is_terminated(state):
            state = grammar.start


LISTS = """
start: item ("," item)*
item: WORD | "(" start ")" | "let" WORD "=" item
WORD: /[a-z]+/
%ignore " "
"""


def test_masks_within_a_budget_are_the_tokens_that_fit():
    rng = random.Random(2)
    bitmask = allocate_token_bitmask(1, SMALL.vocabulary.size)
    for _, constraint in random_constraints(SMALL, 15, seed=3):
        grammar = SMALL.compile(constraint)
        state = grammar.start
        for _ in range(12):
            allowed = grammar.allowed_tokens(state)
            for remaining in (0, 1, grammar.distance(state), grammar.distance(state) + 1, 99):
                grammar.fill_bitmask_within(state, remaining, bitmask)
                fits = [one for one in allowed if grammar.distance(grammar.step(state, one)) < remaining]
                found = [one for one in range(SMALL.vocabulary.size) if bitmask[0, one // 32] >> (one % 32) & 1]
                assert found == fits
            state = grammar.step(state, rng.choice(allowed))
            if grammar.is_terminated(state):
                break


def test_a_vocabulary_that_cannot_spell_the_way():
    letters = lw.Compiler(lw.Vocabulary([b"a", b"bb", None], [2]))
    grammar = letters.compile(lw.regex("b|aaa"))
    assert grammar.distance(grammar.start) == -1  # "b" is no token


# ---------------------------------------------------------------------------------------------------------- generation


def random_table(seed: int) -> TableModel:
    generator = torch.Generator().manual_seed(seed)
    width = len(bpe_tokenizer())
    return TableModel(torch.randn((width, width), generator=generator) * 2)


@pytest.mark.parametrize("temperature", [0.0, 1.5])
def test_every_output_is_complete_within_a_tight_budget(temperature):
    rng, tokenizer = random.Random(4), bpe_tokenizer()
    for number, (schema, constraint) in enumerate(random_constraints(SMALL, CASES, seed=int(10 * temperature))):
        grammar = compiler_for(tokenizer, width=len(tokenizer)).compile(constraint)
        least = grammar.distance(grammar.start) - 1
        for budget in {least, least + 1, least + rng.randrange(2, 9)}:
            options = {"temperature": temperature, "seed": number} if temperature else {}
            found = complete(
                random_table(number), tokenizer, ["x", "yy"], constraint=constraint, max_new_tokens=budget, **options
            )
            for generation in found:
                assert len(generation.token_ids) <= budget
                assert generation.finished, (schema, budget, generation)
                jsonschema.validate(json.loads(generation.text), schema)
        if least > 1:
            with pytest.raises(BudgetTooSmall, match=f"takes {least} tokens"):
                complete(random_table(number), tokenizer, "x", constraint=constraint, max_new_tokens=least - 1)


def fitting_law(model, grammar, start: int, budget: int) -> dict[tuple[int, ...], float]:
    """The law of decoding by hand: at each step the masked law, given that the rest fits."""
    law: dict[tuple[int, ...], float] = {}

    def walk(state: int, last: int, text: tuple[int, ...], mass: float) -> None:
        if grammar.is_terminated(state) or len(text) == budget:
            law[text] = law.get(text, 0) + mass
            return
        left = budget - len(text)
        tokens = [one for one in grammar.allowed_tokens(state) if grammar.distance(grammar.step(state, one)) <= left]
        weights = model.table[last].softmax(-1)[tokens]
        for token_id, weight in zip(tokens, (weights / weights.sum()).tolist(), strict=True):
            walk(grammar.step(state, token_id), token_id, (*text, token_id), mass * weight)

    walk(grammar.start, start, (), 1.0)
    return law


def test_the_law_is_that_of_what_fits():
    model, tokenizer, compiler = toy()
    constraint = lw.regex("(ab|b)(a|bbbb|abababab)*")
    law = fitting_law(model, compiler.compile(constraint), start=2, budget=4)
    draws, counts = 3000, Counter()
    for seed in range(draws // 50):
        found = complete(
            model,
            tokenizer,
            ["abc"] * 50,
            constraint=constraint,
            compiler=compiler,
            temperature=1.0,
            seed=seed,
            max_new_tokens=4,
        )
        counts.update(generation.token_ids for generation in found)
    assert set(counts) <= set(law)
    distance = sum(abs(counts[text] / draws - mass) for text, mass in law.items()) / 2
    floor = sum(math.sqrt(mass * (1 - mass) / draws) for mass in law.values()) / 2
    assert distance < 1.6 * floor


def test_far_from_the_limit_nothing_changes():
    constraint = lw.json_schema({"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]})
    for seed in range(4):
        options = {"constraint": constraint, "max_new_tokens": 120, "temperature": 1.0, "seed": seed}
        free = complete(llama(), bpe_tokenizer(), ["x", "y"], finish=False, **options)
        led = complete(llama(), bpe_tokenizer(), ["x", "y"], **options)
        done = [index for index, generation in enumerate(free) if generation.finish_reason == "end"]
        same([led[index] for index in done], [free[index] for index in done])


def test_open_ended_text_is_complete_at_the_limit():
    (generation,) = complete(llama(), bpe_tokenizer(), "x", regex="[a-z ]*", max_new_tokens=5)
    assert generation.finish_reason in {"complete", "end"}
    assert generation.value == generation.text
    with pytest.raises(GenerationIncomplete):
        generate(llama(), bpe_tokenizer(), "x", regex="[a-z]{30}", max_new_tokens=5, finish=False)


def test_the_error_says_what_to_do_and_can_be_pickled():
    with pytest.raises(BudgetTooSmall, match="max_new_tokens=2 is too small") as caught:
        generate(llama(), bpe_tokenizer(), "x", regex="[a-z]{30}", max_new_tokens=2)
    copy = pickle.loads(pickle.dumps(caught.value))
    assert (copy.needed, copy.value, str(copy)) == (caught.value.needed, 2, str(caught.value))
