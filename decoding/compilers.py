"""Compilers kept warm: one for each tokenizer and width of logits, so that a second call finds its grammar compiled."""

from __future__ import annotations

from collections.abc import Hashable
from threading import Lock
from typing import Any
from weakref import WeakKeyDictionary

from latticework.grammar.compiler import Compiler
from latticework.grammar.vocabulary import Vocabulary

from .model_facts import text_config

_compilers: WeakKeyDictionary[Any, dict[Hashable, Compiler]] = WeakKeyDictionary()
_lock = Lock()


def compiler_for(tokenizer: Any, *, width: int | None = None, generation_config: Any = None) -> Compiler:
    """The compiler for a Hugging Face tokenizer and a model whose logits are `width` wide; made once, then kept.

    It is kept as long as the tokenizer lives. Tokens that are added to the tokenizer, or another end token, lead to
    another compiler. Tokens for which the model has no logits are left out. Raises `VocabularyError`.
    """
    ends = (getattr(tokenizer, "eos_token_id", None), str(getattr(generation_config, "eos_token_id", None)))
    key = (width, len(tokenizer), *ends)
    with _lock:
        known = _compilers.setdefault(tokenizer, {})
        if key not in known:
            known[key] = Compiler(_vocabulary(tokenizer, width, generation_config))
        return known[key]


def model_compiler(model: Any, tokenizer: Any) -> Compiler:
    """The compiler for a model and its tokenizer, kept warm. Raises as `compiler_for` and `logits_width`."""
    config = getattr(model, "generation_config", None)
    return compiler_for(tokenizer, width=logits_width(model), generation_config=config)


def logits_width(model: Any) -> int:
    """How many logits a causal language model gives for each position. Raises `TypeError` if it does not say."""
    width = getattr(text_config(model), "vocab_size", None)
    if not isinstance(width, int):
        raise TypeError(f"{type(model).__name__} has no config.vocab_size, so the width of its logits is not known")
    return width


def _vocabulary(tokenizer: Any, width: int | None, generation_config: Any) -> Vocabulary:
    if width is None or width > max(tokenizer.get_vocab().values()):
        return Vocabulary.from_huggingface(tokenizer, size=width, generation_config=generation_config)
    whole = Vocabulary.from_huggingface(tokenizer, generation_config=generation_config)
    ends = [token_id for token_id in whole.eos_token_ids if token_id < width]
    special = {name: token_id for name, token_id in whole.special_tokens.items() if token_id < width}
    return Vocabulary([whole.token_bytes(token_id) for token_id in range(width)], ends, special_tokens=special)
