"""Tokenizers and models made on the spot: byte-level BPE, random Llama and GPT-2, and one whose law is a table."""

from __future__ import annotations

from functools import cache
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
    T5Config,
    T5ForConditionalGeneration,
)

from latticework.decoding import Generation
from latticework.grammar import Compiler, Vocabulary

torch.set_num_threads(1)  # on tensors this small, threads only wait for each other

CHAT = (
    "{% for message in messages %}{{ '<' + message.role + '>' + message.content + '\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<assistant>' }}{% endif %}"
)
CORPUS = ['{"name": "anna", "age": 12, "member": true}'] * 5 + ["hällo wörld 日本 😀 the rain in spain"] * 2


def make_tokenizer(**options: Any) -> PreTrainedTokenizerFast:
    """A fresh byte-level BPE tokenizer of about 320 tokens: every byte, JSON pieces, <eos> and <pad>."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=320, special_tokens=["<eos>", "<pad>"], initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(CORPUS, trainer)
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, **{"eos_token": "<eos>", "pad_token": "<pad>"} | options)
    fast.chat_template = CHAT
    fast.padding_side = "left"
    return fast


@cache
def bpe_tokenizer() -> PreTrainedTokenizerFast:
    """The tokenizer that tests share, so that its compiler stays warm."""
    return make_tokenizer()


def _special(tokenizer: PreTrainedTokenizerFast) -> dict[str, int | None]:
    return {"bos_token_id": None, "eos_token_id": tokenizer.eos_token_id, "pad_token_id": tokenizer.pad_token_id}


@cache
def llama(seed: int = 0, *, extra: int = 5, layers: int = 2) -> LlamaForCausalLM:
    """A random Llama in float64, whose logits are `extra` wider than the tokenizer."""
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=len(bpe_tokenizer()) + extra,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=layers,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=512,
        initializer_range=0.5,
        **_special(bpe_tokenizer()),
    )
    return LlamaForCausalLM(config).double().eval()


@cache
def gpt2(positions: int = 256) -> GPT2LMHeadModel:
    """A random GPT-2 in float64: absolute positions, of which there are `positions`."""
    torch.manual_seed(1)
    size = {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": positions, "initializer_range": 0.5}
    config = GPT2Config(vocab_size=len(bpe_tokenizer()), **size, **_special(bpe_tokenizer()))
    return GPT2LMHeadModel(config).double().eval()


@cache
def t5() -> T5ForConditionalGeneration:
    """A random encoder-decoder model."""
    torch.manual_seed(2)
    size = {"d_model": 32, "d_kv": 8, "d_ff": 64, "num_layers": 1, "num_heads": 4, "initializer_factor": 5.0}
    special = _special(bpe_tokenizer()) | {"decoder_start_token_id": bpe_tokenizer().pad_token_id}
    return T5ForConditionalGeneration(T5Config(vocab_size=len(bpe_tokenizer()), **size, **special)).eval()


class TableModel:
    """A model whose next-token logits are a table row chosen by the last token: its law can be computed by hand.

    It has no cache, takes no positions, and counts its calls.
    """

    def __init__(self, table: torch.Tensor) -> None:
        self.table = table  # (V, W): the logits that follow each token
        self.config = SimpleNamespace(vocab_size=table.shape[1])
        self.calls = 0

    def __call__(
        self, *, input_ids: torch.Tensor, attention_mask: torch.Tensor, past_key_values: Any, use_cache: bool
    ) -> SimpleNamespace:
        self.calls += 1
        assert attention_mask.shape == input_ids.shape
        return SimpleNamespace(logits=self.table[input_ids], past_key_values=None)


class LetterTokenizer:
    """Encodes each character by its place in an alphabet; all that generation asks of a tokenizer."""

    bos_token_id = None

    def __init__(self, letters: str) -> None:
        self.letters = letters

    def __call__(self, text: str, **_: Any) -> dict[str, list[int]]:
        return {"input_ids": [self.letters.index(letter) for letter in text]}


LETTERS = [b"a", b"b", b"ab", b"ba", b"aa", b"b", None]  # 5 spells what 1 spells; 6 is the end
LANGUAGE = ["ab", "aab", "b", "abab"]


def toy() -> tuple[TableModel, LetterTokenizer, Compiler]:
    """A model whose law is a table, its tokenizer, and a compiler for the tokens of `LETTERS`."""
    torch.manual_seed(3)
    table = torch.randn(9, 9, dtype=torch.float64) * 2  # wider than the vocabulary by two
    return TableModel(table), LetterTokenizer("abcdefg"), Compiler(Vocabulary(LETTERS, [6]))


def same(left: list[Generation], right: list[Generation]) -> None:
    """Assert that two lists of generations are equal, up to the rounding of sums."""
    for one, other in zip(left, right, strict=True):
        assert (one.token_ids, one.text, one.finish_reason) == (other.token_ids, other.text, other.finish_reason)
        assert one.log_probability == pytest.approx(other.log_probability, abs=1e-6)
        assert one.log_weight == pytest.approx(other.log_weight, abs=1e-6)
