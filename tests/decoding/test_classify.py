"""The posterior over all outputs: equal to scoring each alone, for both laws and both ways to spell."""

from __future__ import annotations

import copy
import math
from enum import Enum

import pytest
import torch
from search_truth import Truth, log_sum
from tiny_models import LANGUAGE, LETTERS, TableModel, bpe_tokenizer, gpt2, llama, make_tokenizer, toy

from latticework.decoding.argmax import argmax
from latticework.decoding.classify import classify
from latticework.decoding.compilers import compiler_for
from latticework.decoding.hypothesis import SearchLimitError
from latticework.grammar import json_schema, regex, sequence, special_token

LAWS = ("model", "masked")
LABELS = ["yes", "no", "in spain", "in", "日本", "yes!"]
PROMPTS = ["It is ", "A much longer prompt: is it "]


def truth_of(model, tokenizer, prompt, labels):
    vocabulary = compiler_for(tokenizer, width=model.config.vocab_size).vocabulary
    spelling = [vocabulary.token_bytes(token) for token in range(vocabulary.size)]
    texts = [label.encode() for label in labels]
    return Truth(model, tokenizer(prompt)["input_ids"], texts, spelling, tokenizer.eos_token_id)


def canonical(truth, tokenizer, labels, law):
    return {
        text: truth.score([*tokenizer(text, add_special_tokens=False)["input_ids"], truth.end], law) for text in labels
    }


def summed(truth, law):
    scores: dict[str, list[float]] = {}
    for text, tokens in truth.sequences():
        scores.setdefault(text.decode(), []).append(truth.score(tokens, law))
    return {text: log_sum(each) for text, each in scores.items()}


def agree(found, expected):
    assert {output.text for output in found.outputs} == set(expected)
    total = log_sum(expected.values())
    for output in found.outputs:
        assert output.log_probability == pytest.approx(expected[output.text], abs=1e-9)
        assert output.probability == pytest.approx(math.exp(expected[output.text] - total), abs=1e-9)
    assert found.log_mass == pytest.approx(total, abs=1e-9)
    assert sum(found.probabilities.values()) == pytest.approx(1, abs=1e-12)
    assert list(found.probabilities.values()) == sorted(found.probabilities.values(), reverse=True)
    assert found.best == found.outputs[0]


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("make", [llama, gpt2])
def test_equals_scoring_each_alone(law, make):
    model, tokenizer = make(), bpe_tokenizer()
    truths = [truth_of(model, tokenizer, prompt, LABELS) for prompt in PROMPTS]
    for nodes in (2, 5, 256):
        found = classify(model, tokenizer, PROMPTS, LABELS, law=law, nodes_per_pass=nodes)
        for one, truth in zip(found, truths, strict=True):
            agree(one, canonical(truth, tokenizer, LABELS, law))
    assert found[0].forward_passes == 2


@pytest.mark.parametrize("law", LAWS)
def test_sums_over_all_spellings(law):
    model, tokenizer = llama(), bpe_tokenizer()
    labels = ["yes", "in", "rain", "true"]
    found = classify(model, tokenizer, PROMPTS[0], labels, law=law, tokenization="all")
    agree(found, summed(truth_of(model, tokenizer, PROMPTS[0], labels), law))
    if law == "masked":  # nothing else can be written
        assert found.log_mass == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("law", LAWS)
def test_without_tree_attention(law):
    _, tokenizer, compiler = toy()
    for seed in range(10):
        generator = torch.Generator().manual_seed(seed)
        model = TableModel(torch.randn(9, 9, dtype=torch.float64, generator=generator) * 2)
        truth = Truth(model, [2], [text.encode() for text in LANGUAGE], LETTERS, 6)
        options = {"law": law, "tokenization": "all", "compiler": compiler, "nodes_per_pass": seed + 1}
        agree(classify(model, tokenizer, "c", LANGUAGE, **options), summed(truth, law))


def test_several_end_tokens_count_together():
    tokenizer, model = make_tokenizer(), llama(seed=7)
    ends = [tokenizer.eos_token_id, *tokenizer.convert_tokens_to_ids(["!", "#"])]
    old = model.generation_config.eos_token_id
    model.generation_config.eos_token_id = ends
    try:
        found = classify(model, tokenizer, "A", ["a", "b"])
    finally:
        model.generation_config.eos_token_id = old
    truth = truth_of(model, tokenizer, "A", ["a", "b"])
    for text, token in (("a", tokenizer.convert_tokens_to_ids("a")), ("b", tokenizer.convert_tokens_to_ids("b"))):
        expected = truth.law(())[token] + log_sum(truth.law((token,))[end] for end in ends)
        output = next(output for output in found.outputs if output.text == text)
        assert output.log_probability == pytest.approx(expected, abs=1e-9)


def test_every_kind_of_finite_constraint():
    class Colour(Enum):
        RED = "red"
        BLUE = "blue"

    model, tokenizer = llama(), bpe_tokenizer()
    found = classify(model, tokenizer, "A", schema=Colour)
    assert {output.value for output in found.outputs} == set(Colour)
    properties = {"a": {"type": "boolean"}, "b": {"enum": [1, None]}}
    schema = {"type": "object", "properties": properties, "required": ["a", "b"], "additionalProperties": False}
    found = classify(model, tokenizer, "A", schema=schema)
    values = [output.value for output in found.outputs]
    assert sorted(map(str, values)) == sorted(str({"a": a, "b": b}) for a in (True, False) for b in (1, None))
    found = classify(model, tokenizer, "A", regex="[ab]{0,2}")
    assert sorted(found.probabilities) == ["", "a", "aa", "ab", "b", "ba", "bb"]
    agree(
        found, canonical(truth_of(model, tokenizer, "A", found.probabilities), tokenizer, found.probabilities, "model")
    )
    mixed = classify(model, tokenizer, ["A", "B"], constraint=[regex("x|y"), json_schema({"type": "boolean"})])
    assert [sorted(one.probabilities) for one in mixed] == [["x", "y"], ["false", "true"]]


def test_special_tokens():
    """They are scored as one token, and stand in the text by their names."""
    tokenizer = make_tokenizer()
    tokenizer.add_special_tokens({"additional_special_tokens": ["<yes>", "<no>"]})
    model = llama(extra=20)
    constraint = sequence(special_token("<yes>"), regex("a|in"))
    truth = truth_of(model, tokenizer, "A", ["a", "in"])
    for tokenization in ("canonical", "all"):
        found = classify(model, tokenizer, "A", constraint=constraint, tokenization=tokenization)
        assert sorted(found.probabilities) == ["<yes>a", "<yes>in"]
        first, letter = tokenizer.convert_tokens_to_ids(["<yes>", "a"])
        expected = truth.log_p([first, letter, tokenizer.eos_token_id])
        assert {output.text: output.log_probability for output in found.outputs}["<yes>a"] == pytest.approx(expected)


def test_limits_are_named():
    model, tokenizer = llama(), bpe_tokenizer()
    for endless in ("a*", "(ab)*c", "[0-9]+"):
        with pytest.raises(SearchLimitError, match=r"max_outputs=50 reached.*raise it with max_outputs="):
            classify(model, tokenizer, "A", regex=endless, max_outputs=50)
    assert len(classify(model, tokenizer, "A", regex="[0-9]{2}", max_outputs=100).outputs) == 100
    with pytest.raises(SearchLimitError, match="max_outputs=99"):
        classify(model, tokenizer, "A", regex="[0-9]{2}", max_outputs=99)
    assert len(classify(model, tokenizer, "A", ["a", "b"], max_outputs=2).outputs) == 2
    for tokenization in ("canonical", "all"):
        with pytest.raises(SearchLimitError, match="max_nodes=10 reached"):
            classify(model, tokenizer, "A", regex="[0-9]{2}", max_nodes=10, tokenization=tokenization)
    with pytest.raises(SearchLimitError, match="max_nodes"):
        classify(model, tokenizer, "A", ["x" * 60, "rain " * 20], tokenization="all")


def test_impossible_outputs():
    model, tokenizer, compiler = toy()
    model.table[:, 1] = model.table[:, 5] = -math.inf
    options = {"compiler": compiler, "tokenization": "all"}
    assert classify(model, tokenizer, "c", ["a", "b"], **options).probabilities == {"a": 1.0, "b": 0.0}
    for law in LAWS:
        with pytest.raises(ValueError, match="probability 0"):
            classify(model, tokenizer, "c", ["b", "bb"], law=law, **options)


@pytest.mark.gpu
def test_gpu_equals_cpu():
    tokenizer, prompts = bpe_tokenizer(), [*PROMPTS, "x"]
    there = copy.deepcopy(llama()).cuda()
    for law in LAWS:
        pairs = zip(
            classify(llama(), tokenizer, prompts, LABELS), classify(there, tokenizer, prompts, LABELS), strict=True
        )
        for here, other in pairs:
            agree(other, {output.text: output.log_probability for output in here.outputs})
        options = {"regex": "[a-c]{1,3}", "law": law}
        pairs = zip(
            argmax(llama(), tokenizer, prompts, **options), argmax(there, tokenizer, prompts, **options), strict=True
        )
        assert all(here.token_ids == other.token_ids for here, other in pairs)


def test_wrong_arguments():
    model, tokenizer = llama(), bpe_tokenizer()
    for wrong in ({"law": "x"}, {"tokenization": "x"}, {"max_outputs": 0}, {"max_nodes": 0}, {"nodes_per_pass": 0}):
        with pytest.raises(ValueError):  # noqa: PT011 - each has words of its own
            classify(model, tokenizer, "A", ["a"], **wrong)
    for wrong in ({"choice": ["a"]}, {"regex": "a"}):
        with pytest.raises(ValueError):  # noqa: PT011 - each has words of its own
            classify(model, tokenizer, "A", ["a"], **wrong)
    for wrong in ({"max_new_tokens": 5}, {"temperature": 1.0}, {"max_outputs": 1.0}):
        with pytest.raises(TypeError):
            classify(model, tokenizer, "A", ["a"], **wrong)
    assert classify(model, tokenizer, [], ["a"]) == []
