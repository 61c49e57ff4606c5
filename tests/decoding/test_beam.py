"""Beam search: equal to a plain one, and to the ranking of the whole language where there are beams enough."""

from __future__ import annotations

import math

import pytest
import torch
from search_truth import Truth
from tiny_models import LANGUAGE, LETTERS, TableModel, bpe_tokenizer, llama, toy

from latticework.decoding.beam import beam_search
from latticework.decoding.compilers import compiler_for
from latticework.decoding.hypothesis import SearchLimitError
from latticework.grammar import json_schema, regex

LAWS = ("model", "masked")
END = 6
LANGUAGES = [LANGUAGE, ["a" * n for n in range(6)], ["abab", "baba", "aabb", "bbaa", "b"]]


def plain(truth, law, beams, returned, penalty, most):
    """Beam search without any shortcut: every prefix that can be finished is followed until none is left."""
    spelling = dict(truth.tokens)
    live, finished = [((), 0.0)], []
    for depth in range(1, most + 1):
        going = []
        for tokens, score in live:
            text = b"".join(spelling[token] for token in tokens)
            share = truth.mass(tokens) if law == "masked" else 0.0
            for token in truth.allowed(text):
                longer = ((*tokens, token), score + truth.law(tokens)[token] - share)
                if token == END:
                    finished.append(longer)
                elif truth.needed(text + spelling[token]) <= most - depth:
                    going.append(longer)
        live = sorted(going, key=lambda item: (-item[1], item[0]))[:beams]
    ranked = [(score / len(tokens) ** penalty, tokens) for tokens, score in finished]
    return sorted(ranked, key=lambda item: (-item[0], item[1]))[:returned]


def tables(count):
    for seed in range(count):
        generator = torch.Generator().manual_seed(seed)
        yield TableModel(torch.randn(9, 9, dtype=torch.float64, generator=generator) * 2)


def same(found, expected):
    assert [one.token_ids for one in found] == [tokens for _, tokens in expected]
    assert [one.score for one in found] == pytest.approx([score for score, _ in expected], abs=1e-9)


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("penalty", [0.0, 1.0, 2.5, -1.0])
def test_equals_a_plain_search(law, penalty):
    _, tokenizer, compiler = toy()
    for index, model in enumerate(tables(12)):
        language = LANGUAGES[index % 3]
        truth = Truth(model, [2], [text.encode() for text in language], LETTERS, END)
        for beams, returned, most in ((1, 1, 8), (2, 3, 8), (3, 2, 3), (4, 9, 8)):
            expected = plain(truth, law, beams, returned, penalty, most)
            options = {"beams": beams, "returned": returned, "max_new_tokens": most, "length_penalty": penalty}
            if expected:
                found = beam_search(model, tokenizer, "c", choice=language, law=law, compiler=compiler, **options)
                same(found, expected)
                assert all(one.text in language for one in found)
            else:
                with pytest.raises(SearchLimitError):
                    beam_search(model, tokenizer, "c", choice=language, law=law, compiler=compiler, **options)


@pytest.mark.parametrize("law", LAWS)
def test_enough_beams_rank_the_whole_language(law):
    _, tokenizer, compiler = toy()
    for index, model in enumerate(tables(15)):
        language = LANGUAGES[index % 3]
        truth = Truth(model, [2], [text.encode() for text in language], LETTERS, END)
        ranking = truth.ranking(law)
        found = beam_search(
            model, tokenizer, "c", choice=language, law=law, compiler=compiler, beams=len(ranking), returned=1000
        )
        same(found, [(score, tokens) for score, tokens, _ in ranking])
        for one in found:
            assert one.log_probability == pytest.approx(truth.log_p(one.token_ids), abs=1e-9)
            assert one.log_weight == pytest.approx(truth.log_mass(one.token_ids), abs=1e-9)


def test_tree_attention_ranks_the_whole_language():
    model, tokenizer = llama(), bpe_tokenizer()
    vocabulary = compiler_for(tokenizer, width=model.config.vocab_size).vocabulary
    spelling = [vocabulary.token_bytes(token) for token in range(vocabulary.size)]
    language = ["true", "rain", "in"]
    prompt = tokenizer("It is ")["input_ids"]
    truth = Truth(model, prompt, [text.encode() for text in language], spelling, tokenizer.eos_token_id)
    found = beam_search(model, tokenizer, "It is ", choice=language, beams=100, returned=100)
    same(found, [(score, tokens) for score, tokens, _ in truth.ranking("model")])


def test_one_beam_is_greedy_until_the_end():
    """Endless languages: prefixes are followed until the best finished one cannot be beaten."""
    _, tokenizer, compiler = toy()
    for model in tables(10):
        truth = Truth(model, [2], [b"a" * n for n in range(25)], [b"a", None, None, None, b"aa"], END)
        expected = plain(truth, "masked", 1, 2, 0.0, 12)
        found = beam_search(
            model, tokenizer, "c", regex="a*", law="masked", compiler=compiler, beams=1, returned=2, max_new_tokens=12
        )
        same(found, expected)


def test_stops_as_soon_as_nothing_can_change():
    """A search to the end of the budget would take a pass for each token."""
    model, tokenizer, compiler = toy()
    model.table[:, END] = 12.0
    calls = model.calls
    beam_search(model, tokenizer, "c", regex="a*", compiler=compiler, beams=3, max_new_tokens=200)
    assert model.calls - calls <= 2


def test_batch_equals_one_by_one():
    model, tokenizer = llama(), bpe_tokenizer()
    prompts = ["A", "{{ a longer one", "name"]
    constraints = [regex("[a-c]{1,5}"), json_schema({"type": "boolean"}), regex("(yes|no) (sir|madam)?")]
    options = {"beams": 3, "returned": 2, "length_penalty": 1.0, "max_new_tokens": 30}
    together = beam_search(model, tokenizer, prompts, constraint=constraints, **options)
    for prompt, constraint, found in zip(prompts, constraints, together, strict=True):
        single = beam_search(model, tokenizer, prompt, constraint=constraint, **options)
        same(found, [(one.score, one.token_ids) for one in single])
        assert [one.value for one in found] == [constraint.parse(one.text) for one in single]
    assert beam_search(model, tokenizer, [], constraint=regex("a")) == []


def test_budget_is_kept_whatever_the_model_likes():
    """Where the model would go on for ever, the best hypotheses that fit are found."""
    _, tokenizer, compiler = toy()
    model = TableModel(torch.zeros(9, 9, dtype=torch.float64))
    model.table[:, [1, 5]] = 20.0  # "b"
    for most in range(4, 9):
        options = {"beams": 2, "returned": 5, "max_new_tokens": most}
        found = beam_search(model, tokenizer, "c", regex="b*(aa){3}", compiler=compiler, **options)
        assert all(one.text == one.text.count("b") * "b" + "aaaaaa" for one in found)
        assert found[0].text.count("b") == most - 4
        assert all(len(one.token_ids) <= most for one in found)


def test_unfinished_prefixes_are_no_hypotheses():
    model, tokenizer, compiler = toy()
    with pytest.raises(SearchLimitError, match="max_new_tokens=3"):
        beam_search(model, tokenizer, "c", regex="(aa){4}", compiler=compiler, max_new_tokens=3)
    with pytest.raises(ValueError, match="probability 0"):
        model.table[:, [0, 4]] = -math.inf
        beam_search(model, tokenizer, "c", regex="(aa){4}", compiler=compiler)


def test_wrong_arguments():
    model, tokenizer, compiler = toy()
    options = {"choice": ["a"], "compiler": compiler}
    for wrong in ({"beams": 0}, {"returned": 0}, {"law": "x"}, {"length_penalty": math.nan}, {"length_penalty": 99}):
        with pytest.raises(ValueError):  # noqa: PT011 - each has words of its own
            beam_search(model, tokenizer, "c", **options, **wrong)
    for wrong in ({"beams": 2.0}, {"num_beams": 2}, {"temperature": 1.0}):
        with pytest.raises(TypeError):
            beam_search(model, tokenizer, "c", **options, **wrong)
