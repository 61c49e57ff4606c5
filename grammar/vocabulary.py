"""`Vocabulary`: what each token of a model spells, taken exactly from the model's tokenizer.

Bytes come from the tokenizer's own definition, one `vocabulary_*.py` for each kind of source. Three conventions hold for
all of them:

- Padding and unused ids spell nothing, and are never allowed. End tokens are, where the text may end. Any other special
  token spells nothing either, but has a name: it is allowed where a constraint demands it (`special_token`), only there.
- Added tokens spell their content literally.
- A token keeps its leading space. SentencePiece and Metaspace tokenizers put a space before a text when they encode it, and
  drop it when they decode; the bytes of the tokens of "word" are then " word". A constraint describes the bytes as the
  model writes them, so a grammar whose text begins with "{" is spelled with the token "{", not with " {".
"""

from __future__ import annotations

import hashlib
import os
from array import array
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from types import MappingProxyType
from typing import Any

from . import _native
from .end_tokens import EndTokens
from .errors import VocabularyError
from .special_tokens import MARK, check_special_tokens, mark
from .vocabulary_huggingface import huggingface_vocabulary
from .vocabulary_sentencepiece import sentencepiece_vocabulary
from .vocabulary_tiktoken import tiktoken_vocabulary
from .vocabulary_tokenizers import tokenizers_vocabulary


class Vocabulary(_native.Vocabulary):
    """Token id -> bytes, and the end tokens. Immutable, comparable by content, picklable; `copy` gives the same object.

    `Vocabulary(token_bytes, eos_token_ids, size=None, special_tokens=None)` takes the bytes themselves; the class methods
    read them from a tokenizer. `size` is the width of the model's logits if it is larger than the tokenizer, and
    `special_tokens` says which tokens a constraint may demand by which name. All raise `VocabularyError`.
    """

    def __init__(
        self,
        token_bytes: Sequence[bytes | None],
        eos_token_ids: Iterable[int],
        size: int | None = None,
        special_tokens: Mapping[str, int] | None = None,
    ) -> None:
        """`token_bytes[i]` is what token i spells; None or b"": nothing. End tokens may be among `special_tokens`, and keep
        their meaning. Raises `TypeError` for wrong types, `VocabularyError` for ids that are unknown or contradict.
        """
        ends = tuple(eos_token_ids)
        named = {name: token_id for name, token_id in (special_tokens or {}).items() if token_id not in ends}
        given = _hidden(token_bytes, named, size) if named else {}
        if given:
            token_bytes = [*token_bytes, *[None] * (max(given) + 1 - len(token_bytes))]
            for token_id in given:
                token_bytes[token_id] = None
            for name, token_id in named.items():
                token_bytes[token_id] = mark(name)
        super().__init__(token_bytes, ends, size)
        self._given = given
        self._special_tokens = MappingProxyType(named)

    @property
    def special_tokens(self) -> Mapping[str, int]:
        """The ids of the special tokens that a constraint may demand, by their names; end tokens are none."""
        return self._special_tokens

    @cached_property
    def special_names(self) -> Mapping[int, str]:
        """The names of the same tokens by their ids."""
        return MappingProxyType({token_id: name for name, token_id in self._special_tokens.items()})

    def token_bytes(self, token_id: int) -> bytes:
        """The bytes of a token; none for a special one. Raises `IndexError` if there is no such token."""
        given = self._given.get(token_id)
        return super().token_bytes(token_id) if given is None else given

    @classmethod
    def from_huggingface(
        cls, tokenizer: Any, *, size: int | None = None, eos_token_ids: EndTokens = None, generation_config: Any = None
    ) -> Vocabulary:
        """From a tokenizer of transformers: any fast one, and slow ones with a SentencePiece model.

        The end tokens are `eos_token_ids` (ids or names), by default the tokenizer's own and those of `generation_config`.
        """
        table = huggingface_vocabulary(tokenizer, eos_token_ids, generation_config)
        return cls(table.token_bytes, table.eos_token_ids, size, table.special_tokens)

    @classmethod
    def from_tokenizers(
        cls, tokenizer: Any | str | os.PathLike[str], eos_token_ids: EndTokens, *, size: int | None = None
    ) -> Vocabulary:
        """From a `tokenizers.Tokenizer` or the path of a `tokenizer.json`; these do not say which tokens end a text."""
        table = tokenizers_vocabulary(tokenizer, eos_token_ids)
        return cls(table.token_bytes, table.eos_token_ids, size, table.special_tokens)

    @classmethod
    def from_tiktoken(cls, encoding: Any, eos_token_ids: EndTokens = None, *, size: int | None = None) -> Vocabulary:
        """From a `tiktoken.Encoding`; the end token is `<|endoftext|>` by default."""
        table = tiktoken_vocabulary(encoding, eos_token_ids)
        return cls(table.token_bytes, table.eos_token_ids, size, table.special_tokens)

    @classmethod
    def from_sentencepiece(
        cls, processor: Any | str | os.PathLike[str], eos_token_ids: EndTokens = None, *, size: int | None = None
    ) -> Vocabulary:
        """From a `SentencePieceProcessor` or the path of its model; the end token is the model's own by default."""
        table = sentencepiece_vocabulary(processor, eos_token_ids)
        return cls(table.token_bytes, table.eos_token_ids, size, table.special_tokens)

    @cached_property
    def fingerprint(self) -> str:
        """A hash of the content: equal for vocabularies of equal tokens, end tokens and size, in any process."""
        tokens = self._all_bytes()
        digest = hashlib.blake2b(digest_size=16)
        digest.update(array("q", [self.size, *self.eos_token_ids, -1]).tobytes())
        digest.update(array("q", map(len, tokens)).tobytes())
        digest.update(b"".join(tokens))
        for name, token_id in sorted(self._special_tokens.items()):
            digest.update(f"{token_id}:{len(name)}:{name}".encode())
        return digest.hexdigest()

    def __eq__(self, other: object) -> bool:
        return self.fingerprint == other.fingerprint if isinstance(other, Vocabulary) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.fingerprint)

    def __copy__(self) -> Vocabulary:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Vocabulary:
        return self

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self._all_bytes(), self.eos_token_ids, self.size, dict(self._special_tokens))

    def _all_bytes(self) -> list[bytes]:
        return [self.token_bytes(token_id) for token_id in range(self.size)]


def _hidden(
    token_bytes: Sequence[bytes | None], special_tokens: Mapping[str, int], size: int | None
) -> dict[int, bytes]:
    """The bytes of the tokens that the automaton sees as others: special ones, and those that hold a mark's border."""
    check_special_tokens(special_tokens, max(len(token_bytes), size or 0))
    special = dict.fromkeys(special_tokens.values(), b"")
    for name, token_id in special_tokens.items():
        if token_id < len(token_bytes) and token_bytes[token_id]:
            raise VocabularyError(f"the special token {name!r} has bytes: {token_bytes[token_id]!r}")
    borders = {token_id: data for token_id, data in enumerate(token_bytes) if isinstance(data, bytes) and MARK in data}
    return special | borders
