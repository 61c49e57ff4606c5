"""Tokenizers of the tokenizers library: their tokens spell their texts, and what has no bytes per token is refused."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pytest
import tokenizers
from hypothesis import given
from hypothesis import strategies as st
from tokenizer_samples import (
    ANY_TEXT,
    TEXTS,
    byte_fallback_tokenizer,
    byte_level_tokenizer,
    ids_of,
    lenient,
    spell,
    unigram_tokenizer,
)
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

from latticework.grammar.errors import VocabularyError
from latticework.grammar.vocabulary_decoder import BYTE_ALPHABET, token_decoder
from latticework.grammar.vocabulary_huggingface import huggingface_vocabulary
from latticework.grammar.vocabulary_sentencepiece import sentencepiece_vocabulary
from latticework.grammar.vocabulary_tiktoken import tiktoken_vocabulary
from latticework.grammar.vocabulary_tokenizers import tokenizers_vocabulary

shared_byte_level_tokenizer = cache(byte_level_tokenizer)
shared_unigram_tokenizer = cache(unigram_tokenizer)


@lenient
@given(text=st.one_of(ANY_TEXT, st.sampled_from(TEXTS)))
def test_trained_byte_level(text: str) -> None:
    tokenizer = shared_byte_level_tokenizer()
    token_bytes, _, _ = tokenizers_vocabulary(tokenizer, "<end>")
    assert spell(ids_of(tokenizer, text), token_bytes) == text.encode()


@lenient
@given(text=st.one_of(st.text("ab é\n🦀", max_size=20), ANY_TEXT))
def test_byte_fallback(text: str) -> None:
    tokenizer = byte_fallback_tokenizer()
    token_bytes, _, _ = tokenizers_vocabulary(tokenizer, 5)
    expected = (" " + text).replace("\u2581", " ") if text else ""
    assert spell(ids_of(tokenizer, text), token_bytes) == expected.encode()
    assert tokenizer.decode(ids_of(tokenizer, text)) == expected[1:]


@lenient
@given(text=st.text("the quick brown fox é", max_size=20))
def test_trained_unigram(text: str) -> None:
    tokenizer = shared_unigram_tokenizer()
    token_bytes, eos, _ = tokenizers_vocabulary(tokenizer, "<end>")
    assert eos == (1,)
    assert token_bytes[:2] == [None, None]
    ids = ids_of(tokenizer, text)
    # The pre-tokenizer takes a space at the beginning of the text for the one that it would put there.
    expected = text if text.startswith(" ") else " " + text if text else ""
    assert 0 in ids or spell(ids, token_bytes) == expected.encode()


def test_added_tokens_are_literal() -> None:
    tokenizer = byte_level_tokenizer()
    tokenizer.add_tokens(["Ġé", AddedToken("<tool>", special=False), "\n\n\n"])
    tokenizer.add_special_tokens(["<pad>"])
    token_bytes, _, _ = tokenizers_vocabulary(tokenizer, "<end>")
    assert token_bytes[-4:] == ["Ġé".encode(), b"<tool>", b"\n\n\n", None]
    text = "a Ġé<tool>b\n\n\n"
    assert spell(ids_of(tokenizer, text), token_bytes) == text.encode()


def test_added_tokens_that_are_pieces_keep_their_spaces() -> None:
    tokenizer = byte_fallback_tokenizer()
    tokenizer.add_tokens([AddedToken("\u2581ab", normalized=False), AddedToken("\u2581x", normalized=False)])
    token_bytes, _, _ = tokenizers_vocabulary(tokenizer, 5)
    assert token_bytes[tokenizer.token_to_id("\u2581ab")] == b" ab"
    assert token_bytes[tokenizer.token_to_id("\u2581x")] == "\u2581x".encode()


def test_byte_fallback_of_the_model_alone() -> None:
    tokenizer = byte_fallback_tokenizer()
    tokenizer.decoder = decoders.Sequence([decoders.Replace("\u2581", " "), decoders.Fuse()])
    token_bytes, _, _ = tokenizers_vocabulary(tokenizer, 5)
    assert token_bytes[0] is None
    assert token_bytes[1:257] == [bytes([value]) for value in range(256)]


def test_holes_and_word_level() -> None:
    tokenizer = Tokenizer(models.WordLevel({"a": 1, "b ": 4, "?": 6}, unk_token="?"))
    tokenizer.decoder = decoders.Fuse()
    assert tokenizers_vocabulary(tokenizer, [9]) == ([None, b"a", None, None, b"b ", None, None], (9,), {})


def test_byte_alphabet_is_that_of_the_library() -> None:
    assert sorted(BYTE_ALPHABET) == sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = byte_level_tokenizer()
    for value in range(128):
        assert BYTE_ALPHABET[value] == tokenizer.pre_tokenizer.pre_tokenize_str(chr(value))[0][0]


# --------------------------------------------------------------------------------------------------------- refusals


def refusal(tokenizer: Tokenizer) -> str:
    with pytest.raises(VocabularyError) as caught:
        tokenizers_vocabulary(tokenizer, 0)
    return str(caught.value)


def test_wordpiece_is_refused() -> None:
    tokenizer = Tokenizer(models.WordPiece({"[UNK]": 0, "a": 1, "##b": 2}, unk_token="[UNK]"))
    tokenizer.decoder = decoders.WordPiece()
    assert "WordPiece" in refusal(tokenizer)


DECODERS = [
    (decoders.WordPiece(), "WordPiece"),
    (decoders.BPEDecoder(), "BPEDecoder"),
    (decoders.CTC(), "CTC"),
    (decoders.Sequence([decoders.Fuse(), decoders.Strip("x", 1, 0)]), "Strip"),
    (decoders.Sequence([decoders.Fuse(), decoders.Strip(" ", 0, 1)]), "Strip"),
    (decoders.Sequence([decoders.ByteFallback(), decoders.Strip(" ", 1, 0)]), "Strip"),
    (decoders.Replace(tokenizers.Regex("a+"), "b"), "Replace"),
    (decoders.Sequence([decoders.Fuse(), decoders.Replace("ab", "c")]), "Replace"),
    (decoders.Sequence([decoders.ByteFallback(), decoders.Fuse(), decoders.Replace("_", " ")]), "Replace"),
    (None, "no decoder"),
]


@pytest.mark.parametrize(("decoder", "name"), DECODERS)
def test_decoders_without_bytes_per_token_are_refused(decoder: Any, name: str) -> None:
    tokenizer = Tokenizer(models.WordLevel({"a": 0, "b": 1}, unk_token="b"))
    if decoder is not None:
        tokenizer.decoder = decoder
    assert name in refusal(tokenizer)


def test_unknown_decoder_and_model_are_named() -> None:
    with pytest.raises(VocabularyError, match="Quux"):
        token_decoder({"type": "Sequence", "decoders": [{"type": "Fuse"}, {"type": "Quux"}]})


@pytest.mark.parametrize("option", ["continuing_subword_prefix", "end_of_word_suffix"])
def test_affixes_of_bpe_are_refused(option: str) -> None:
    tokenizer = Tokenizer(models.BPE({"a": 0, "a@@": 1}, [], **{option: "@@"}))
    tokenizer.decoder = decoders.Fuse()
    assert option in refusal(tokenizer)


def test_decoders_that_do_not_undo_the_encoder_are_refused() -> None:
    byte_level, metaspace, replace = byte_level_tokenizer(), unigram_tokenizer(), byte_fallback_tokenizer()
    for tokenizer in (byte_level, metaspace, replace):
        tokenizer.decoder = decoders.Fuse()
    assert "ByteLevel" in refusal(byte_level)
    assert "\u2581" in refusal(metaspace)
    assert "\u2581" in refusal(replace)


def test_not_a_tokenizer(tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    path.write_text('{"a": 1}')
    with pytest.raises(VocabularyError, match="not a tokenizer"):
        tokenizers_vocabulary(path, 0)
    for function in (tokenizers_vocabulary, tiktoken_vocabulary, sentencepiece_vocabulary):
        with pytest.raises(TypeError, match="expected"):
            function(object(), 0)
    with pytest.raises(VocabularyError, match="object has neither"):
        huggingface_vocabulary(object(), 0)


@pytest.mark.parametrize(
    ("decoder", "token", "expected"),
    [
        (decoders.Sequence([decoders.Strip("_", 1, 2), decoders.Fuse()]), "__a___", b"_a_"),
        (decoders.Sequence([decoders.Replace("_", " "), decoders.Fuse(), decoders.Strip(" ", 1, 0)]), "_a", b" a"),
        (decoders.Sequence([decoders.Fuse(), decoders.Replace("_", " ")]), "_a_", b" a "),
        (decoders.Fuse(), "<0x41>", b"<0x41>"),
        (decoders.ByteFallback(), "<0xff>", b"\xff"),
        (decoders.ByteFallback(), "<0xfg>", b"<0xfg>"),
        (decoders.ByteLevel(), "Ċ", b"\n"),
        (decoders.ByteLevel(), "Ċ\u2581", "Ċ\u2581".encode()),
    ],
)
def test_steps_of_a_decoder(decoder: Any, token: str, expected: bytes) -> None:
    tokenizer = Tokenizer(models.WordLevel({token: 0, "second": 1}, unk_token="second"))
    tokenizer.decoder = decoder
    token_bytes, _, _ = tokenizers_vocabulary(tokenizer, 1)
    assert token_bytes == [expected, None]
    text = expected.decode(errors="replace")
    assert tokenizer.decode([0], skip_special_tokens=False) in (text, text.removeprefix(" "))
