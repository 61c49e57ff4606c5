"""The most probable output: equal to enumeration, proven or bounded, the same for every width and batch."""

from __future__ import annotations

import math

import pytest
import torch
from search_truth import Truth
from tiny_models import LANGUAGE, LETTERS, TableModel, bpe_tokenizer, llama, toy

from latticework.decoding.argmax import argmax
from latticework.decoding.compilers import compiler_for
from latticework.decoding.hypothesis import SearchLimitError
from latticework.grammar import json_schema, regex

LAWS = ("model", "masked")
END = 6


def tables(count, scale=2.0):
    """Models whose law is a random table."""
    for seed in range(count):
        generator = torch.Generator().manual_seed(seed)
        yield TableModel(torch.randn(9, 9, dtype=torch.float64, generator=generator) * scale)


def truth_of(model, language, prompt=(2,)):
    return Truth(model, prompt, [text.encode() for text in language], LETTERS, END)


@pytest.mark.parametrize("law", LAWS)
def test_equals_enumeration(law):
    _, tokenizer, compiler = toy()
    languages = [LANGUAGE, ["a" * n for n in range(6)], ["abab", "baba", "aabb", "bbaa", "b"]]
    for index, model in enumerate(tables(40)):
        language = languages[index % 3]
        score, tokens, text = truth_of(model, language).ranking(law)[0]
        for width in (1, 3, 8):
            best = argmax(model, tokenizer, "c", choice=language, law=law, compiler=compiler, width=width)
            assert (best.token_ids, best.text, best.proven) == (tokens, text.decode(), True)
            assert best.score == best.bound == pytest.approx(score, abs=1e-9)
            assert best.value == best.text


def test_both_figures_are_exact():
    _, tokenizer, compiler = toy()
    for model in tables(5):
        truth = truth_of(model, LANGUAGE)
        best = argmax(model, tokenizer, "c", choice=LANGUAGE, compiler=compiler)
        assert best.log_probability == pytest.approx(truth.log_p(best.token_ids), abs=1e-9)
        assert best.log_weight == pytest.approx(truth.log_mass(best.token_ids), abs=1e-9)


@pytest.mark.parametrize("law", LAWS)
def test_tree_attention_equals_enumeration(law):
    tokenizer = bpe_tokenizer()
    language = ["true", "false", "the rain", "12", "rain in spain"]
    for seed in range(3):
        model = llama(seed)
        vocabulary = compiler_for(tokenizer, width=model.config.vocab_size).vocabulary
        spelling = [vocabulary.token_bytes(token) for token in range(vocabulary.size)]
        prompt = tokenizer("It is ")["input_ids"]
        truth = Truth(model, prompt, [text.encode() for text in language[:3]], spelling, tokenizer.eos_token_id)
        score, tokens, _ = truth.ranking(law)[0]
        for width in (1, 8):
            best = argmax(model, tokenizer, "It is ", choice=language[:3], law=law, width=width)
            assert (best.token_ids, best.proven) == (tokens, True)
            assert best.score == pytest.approx(score, abs=1e-9)


@pytest.mark.parametrize("law", LAWS)
def test_infinite_language(law):
    """Every output of up to five tokens is enumerated, where no longer one can be better."""
    _, tokenizer, compiler = toy()
    tried = 0
    for model in tables(12):
        model.table[:, END] += 2
        truth = Truth(model, [2], [b"a" * n for n in range(13)], [b"a", None, None, None, b"aa"], END)
        outputs = [(score, tokens) for score, tokens, _ in truth.ranking(law) if len(tokens) <= 6]
        longest = max(truth.score(tokens[:-1], law) for _, tokens in outputs if len(tokens) == 6)
        if longest >= outputs[0][0]:
            continue
        tried += 1
        best = argmax(model, tokenizer, "c", regex="a*", law=law, compiler=compiler)
        assert (best.token_ids, best.proven) == (outputs[0][1], True)
    assert tried > 5


def test_equal_outputs_are_told_apart_by_their_tokens():
    _, tokenizer, compiler = toy()
    model = TableModel(torch.zeros(9, 9, dtype=torch.float64))
    for width in (1, 2, 8):
        found = argmax(model, tokenizer, "c", choice=["ab", "ba", "b"], compiler=compiler, width=width)
        assert found.token_ids == (1, END)  # "b" is the tokens 1 and 5; "ab", "ba" are 2 and 3
        found = argmax(model, tokenizer, "c", choice=["ab", "ba", "b"], law="masked", compiler=compiler, width=width)
        assert found.token_ids == (2, END)  # behind "b", but not behind "ab" and "ba", the text may go on


@pytest.mark.parametrize("law", LAWS)
def test_cap(law):
    """With every cap the output is valid, and what is said about the others is true."""
    _, tokenizer, compiler = toy()
    language = ["".join(f"{number:05b}").replace("0", "a").replace("1", "b") for number in range(32)]
    unproven = 0
    for model in tables(10):
        truth = truth_of(model, language)
        score, tokens, _ = truth.ranking(law)[0]
        for cap in (1, 2, 3, 5, 8, 20, 1000):
            best = argmax(
                model, tokenizer, "c", choice=language, law=law, compiler=compiler, node_cap=cap, width=cap % 4 + 1
            )
            assert best.text in language
            assert best.score == pytest.approx(truth.score(best.token_ids, law), abs=1e-9)
            assert best.score <= score + 1e-9 <= best.bound + 2e-9
            assert not best.proven or best.token_ids == tokens
            assert best.expansions <= cap + 6  # what completes the best open prefix comes on top
            unproven += not best.proven
        assert best.proven
    assert unproven > 10


def test_what_does_not_fit():
    _, tokenizer, compiler = toy()
    model = toy()[0]
    with pytest.raises(SearchLimitError, match="max_new_tokens=2") as caught:
        argmax(model, tokenizer, "c", regex="(ab){8}", compiler=compiler, max_new_tokens=2)
    assert (caught.value.limit, caught.value.value) == ("max_new_tokens", 2)
    whole = argmax(model, tokenizer, "c", regex="(ab){0,8}", law="masked", compiler=compiler, max_new_tokens=20)
    cut = argmax(model, tokenizer, "c", regex="(ab){0,8}", law="masked", compiler=compiler, max_new_tokens=1)
    assert (whole.proven, cut.text) == (True, "")
    assert cut.proven == (cut.score == whole.score)
    assert cut.bound >= whole.score


def test_what_is_completed_beyond_the_cap_fits():
    """Where the model would go on for ever, an output is found all the same."""
    _, tokenizer, compiler = toy()
    model = TableModel(torch.zeros(9, 9, dtype=torch.float64))
    model.table[:, [1, 5]] = 20.0  # "b"
    for most in range(4, 9):
        options = {"node_cap": 2, "max_new_tokens": most}
        best = argmax(model, tokenizer, "c", regex="b*(aa){3}", compiler=compiler, **options)
        assert best.text == "b" * (most - 4) + "aaaaaa"
        assert not best.proven


def test_longest_output_that_fits():
    """The end token counts, and a proof is about outputs of every length."""
    _, tokenizer, compiler = toy()
    model = TableModel(torch.zeros(9, 9, dtype=torch.float64))
    model.table[:, 4] = 9.0  # "aa" is likely
    assert argmax(model, tokenizer, "c", regex="(aa)*b", compiler=compiler, max_new_tokens=4).proven is False
    best = argmax(model, tokenizer, "c", choice=["aaaab", "aaaaaab"], compiler=compiler, max_new_tokens=4)
    assert (best.token_ids, best.proven) == ((4, 4, 1, END), False)
    best = argmax(model, tokenizer, "c", choice=["aaaab", "aaaaaab"], compiler=compiler, max_new_tokens=5)
    assert (best.token_ids, best.proven) == ((4, 4, 1, END), True)


def test_batch_equals_one_by_one():
    tokenizer = bpe_tokenizer()
    prompts = ["A", "{{ a longer one", "name"]
    constraints = [regex("[a-c]{1,3}"), json_schema({"enum": [1, 22, "x"]}), regex("(yes|no) (sir|madam)?")]
    together = argmax(llama(), tokenizer, prompts, constraint=constraints, max_new_tokens=40)
    for prompt, constraint, found in zip(prompts, constraints, together, strict=True):
        single = argmax(llama(), tokenizer, prompt, constraint=constraint, max_new_tokens=40)
        assert (found.token_ids, found.proven, found.expansions) == (single.token_ids, True, single.expansions)
        assert found.score == pytest.approx(single.score, abs=1e-9)
        assert constraint.parse(found.text) == found.value
    assert argmax(llama(), tokenizer, [], constraint=regex("a")) == []


def test_few_passes():
    """Nodes of a row and rows of a batch share forward passes; the prompt takes one."""
    model, tokenizer = llama(), bpe_tokenizer()
    one = argmax(model, tokenizer, "A", regex="[a-f]{1,4}", width=1)
    many = argmax(model, tokenizer, "A", regex="[a-f]{1,4}", width=16)
    assert one.forward_passes == one.expansions
    assert many.token_ids == one.token_ids
    assert many.forward_passes < one.forward_passes / 2


def test_impossible_tokens():
    """Tokens to which the model gives nothing are never taken, and where nothing is left it says so."""
    model, tokenizer, compiler = toy()
    model.table[:, [0, 4]] = -math.inf
    assert argmax(model, tokenizer, "c", choice=["ab", "aab"], compiler=compiler).token_ids == (2, END)
    with pytest.raises(ValueError, match="probability 0"):
        argmax(model, tokenizer, "c", choice=["a", "aa"], compiler=compiler)
    with pytest.raises(ValueError, match="no finite logit"):
        argmax(TableModel(torch.full((9, 9), math.nan)), tokenizer, "c", choice=["a"], compiler=compiler)


def test_wrong_arguments():
    model, tokenizer, compiler = toy()
    options = {"choice": ["a"], "compiler": compiler}
    for wrong in ({"law": "exact"}, {"node_cap": 0}, {"width": 0}, {"max_new_tokens": 0}, {"regex": "a"}):
        with pytest.raises(ValueError):  # noqa: PT011 - each has words of its own
            argmax(model, tokenizer, "c", **options, **wrong)
    for wrong in ({"law": 1}, {"node_cap": 1.5}, {"width": True}, {"temperature": 0.5}, {"seed": 1}):
        with pytest.raises(TypeError):
            argmax(model, tokenizer, "c", **options, **wrong)
