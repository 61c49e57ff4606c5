"""The bytes of every piece of a SentencePiece model (BPE or Unigram, with or without byte fallback)."""

from __future__ import annotations

import os
from typing import Any

from .end_tokens import EndTokens, resolve_end_tokens
from .errors import VocabularyError
from .special_tokens import TokenTable
from .vocabulary_decoder import fallback_byte

_SPACE_MARKER = "\u2581"


def sentencepiece_vocabulary(source: Any, eos_token_ids: EndTokens = None) -> TokenTable:
    """The bytes of every piece (None: unknown, control or unused), the end tokens, and the control pieces as special ones.

    Args:
        source: a `sentencepiece.SentencePieceProcessor`, or the path of a `.model` file.
        eos_token_ids: ids or pieces of the end tokens; by default the model's own.

    Raises `VocabularyError` if there is no end token, or if the model marks the end of a word with the space.
    """
    processor = _load(source) if isinstance(source, (str, os.PathLike)) else source
    if not all(hasattr(processor, name) for name in ("id_to_piece", "is_byte", "get_piece_size")):
        raise TypeError(f"a SentencePieceProcessor or the path of a model expected, not {type(processor).__name__}")
    check_marker_is_prefix(processor)
    if eos_token_ids is None and processor.eos_id() >= 0:
        eos_token_ids = processor.eos_id()
    pieces = range(processor.get_piece_size())
    return TokenTable(
        [piece_bytes(processor, piece_id) for piece_id in pieces],
        resolve_end_tokens(eos_token_ids, lambda piece: find_piece(processor, piece)),
        {processor.id_to_piece(piece_id): piece_id for piece_id in pieces if processor.is_control(piece_id)},
    )


def piece_bytes(processor: Any, piece_id: int) -> bytes | None:
    """What one piece spells; None for unknown, control and unused pieces."""
    if processor.is_unknown(piece_id) or processor.is_control(piece_id) or processor.is_unused(piece_id):
        return None
    piece: str = processor.id_to_piece(piece_id)
    if processor.is_byte(piece_id):
        value = fallback_byte(piece)
        if isinstance(value, str):
            raise VocabularyError(f"piece {piece_id} is a byte, but is named {piece!r}")
        return value
    return piece.replace(_SPACE_MARKER, " ").encode()


def find_piece(processor: Any, piece: str) -> int | None:
    """The id of a piece; None if there is none, where SentencePiece gives that of the unknown piece."""
    piece_id: int = processor.piece_to_id(piece)
    return piece_id if processor.id_to_piece(piece_id) == piece else None


def check_marker_is_prefix(processor: Any) -> None:
    """Refuse models that put the marker after a word: a text would then end with a space that it does not have."""
    pieces: list[str] = processor.encode("a a", out_type=str)
    if pieces and pieces[-1].endswith(_SPACE_MARKER):
        raise VocabularyError("the SentencePiece model writes the space after each word (treat_whitespace_as_suffix)")


def _load(path: str | os.PathLike[str]) -> Any:
    try:
        from sentencepiece import SentencePieceProcessor
    except ImportError:
        raise ImportError("reading a SentencePiece model needs the package sentencepiece") from None
    return SentencePieceProcessor(model_file=os.fspath(path))
