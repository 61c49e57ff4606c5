"""The bytes of every token of a tokenizer of the `tokenizers` library, from its definition (`tokenizer.json`).

Three parts of the definition decide what a token spells: the model (its strings, and whether they are text at all), the
decoder (`vocabulary_decoder.py`), and the added tokens, whose content is literal text. Nothing is decoded to text and
back, because that loses tokens that are parts of a character.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .end_tokens import EndTokens, resolve_end_tokens
from .errors import VocabularyError
from .special_tokens import TokenTable
from .vocabulary_decoder import Definition, TokenDecoder, token_decoder


@dataclass(frozen=True, slots=True)
class AddedToken:
    """A token that stands beside the model: matched in the text before the model sees it."""

    content: str
    is_special: bool


@dataclass(frozen=True, slots=True)
class TokenizerDefinition:
    """The parts of a tokenizer that decide what its tokens spell.

    Attributes:
        model: the type of the model, and those of its options that change the meaning of its tokens.
        pieces: id and string of every token of the model, in any order.
        unknown: the id that stands for what the model cannot spell.
        added: id -> added token.
        decoder, pre_tokenizer, normalizer: their JSON forms.
    """

    model: Definition
    pieces: list[tuple[int, str]]
    unknown: int | None
    added: dict[int, AddedToken]
    decoder: Definition | None
    pre_tokenizer: Definition | None
    normalizer: Definition | None


def tokenizers_vocabulary(
    source: Any, eos_token_ids: EndTokens, *, special_ids: frozenset[int] = frozenset()
) -> TokenTable:
    """The bytes of every token (None: it spells nothing), the end tokens and the special ones.

    Args:
        source: a `tokenizers.Tokenizer`, or the path of a `tokenizer.json`.
        eos_token_ids: ids or names of the end tokens.
        special_ids: ids that spell nothing besides those that the definition marks as special.

    Raises `VocabularyError` if tokens have no bytes of their own, or the definition contradicts itself.
    """
    is_path = isinstance(source, (str, os.PathLike))
    definition = _read_file(Path(source)) if is_path else _read_object(source)
    names = {piece: token_id for token_id, piece in definition.pieces}
    names |= {token.content: token_id for token_id, token in definition.added.items()}
    special = special_ids | {token_id for token_id, token in definition.added.items() if token.is_special}
    return TokenTable(
        _bytes(definition, special),
        resolve_end_tokens(eos_token_ids, names.get),
        _special_names(definition, special),
    )


def _special_names(definition: TokenizerDefinition, special_ids: frozenset[int]) -> dict[str, int]:
    names = dict(definition.pieces) | {token_id: token.content for token_id, token in definition.added.items()}
    return {names[token_id]: token_id for token_id in sorted(special_ids) if names.get(token_id)}


def _bytes(definition: TokenizerDefinition, special_ids: frozenset[int]) -> list[bytes | None]:
    _check_model(definition.model)
    decode = token_decoder(definition.decoder, byte_fallback=bool(definition.model.get("byte_fallback")))
    _check_encoder(definition, decode)
    last = max([token_id for token_id, _ in definition.pieces] + list(definition.added), default=-1)
    result: list[bytes | None] = [None] * (last + 1)
    for token_id, piece in definition.pieces:
        result[token_id] = decode(piece)
    pieces = dict(definition.pieces)
    for token_id, token in definition.added.items():
        # The library also declares ordinary tokens of the model as added ones (runs of a space marker): those keep the
        # meaning that the decoder gives them. In a byte alphabet the content was never written in that alphabet.
        if decode.is_byte_level or pieces.get(token_id) != token.content:
            result[token_id] = token.content.encode()
    for token_id in special_ids if definition.unknown is None else special_ids | {definition.unknown}:
        if token_id < len(result):
            result[token_id] = None
    return result


# ----------------------------------------------------------------------------------------------- reading a definition


def _read_file(path: Path) -> TokenizerDefinition:
    try:
        data = json.loads(path.read_bytes())
        model = data["model"]
    except (ValueError, KeyError, TypeError) as error:
        raise VocabularyError(f"{path} is not a tokenizer.json: {error}") from None
    added = {token["id"]: AddedToken(token["content"], token["special"]) for token in data.get("added_tokens") or ()}
    pieces, unknown = _read_model(model)
    parts = (data.get("decoder"), data.get("pre_tokenizer"), data.get("normalizer"))
    return TokenizerDefinition(_options(model), pieces, unknown, added, *parts)


def _read_object(tokenizer: Any) -> TokenizerDefinition:
    """Ask the parts one by one: the JSON text of the whole holds the merges, and takes far longer than all the rest."""
    if not all(hasattr(tokenizer, name) for name in ("model", "decoder", "get_added_tokens_decoder")):
        raise TypeError(
            f"a tokenizers.Tokenizer or the path of a tokenizer.json expected, not {type(tokenizer).__name__}"
        )
    added = {
        token_id: AddedToken(token.content, token.special)
        for token_id, token in tokenizer.get_added_tokens_decoder().items()
    }
    model = tokenizer.model
    kind = type(model).__name__
    if kind == "BPE":
        options: dict[str, Any] = {"type": kind, **{name: getattr(model, name) for name in _MODEL_OPTIONS}}
        vocabulary = tokenizer.get_vocab(with_added_tokens=False)
        pieces, unknown = [(token_id, piece) for piece, token_id in vocabulary.items()], vocabulary.get(model.unk_token)
    else:
        state = _state(model, "model") or {}
        options = _options({"type": kind, **state})
        pieces, unknown = _read_model({**state, "type": kind})
    parts = [_state(getattr(tokenizer, name), name) for name in ("decoder", "pre_tokenizer", "normalizer")]
    return TokenizerDefinition(options, pieces, unknown, added, *parts)


_MODEL_OPTIONS = ("byte_fallback", "continuing_subword_prefix", "end_of_word_suffix")


def _options(model: Definition) -> dict[str, Any]:
    return {"type": _model_type(model), **{name: model.get(name) for name in _MODEL_OPTIONS}}


def _model_type(model: Definition) -> str:
    """Definitions of early versions leave the type out; the members tell."""
    if "type" in model:
        return str(model["type"])
    if "merges" in model:
        return "BPE"
    return "Unigram" if isinstance(model.get("vocab"), list) else "WordPiece"


def _read_model(model: Definition) -> tuple[list[tuple[int, str]], int | None]:
    vocabulary = model["vocab"]
    if isinstance(vocabulary, Mapping):
        return [(token_id, piece) for piece, token_id in vocabulary.items()], vocabulary.get(model.get("unk_token"))
    return [(token_id, entry[0]) for token_id, entry in enumerate(vocabulary)], model.get("unk_id")


def _state(part: Any, name: str) -> Any:
    """The JSON form of a part of a tokenizer, which is its pickled state."""
    if part is None:
        return None
    try:
        return json.loads(part.__getstate__())
    except Exception as error:  # noqa: BLE001 - parts written in Python raise a bare Exception
        raise VocabularyError(f"the tokenizer's {name} cannot be read: {error}") from None


# ---------------------------------------------------------------------------------------------------------- consistency


def _check_model(model: Definition) -> None:
    """Refuse models whose strings are not the text of their tokens."""
    match model["type"]:
        case "WordPiece":
            raise VocabularyError(
                "model WordPiece: a token without '##' begins a word, and a space before it is implied by its neighbour, "
                "so a token has no bytes of its own"
            )
        case "BPE" | "Unigram" | "WordLevel":
            for option in ("continuing_subword_prefix", "end_of_word_suffix"):
                if model.get(option):
                    raise VocabularyError(
                        f"model {model['type']} with {option}={model[option]!r}: what a token spells depends on its neighbours"
                    )
        case kind:
            raise VocabularyError(f"model {kind} is not known here")


def _check_encoder(definition: TokenizerDefinition, decode: TokenDecoder) -> None:
    """Refuse definitions whose decoder does not undo what the encoder does to the text."""
    for part in [*_parts(definition.normalizer), *_parts(definition.pre_tokenizer)]:
        if part["type"] == "ByteLevel" and not decode.is_byte_level:
            raise VocabularyError("the tokenizer encodes with ByteLevel, but its decoder does not undo that")
        marker = _marker(part)
        if marker is not None and marker not in decode.markers:
            raise VocabularyError(f"the tokenizer encodes a space as {marker!r}, but its decoder does not undo that")


def _marker(part: Definition) -> str | None:
    """What a normalizer or pre-tokenizer writes in place of a space."""
    if part["type"] == "Metaspace":
        return str(part["replacement"])
    if part["type"] == "Replace" and part["pattern"].get("String") == " " and part["content"] not in ("", " "):
        return str(part["content"])
    return None


def _parts(definition: Definition | None) -> Iterator[Definition]:
    """The normalizers or pre-tokenizers of nested sequences, in order."""
    if definition is None:
        return
    if definition["type"] == "Sequence":
        for part in definition.get("normalizers") or definition.get("pretokenizers") or ():
            yield from _parts(part)
    else:
        yield definition
