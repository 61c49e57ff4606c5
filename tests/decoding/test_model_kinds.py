"""Models of every width, precision and kind: what they may be, and what is refused."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from tiny_models import LANGUAGE, TableModel, bpe_tokenizer, llama, make_tokenizer, same, t5, toy
from transformers import MistralConfig, MistralForCausalLM

from latticework.decoding import compiler_for, complete, generate
from latticework.grammar import regex
from latticework.grammar.errors import VocabularyError

PROMPTS = ["A", "{{"]


def test_logits_wider_and_narrower_than_the_tokenizer():
    tokenizer = make_tokenizer()
    for extra in (64, 5, -40):
        model = llama(extra=extra)
        found = complete(model, tokenizer, PROMPTS[:2], regex="[a-e]{20}", temperature=3.0, seed=1, max_new_tokens=50)
        assert all(max(generation.token_ids) < min(len(tokenizer), len(tokenizer) + extra) for generation in found)
        assert all(generation.finished for generation in found)


def test_every_end_token_of_the_model_counts():
    tokenizer = make_tokenizer()
    ends = tokenizer.convert_tokens_to_ids(["!", "#"])
    model = SimpleNamespace(generation_config=SimpleNamespace(eos_token_id=ends), config=llama().config)
    compiler = compiler_for(tokenizer, width=len(tokenizer), generation_config=model.generation_config)
    assert compiler.vocabulary.eos_token_ids == tuple(sorted([tokenizer.eos_token_id, *ends]))


def test_compilers_stay_warm_and_notice_changes():
    tokenizer = make_tokenizer()
    first = compiler_for(tokenizer, width=400)
    assert compiler_for(tokenizer, width=400) is first
    assert compiler_for(tokenizer, width=401) is not first
    assert compiler_for(make_tokenizer(), width=400) is not first
    tokenizer.add_tokens(["brandnew"])
    assert compiler_for(tokenizer, width=400).vocabulary.token_bytes(len(tokenizer) - 1) == b"brandnew"
    tokenizer.eos_token = "!"
    assert compiler_for(tokenizer, width=400).vocabulary.eos_token_ids == (tokenizer.eos_token_id,)


def test_model_without_numbers():
    _, tokenizer, compiler = toy()
    for value in (torch.nan, -torch.inf):
        model = TableModel(torch.full((9, 9), value))
        with pytest.raises(ValueError, match="no finite logit"):
            complete(model, tokenizer, "a", choice=["a"], compiler=compiler)
    model = TableModel(torch.zeros(9, 5))
    with pytest.raises(VocabularyError):
        complete(model, bpe_tokenizer(), "a", choice=["a"])


def test_half_precision_logits_are_summed_in_float32():
    model, tokenizer, compiler = toy()
    exact = complete(model, tokenizer, "abc", choice=LANGUAGE, compiler=compiler)
    model.table = model.table.to(torch.bfloat16)
    rounded = complete(model, tokenizer, "abc", choice=LANGUAGE, compiler=compiler)
    model.table = model.table.float()
    same(rounded, complete(model, tokenizer, "abc", choice=LANGUAGE, compiler=compiler))
    assert rounded[0].log_probability == pytest.approx(exact[0].log_probability, abs=0.2)


def test_encoder_decoder_is_refused():
    with pytest.raises(ValueError, match="encoder-decoder"):
        generate(t5(), bpe_tokenizer(), "x", choice=["a"])


def test_model_is_not_disturbed():
    """No gradients are kept, and the logits that a model hands out are its own."""
    model, tokenizer, compiler = toy()
    before = model.table.clone().requires_grad_()
    model.table = before
    complete(model, tokenizer, "a", choice=LANGUAGE, compiler=compiler)
    assert torch.equal(model.table, before)
    assert before.grad_fn is None


@pytest.mark.parametrize("prompts", [["ABC", "XYZ"], ["ABC", "XYZVVVVV"]])
def test_rows_of_a_sliding_window_do_not_push_each_other_out(prompts):
    """Where one row is given forced tokens, the other is padded; in a window of few tokens that must take no place."""
    torch.manual_seed(4)
    size = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
    width = len(bpe_tokenizer())
    config = MistralConfig(vocab_size=width, num_key_value_heads=2, sliding_window=6, initializer_range=0.5, **size)
    model = MistralForCausalLM(config).double().eval()
    constraints = [regex("[a-z]{3}(name: anna, age)[a-z]{9}"), regex("[a-z]{20}")]
    options = {"canonical": True, "drafts": None, "max_new_tokens": 40}
    together = complete(model, bpe_tokenizer(), prompts, constraint=constraints, **options)
    for prompt, constraint, generation in zip(prompts, constraints, together, strict=True):
        same(complete(model, bpe_tokenizer(), prompt, constraint=constraint, **options), [generation])
