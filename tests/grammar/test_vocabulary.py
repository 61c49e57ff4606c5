"""Vocabulary: the bytes of the tokens of a text concatenate to that text, for every kind of tokenizer."""

from __future__ import annotations

import base64
import copy
import io
import pickle
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
import tiktoken
from hypothesis import given
from hypothesis import strategies as st
from tokenizer_samples import (
    ANY_TEXT,
    TEXTS,
    WORDS,
    Bytes,
    byte_level_tokenizer,
    ids_of,
    lenient,
    spell,
)
from tokenizers import Tokenizer

from latticework.grammar.end_tokens import resolve_end_tokens
from latticework.grammar.errors import VocabularyError
from latticework.grammar.vocabulary import Vocabulary
from latticework.grammar.vocabulary_huggingface import huggingface_vocabulary
from latticework.grammar.vocabulary_sentencepiece import sentencepiece_vocabulary
from latticework.grammar.vocabulary_tiktoken import tiktoken_vocabulary
from latticework.grammar.vocabulary_tokenizers import tokenizers_vocabulary

# ------------------------------------------------------------------------------------------- tokenizers of the data folder


@cache
def load_tokenizer(path: Path) -> Tokenizer:
    return Tokenizer.from_file(str(path))


@cache
def load_definition(path: Path, eos: str) -> Bytes:
    return tokenizers_vocabulary(load_tokenizer(path), eos)[0]


def data_tokenizer(data_dir: Path, name: str, eos: str) -> tuple[Tokenizer, Bytes]:
    path = data_dir / "tokenizers" / f"{name}.tokenizer.json"
    return load_tokenizer(path), load_definition(path, eos)


BYTE_LEVEL = [("llama3", "<|eot_id|>", 128_256), ("phi2", "<|endoftext|>", 50_295)]


@pytest.mark.parametrize(("name", "eos", "size"), BYTE_LEVEL)
def test_byte_level_files_spell_texts(data_dir: Path, name: str, eos: str, size: int) -> None:
    tokenizer, token_bytes = data_tokenizer(data_dir, name, eos)
    assert len(token_bytes) == size
    for text in TEXTS:
        assert spell(ids_of(tokenizer, text), token_bytes) == text.encode()


@pytest.mark.parametrize(("name", "eos", "size"), BYTE_LEVEL)
@lenient
@given(text=ANY_TEXT)
def test_byte_level_files_spell_any_text(data_dir: Path, name: str, eos: str, size: int, text: str) -> None:
    tokenizer, token_bytes = data_tokenizer(data_dir, name, eos)
    assert spell(ids_of(tokenizer, text), token_bytes) == text.encode()


def test_byte_level_files_hold_every_byte(data_dir: Path) -> None:
    for name, eos, _ in BYTE_LEVEL:
        _, token_bytes = data_tokenizer(data_dir, name, eos)
        assert {bytes([value]) for value in range(256)} <= set(token_bytes)


def test_phi2_added_whitespace_is_literal(data_dir: Path) -> None:
    _, token_bytes = data_tokenizer(data_dir, "phi2", "<|endoftext|>")
    assert token_bytes[50_257] == b" " * 31
    assert token_bytes[50_256] is None


@lenient
@given(text=st.one_of(ANY_TEXT, st.sampled_from(TEXTS)))
def test_phi3_spells_any_text_after_a_space(data_dir: Path, text: str) -> None:
    tokenizer, token_bytes = data_tokenizer(data_dir, "phi3-mini", "<|endoftext|>")
    # The encoder writes U+2581 for a space, so that a U+2581 of the text comes back as a space.
    expected = (" " + text).replace("\u2581", " ") if text else ""
    assert spell(ids_of(tokenizer, text), token_bytes) == expected.encode()


def test_phi3_end_and_byte_tokens(data_dir: Path) -> None:
    path = data_dir / "tokenizers" / "phi3-mini.tokenizer.json"
    token_bytes, eos, _ = tokenizers_vocabulary(path, ["<|end|>", 32_000, "<|endoftext|>"])
    assert eos == (32_000, 32_007)
    assert token_bytes[3:259] == [bytes([value]) for value in range(256)]
    assert token_bytes.count(b"a") == 2  # the byte and the letter


WHITE_SPACE = re.compile("[\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+")


@lenient
@given(text=st.one_of(ANY_TEXT, st.sampled_from(TEXTS), st.text("abc .,é\n\u00bd\ufb01", max_size=20)))
def test_t5_spells_the_normalised_text(data_dir: Path, text: str) -> None:
    tokenizer, token_bytes = data_tokenizer(data_dir, "t5-small", "</s>")
    ids = ids_of(tokenizer, text)
    if 2 in ids:  # unknown: no byte fallback
        return
    words = [word for word in WHITE_SPACE.split(tokenizer.normalizer.normalize_str(text)) if word]
    assert spell(ids, token_bytes) == "".join(f" {word}" for word in words).replace("\u2581", " ").encode()


def test_t5_spells_its_alphabet(data_dir: Path) -> None:
    tokenizer, token_bytes = data_tokenizer(data_dir, "t5-small", "</s>")
    text = "The house is wonderful, says Jürg: it costs 12.50 (or not)."
    assert spell(ids_of(tokenizer, text), token_bytes) == f" {text}".encode()


@pytest.mark.parametrize("name", ["llama3", "phi2", "phi3-mini", "t5-small"])
def test_file_and_object_agree(data_dir: Path, name: str) -> None:
    path = data_dir / "tokenizers" / f"{name}.tokenizer.json"
    assert tokenizers_vocabulary(str(path), [5]) == tokenizers_vocabulary(load_tokenizer(path), [5])


@cache
def tiktoken_encoding(path: Path) -> tiktoken.Encoding:
    lines = path.read_bytes().splitlines()
    ranks = {base64.b64decode(token): int(rank) for token, rank in (line.split() for line in lines)}
    special = {"<|endoftext|>": len(ranks) + 1, "<|endofprompt|>": len(ranks) + 20}  # with holes, as in the originals
    pattern = r"\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+|\s+"
    return tiktoken.Encoding(path.stem, pat_str=pattern, mergeable_ranks=ranks, special_tokens=special)


@pytest.mark.parametrize("name", ["cl100k_base", "o200k_base"])
def test_tiktoken_spells_texts(data_dir: Path, name: str) -> None:
    encoding = tiktoken_encoding(data_dir / "tokenizers" / f"{name}.tiktoken")
    token_bytes, eos, _ = tiktoken_vocabulary(encoding)
    assert len(token_bytes) == encoding.n_vocab
    assert eos == (encoding.eot_token,)
    assert token_bytes[-21:].count(None) >= 19
    for text in TEXTS:
        assert spell(encoding.encode(text), token_bytes) == text.encode()


# ------------------------------------------------------------------------------------------------------- end tokens


def test_end_tokens() -> None:
    names = {"<end>": 7, "<stop>": 3}
    assert resolve_end_tokens(["<end>", 3, "<stop>"], names.get) == (3, 7)
    assert resolve_end_tokens("<end>", names.get) == (7,)
    assert resolve_end_tokens(0, names.get) == (0,)
    with pytest.raises(VocabularyError, match="nope"):
        resolve_end_tokens("nope", names.get)
    for nothing in (None, []):
        with pytest.raises(VocabularyError, match="eos_token_ids"):
            resolve_end_tokens(nothing, names.get)
    for wrong in ([True], [1.5], [None]):
        with pytest.raises(TypeError, match="eos_token_ids"):
            resolve_end_tokens(wrong, names.get)  # type: ignore[arg-type]


# ---------------------------------------------------------------------------------------- SentencePiece, Hugging Face


@cache
def sentencepiece_model(model_type: str, byte_fallback: bool, as_suffix: bool = False) -> bytes:
    spm = pytest.importorskip("sentencepiece")
    written = io.BytesIO()
    spm.SentencePieceTrainer.train(
        sentence_iterator=iter([WORDS] * 3),
        model_writer=written,
        vocab_size=420 if byte_fallback else 170,
        model_type=model_type,
        byte_fallback=byte_fallback,
        normalization_rule_name="identity",
        remove_extra_whitespaces=False,
        user_defined_symbols=["<tool>", "\u2581\u2581"],
        treat_whitespace_as_suffix=as_suffix,
        hard_vocab_limit=False,
        character_coverage=0.98 if byte_fallback else 1.0,
        minloglevel=2,
    )
    return written.getvalue()


@pytest.mark.parametrize("model_type", ["bpe", "unigram"])
@pytest.mark.parametrize("byte_fallback", [True, False])
def test_sentencepiece(tmp_path: Path, model_type: str, byte_fallback: bool) -> None:
    spm = pytest.importorskip("sentencepiece")
    path = tmp_path / "m.model"
    path.write_bytes(sentencepiece_model(model_type, byte_fallback))
    processor = spm.SentencePieceProcessor(model_file=str(path))
    token_bytes, eos, _ = sentencepiece_vocabulary(path)
    assert sentencepiece_vocabulary(path) == sentencepiece_vocabulary(processor)
    assert eos == (processor.eos_id(),)
    assert token_bytes[:3] == [None, None, None]
    assert b"<tool>" in token_bytes
    checked = 0
    for text in [*TEXTS, "the  quick <tool> fox", "quick"]:
        ids = processor.encode(text)
        if processor.unk_id() not in ids:
            checked += 1
            expected = (" " + text).replace("\u2581", " ").replace("\x00", "") if text else ""
            assert spell(ids, token_bytes) == expected.encode()
    assert checked == (len(TEXTS) + 2 if byte_fallback else checked) and checked > 5


def test_sentencepiece_with_suffix_markers_is_refused() -> None:
    spm = pytest.importorskip("sentencepiece")
    processor = spm.SentencePieceProcessor(model_proto=sentencepiece_model("unigram", False, True))
    with pytest.raises(VocabularyError, match="after each word"):
        sentencepiece_vocabulary(processor)


def test_huggingface_fast() -> None:
    transformers = pytest.importorskip("transformers")
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=byte_level_tokenizer(), eos_token="<end>", pad_token="<pad>", extra_special_tokens=["<turn>"]
    )
    tokenizer.add_tokens(["<tool>"])
    token_bytes, eos, _ = huggingface_vocabulary(tokenizer)
    assert eos == (tokenizer.eos_token_id,)
    assert token_bytes[tokenizer.convert_tokens_to_ids("<turn>")] is None
    assert token_bytes[tokenizer.convert_tokens_to_ids("<tool>")] == b"<tool>"
    for text in TEXTS:
        assert spell(tokenizer.encode(text, add_special_tokens=False), token_bytes) == text.encode()
    config = transformers.GenerationConfig(eos_token_id=[3, tokenizer.eos_token_id])
    assert huggingface_vocabulary(tokenizer, None, config)[1] == tuple(sorted({3, tokenizer.eos_token_id}))
    assert huggingface_vocabulary(tokenizer, ["<turn>", 2], config)[1] == (2, tokenizer.convert_tokens_to_ids("<turn>"))
    tokenizer.eos_token = None
    with pytest.raises(VocabularyError, match="no end token"):
        huggingface_vocabulary(tokenizer)


def test_huggingface_slow(tmp_path: Path) -> None:
    slow = pytest.importorskip("transformers.tokenization_utils_sentencepiece")
    path = tmp_path / "m.model"
    path.write_bytes(sentencepiece_model("bpe", True))
    tokenizer = slow.SentencePieceBackend(vocab_file=str(path), eos_token="</s>", unk_token="<unk>", bos_token="<s>")
    tokenizer.add_tokens(["<call>"])
    token_bytes, eos, _ = huggingface_vocabulary(tokenizer)
    assert eos == (2,)
    assert token_bytes[tokenizer.convert_tokens_to_ids("<call>")] == b"<call>"
    for text in ["the quick  fox\n", "naïve 🦀", "a<call>"]:
        ids = tokenizer.encode(text, add_special_tokens=False)
        assert spell(ids, token_bytes).removeprefix(b" ") == text.encode()


# ------------------------------------------------------------------------------------------------------ the class


def test_class_methods(tmp_path: Path) -> None:
    tokenizer = byte_level_tokenizer()
    path = tmp_path / "tokenizer.json"
    tokenizer.save(str(path))
    vocabulary = Vocabulary.from_tokenizers(tokenizer, "<end>", size=1000)
    assert vocabulary == Vocabulary.from_tokenizers(path, "<end>", size=1000)
    assert vocabulary.size == 1000
    assert vocabulary.bitmask_words == 32
    assert vocabulary.eos_token_ids == (0,)
    assert vocabulary.token_bytes(0) == vocabulary.token_bytes(999) == b""
    expected, _, _ = tokenizers_vocabulary(tokenizer, "<end>")
    assert [vocabulary.token_bytes(index) for index in range(len(expected))] == [token or b"" for token in expected]


def test_equality_fingerprint_copy_and_pickle() -> None:
    tokens = [b"a", None, b"b", b"a", b"ab"]
    vocabulary = Vocabulary(tokens, [1], size=40)
    assert copy.copy(vocabulary) is vocabulary
    assert copy.deepcopy([vocabulary])[0] is vocabulary
    again = pickle.loads(pickle.dumps(vocabulary))
    assert again == vocabulary and hash(again) == hash(vocabulary)
    assert (again.size, again.eos_token_ids) == (40, (1,))
    others = [
        Vocabulary(tokens, [1]),
        Vocabulary(tokens, [1, 2], size=40),
        Vocabulary([b"a", None, b"b", b"ab", b"a"], [1], size=40),
        Vocabulary([b"", None, b"ab", b"a", b"ab"], [1], size=40),
    ]
    assert len({vocabulary.fingerprint, *(other.fingerprint for other in others)}) == 5
    assert all(vocabulary != other for other in others)
    assert vocabulary != "a"


def test_fingerprint_is_the_same_in_another_process() -> None:
    code = (
        "from latticework.grammar.vocabulary import Vocabulary; print(Vocabulary([b'a', None, b'b'], [1]).fingerprint)"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    assert printed == Vocabulary([b"a", None, b"b"], [1]).fingerprint
