"""All drafters in the loop: the output is that of plain decoding, and takes fewer passes of the model."""

from __future__ import annotations

import itertools
import random
from collections import Counter

import pytest
import torch
from tiny_models import CORPUS, TableModel, bpe_tokenizer, llama, same, toy

import latticework as lw
from latticework.decoding.draft_model import ModelDrafts
from latticework.decoding.sampling import Sampling

NAMES = ("forced", "copy", "recycle", "counts")
TEXT = {"type": "string", "maxLength": 6}
SCHEMAS = [
    {"type": "object", "properties": {"name": TEXT, "age": {"type": "integer"}}, "required": ["name", "age"]},
    {"type": "array", "items": {"enum": ["anna", "member", "the rain"]}, "minItems": 2, "maxItems": 4},
    {"type": "object", "properties": {"é": {"const": "日本"}, "spain": {"type": "boolean"}}, "minProperties": 1},
]


def options(seed: int) -> dict:
    """Greedy or sampled, one of the schemas."""
    rng = random.Random(seed)
    how = rng.choice([{}, {"temperature": 1.0, "seed": seed}, {"temperature": 1.5, "top_k": 9, "seed": seed}])
    return how | {"schema": SCHEMAS[seed % len(SCHEMAS)], "max_new_tokens": 40}


@pytest.mark.parametrize("drafts", [*NAMES, "all"])
def test_the_output_is_that_of_plain_decoding(drafts):
    tokenizer, passes, steps = bpe_tokenizer(), 0, 0
    for seed in range(4):
        prompts = [CORPUS[seed % 2] + "!" * count for count in range(1 + seed % 3)]
        plain = lw.complete(llama(seed % 2), tokenizer, prompts, drafts=None, **options(seed))
        for _ in range(2):  # the second time with what the first has taught
            drafted = lw.complete(llama(seed % 2), tokenizer, prompts, drafts=drafts, **options(seed))
            same(drafted, plain)
        passes += sum(one.report.forward_passes for one in drafted)
        steps += sum(len(one.token_ids) for one in plain)
    assert passes <= steps
    assert passes < steps or drafts == "copy"  # a random model repeats little


@pytest.mark.parametrize("drafts", ["forced", "recycle", "all"])
def test_drafts_do_not_go_through_what_canonical_commits(drafts):
    constraint, tokenizer = lw.choice(["the rain in spain", "anna", "true", "the rain"]), bpe_tokenizer()
    for seed in (0, 3, 89, 332, *range(400, 420)):
        settings = {"constraint": constraint, "temperature": 2.0, "seed": seed, "canonical": True, "max_new_tokens": 12}
        plain = lw.complete(llama(0), tokenizer, CORPUS[:1], drafts=None, **settings)
        same(lw.complete(llama(0), tokenizer, CORPUS[:1], drafts=drafts, **settings), plain)


@pytest.mark.parametrize("among", ["alone", "all"])
def test_a_greedy_small_model_changes_nothing(among):
    tokenizer = bpe_tokenizer()
    for seed in range(3):
        settings = {"schema": SCHEMAS[seed], "max_new_tokens": 30, "finish": False}
        prompts = [CORPUS[0], CORPUS[-1]]
        plain = lw.complete(llama(0), tokenizer, prompts, drafts=None, **settings)
        for model in (llama(0), llama(1)):
            drafter = ModelDrafts(model, tokens=3, least=0.0)
            wanted = [drafter] if among == "alone" else [*NAMES, drafter]
            drafted = lw.complete(llama(0), tokenizer, prompts, drafts=wanted, **settings)
            same(drafted, plain)
            if model is llama(0) and among == "alone":  # it is always right
                assert all(one.report.forward_passes <= len(one.token_ids) / 4 + 2 for one in drafted)


class Placed(TableModel):
    """A table that is told positions, as models are whose drafts can be looked at."""

    def __call__(self, *, position_ids, **inputs):
        assert position_ids.shape == inputs["input_ids"].shape
        return super().__call__(**inputs)


def test_a_sampling_small_model_keeps_the_law():
    """Against the law of plain masked decoding, computed from the table: a chi-square over all outputs."""
    plain, tokenizer, compiler = toy()
    torch.manual_seed(8)
    model, other = Placed(plain.table), Placed(plain.table + 3 * torch.randn_like(plain.table))
    grammar = compiler.compile(lw.regex("[ab]{2}"))
    law: Counter = Counter()
    for output in itertools.chain.from_iterable(itertools.product(range(7), repeat=count) for count in range(1, 6)):
        state, chance, previous = grammar.start, 1.0, 2
        for token_id in output:
            allowed = grammar.allowed_tokens(state)
            if token_id not in allowed or grammar.is_terminated(state):
                chance = 0.0
                break
            chance *= float(model.table[previous, allowed].softmax(-1)[allowed.index(token_id)])
            state, previous = grammar.step(state, token_id), token_id
        if chance and grammar.is_terminated(state):
            law[output] = chance
    assert sum(law.values()) == pytest.approx(1)
    drafter, seen, count = ModelDrafts(other, Sampling(1.0), tokens=3, least=0.0), Counter(), 1000
    settings = {"regex": "[ab]{2}", "compiler": compiler, "temperature": 1.0, "max_new_tokens": 20}
    for part in range(4):
        found = lw.complete(model, tokenizer, ["c"] * (count // 4), drafts=drafter, seed=part, **settings)
        seen.update(one.token_ids for one in found)
        assert sum(one.report.accepted for one in found) > count / 8
    assert set(seen) <= set(law)
    assert lw.complete(model, tokenizer, ["c"], drafts=drafter, seed=3, **settings)[0].token_ids == found[0].token_ids
    statistic = sum((seen[output] - count * chance) ** 2 / (count * chance) for output, chance in law.items())
    assert statistic < len(law) + 4 * (2 * len(law)) ** 0.5


def record(**properties: dict) -> dict:
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def test_the_builtin_model_takes_fewer_passes():
    """At most 0.7 passes a token with what is forced, 0.5 with all drafters, on schemas of everyday records."""
    model, tokenizer = lw.load_builtin()
    name, number = {"type": "string", "maxLength": 40}, {"type": "integer", "minimum": 0, "maximum": 100000}
    cases = {
        "Anna Schmidt is 34 years old and lives in Berlin. Her email is anna.schmidt@example.com.": record(
            name=name, age=number, email=name, city=name
        ),
        "Tom Brown, aged 51, is from Lisbon. He is an engineer.": record(
            first_name=name, last_name=name, age=number, city=name, job=name
        ),
        "name: Lamp, price: 30, currency: EUR, in stock: yes": record(
            name=name, price=number, currency={"enum": ["EUR", "USD"]}, in_stock={"type": "boolean"}
        ),
        "The order 8812 of Maria Lopez has the status shipped and costs 40 dollars.": record(
            order_id=number, customer=name, status={"enum": ["open", "shipped", "cancelled"]}, price=number
        ),
        "Call get_weather for Paris in celsius.": record(
            name={"const": "get_weather"}, arguments=record(location=name, unit={"enum": ["celsius", "fahrenheit"]})
        ),
    }
    compiler = lw.Compiler(lw.Vocabulary.from_huggingface(tokenizer, generation_config=model.generation_config))
    passes = {}
    for drafts in (None, "forced", "all"):
        found = [
            lw.complete(model, tokenizer, f"{text}\nJSON: ", schema=schema, drafts=drafts, compiler=compiler)[0]
            for text, schema in cases.items()
        ]
        passes[drafts] = sum(one.report.forward_passes for one in found) / sum(len(one.token_ids) for one in found)
    assert passes[None] == 1
    assert passes["forced"] <= 0.7
    assert passes["all"] <= 0.5
