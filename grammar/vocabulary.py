"""`Vocabulary`: what each token of a model spells, taken exactly from the model's tokenizer.

Bytes come from the tokenizer's own definition, one `vocabulary_*.py` for each kind of source. Three conventions hold for
all of them:

- Special tokens, padding and unused ids spell nothing, and are never allowed (end tokens: where the text may end).
- Added tokens spell their content literally.
- A token keeps its leading space. SentencePiece and Metaspace tokenizers put a space before a text when they encode it, and
  drop it when they decode; the bytes of the tokens of "word" are then " word". A constraint describes the bytes as the
  model writes them, so a grammar whose text begins with "{" is spelled with the token "{", not with " {".
"""

from __future__ import annotations

import hashlib
import os
from array import array
from functools import cached_property
from typing import Any

from . import _native
from .end_tokens import EndTokens
from .vocabulary_huggingface import huggingface_vocabulary
from .vocabulary_sentencepiece import sentencepiece_vocabulary
from .vocabulary_tiktoken import tiktoken_vocabulary
from .vocabulary_tokenizers import tokenizers_vocabulary


class Vocabulary(_native.Vocabulary):
    """Token id -> bytes, and the end tokens. Immutable, comparable by content, picklable; `copy` gives the same object.

    `Vocabulary(token_bytes, eos_token_ids, size=None)` takes the bytes themselves; the class methods read them from a
    tokenizer. `size` is the width of the model's logits if it is larger than the tokenizer. All raise `VocabularyError`.
    """

    @classmethod
    def from_huggingface(
        cls, tokenizer: Any, *, size: int | None = None, eos_token_ids: EndTokens = None, generation_config: Any = None
    ) -> Vocabulary:
        """From a tokenizer of transformers: any fast one, and slow ones with a SentencePiece model.

        The end tokens are `eos_token_ids` (ids or names), by default the tokenizer's own and those of `generation_config`.
        """
        return cls(*huggingface_vocabulary(tokenizer, eos_token_ids, generation_config), size)

    @classmethod
    def from_tokenizers(
        cls, tokenizer: Any | str | os.PathLike[str], eos_token_ids: EndTokens, *, size: int | None = None
    ) -> Vocabulary:
        """From a `tokenizers.Tokenizer` or the path of a `tokenizer.json`; these do not say which tokens end a text."""
        return cls(*tokenizers_vocabulary(tokenizer, eos_token_ids), size)

    @classmethod
    def from_tiktoken(cls, encoding: Any, eos_token_ids: EndTokens = None, *, size: int | None = None) -> Vocabulary:
        """From a `tiktoken.Encoding`; the end token is `<|endoftext|>` by default."""
        return cls(*tiktoken_vocabulary(encoding, eos_token_ids), size)

    @classmethod
    def from_sentencepiece(
        cls, processor: Any | str | os.PathLike[str], eos_token_ids: EndTokens = None, *, size: int | None = None
    ) -> Vocabulary:
        """From a `SentencePieceProcessor` or the path of its model; the end token is the model's own by default."""
        return cls(*sentencepiece_vocabulary(processor, eos_token_ids), size)

    @cached_property
    def fingerprint(self) -> str:
        """A hash of the content: equal for vocabularies of equal tokens, end tokens and size, in any process."""
        tokens = self._all_bytes()
        digest = hashlib.blake2b(digest_size=16)
        digest.update(array("q", [self.size, *self.eos_token_ids, -1]).tobytes())
        digest.update(array("q", map(len, tokens)).tobytes())
        digest.update(b"".join(tokens))
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
        return type(self), (self._all_bytes(), self.eos_token_ids, self.size)

    def _all_bytes(self) -> list[bytes]:
        return [self.token_bytes(token_id) for token_id in range(self.size)]
