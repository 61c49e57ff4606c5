"""The models that `validity.py` puts under constraints: a random one with a real vocabulary, and the built-in one.

A random model hardly ever stops by itself: of 128,000 tokens that are about equally likely, few end a string. A closing
bias raises the logits of every token with a quotation mark, a closing bracket or a closing brace in it, and of the end
tokens, by a constant. It is the bias of the model's last layer, so that the model stays an ordinary one.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from corpus import END_TOKEN
from torch import Tensor
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

import latticework as lw

POSITIONS = 4096
_CLOSING = frozenset(b'"]}')


@dataclass(frozen=True, slots=True)
class Subject:
    """A causal language model, its tokenizer, and the compiler for both."""

    model: Any
    tokenizer: Any
    compiler: lw.Compiler


def random_llama(
    tokenizer_file: Path, *, end_token: str = END_TOKEN, seed: int = 0, closing_bias: float = 0.0
) -> Subject:
    """A Llama of one tiny layer with random weights, for the tokens of `tokenizer_file`.

    The weights depend on `seed` alone; torch's global random state is left as it was.
    """
    make: Any = PreTrainedTokenizerFast  # it has no types
    tokenizer = make(tokenizer_file=str(tokenizer_file), eos_token=end_token)
    end = tokenizer.eos_token_id
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=1,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=POSITIONS,
        initializer_range=0.2,  # logits with a standard deviation of about 1
        bos_token_id=None,
        eos_token_id=end,
        pad_token_id=end,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model: Any = LlamaForCausalLM(config)
    return make_subject(model.eval(), tokenizer, closing_bias)


def builtin(*, closing_bias: float = 0.0) -> Subject:
    """The model that Latticework brings along."""
    return make_subject(*lw.load_builtin(), closing_bias)


def make_subject(model: Any, tokenizer: Any, closing_bias: float = 0.0) -> Subject:
    """`model` with a compiler of its own; its last layer is replaced if there is a bias."""
    width = model.config.vocab_size
    vocabulary = lw.Vocabulary.from_huggingface(tokenizer, size=width, generation_config=model.generation_config)
    if closing_bias:
        model.lm_head = _biased(model.lm_head, closing_tokens(vocabulary) * closing_bias)
    return Subject(model, tokenizer, lw.Compiler(vocabulary, cache_size=64))


def closing_tokens(vocabulary: lw.Vocabulary) -> Tensor:
    """float32[V]: 1 for the tokens that can close something, and for the end tokens, else 0."""
    closing = torch.zeros(vocabulary.size)
    for token_id in range(vocabulary.size):
        closing[token_id] = float(not _CLOSING.isdisjoint(vocabulary.token_bytes(token_id)))
    closing[list(vocabulary.eos_token_ids)] = 1.0
    return closing


def _biased(head: torch.nn.Linear, bias: Tensor) -> torch.nn.Linear:
    biased = torch.nn.Linear(head.in_features, head.out_features, bias=True, device="meta")
    biased.weight = head.weight
    biased.bias = torch.nn.Parameter(bias.to(head.weight), requires_grad=False)
    return biased
