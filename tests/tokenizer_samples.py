"""Texts in many scripts, and tokenizers small enough to make in a test."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

TEXTS = [
    "",
    " ",
    "a",
    "Hello, world! It's 1,234.50 dollars (approx.)",
    "def f(x: int) -> str:\n    return f'{x!r:>10}'\n\n\tif x:\r\n\t\tpass  # done\n",
    '{"name": "Zo\u00eb \\"Z\\"", "tags": [1, -2.5e10, true, null], "nested": {"a\\u00e9": "\\n"}}',
    '[[],{},"",\n\n   ]',
    "Größe, naïve, Łódź, Ñandú, İstanbul, ǅ, ß",
    "Привет, мир! Γειά σου Κόσμε. שלום עולם مرحبا بالعالم",
    "你好，世界。こんにちは世界 안녕하세요 สวัสดีชาวโลก नमस्ते दुनिया",
    "👋🏽 🇨🇭 👩‍👩‍👧‍👦 🏳️‍🌈 🦀",
    "e\u0301 a\u0308\u0323 \u0915\u094d\u0937 \u1100\u1161\u11a8 Z\u0351\u036b\u0343",
    "".join(map(chr, range(1, 0x20))) + "\x7f\x80\x9f\xa0\xad",
    "  two   three    four     \t\t tabs \n\n\n newlines \r\n\r\n end   ",
    "\u2028\u2029\u200b\u200d\ufeff\u3000\u00a0\u1680\u2003",
    "\U00010000 \U0001d400 \U0010fffd \ufffd \ue000 \uffff",
    "a" * 300 + "1" * 50 + "=" * 80 + " " * 90,
    "<0x41> <0xE2> \u0120 \u010a \u2581 ##ing </w> <unknown>",
]
WORDS = " ".join(TEXTS[3:12]) + " the quick brown fox jumps over the lazy dog the the then there these"
ANY_TEXT = st.text(max_size=30)
Bytes = list[bytes | None]


def spell(ids: Iterable[int], token_bytes: Bytes) -> bytes:
    return b"".join(token_bytes[token_id] or b"" for token_id in ids)


def ids_of(tokenizer: Tokenizer, text: str) -> list[int]:
    return list(tokenizer.encode(text, add_special_tokens=False).ids)


def lenient(function: Callable[..., None]) -> Callable[..., None]:
    return settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])(
        function
    )


def byte_level_tokenizer() -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=400, initial_alphabet=alphabet, special_tokens=["<end>"], show_progress=False
    )
    tokenizer.train_from_iterator([WORDS], trainer)
    return tokenizer


def byte_fallback_tokenizer() -> Tokenizer:
    pieces = {"<unk>": 0, **{f"<0x{value:02X}>": value + 1 for value in range(256)}}
    for piece in ["\u2581", "a", "b", "é", "\u2581a", "ab", "\u2581ab"]:
        pieces[piece] = len(pieces)
    merges = [("\u2581", "a"), ("a", "b"), ("\u2581a", "b")]
    tokenizer = Tokenizer(models.BPE(pieces, merges, unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("\u2581"), normalizers.Replace(" ", "\u2581")])
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    return tokenizer


def unigram_tokenizer() -> Tokenizer:
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    tokenizer.decoder = decoders.Metaspace(prepend_scheme="always")
    trainer = trainers.UnigramTrainer(
        vocab_size=300, special_tokens=["<unk>", "<end>"], unk_token="<unk>", show_progress=False
    )
    tokenizer.train_from_iterator([WORDS] * 3, trainer)
    return tokenizer
