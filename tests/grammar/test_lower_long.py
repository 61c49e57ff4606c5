"""Long strings counted in blocks have the language of the plain repetition, and masks that agree with it."""

from __future__ import annotations

import pytest

from latticework.grammar import CompiledGrammar, Compiler, LimitError, Limits, Vocabulary, json_schema, lower_long
from latticework.grammar.ir import Repeat, Sequence, Text
from latticework.grammar.lower_regex import free_bounds

PIECES = ["a", "\\n", "\\u00e9", "é", "\\ud83d\\ude00", "aaa", '"']
TOKENS = [*PIECES, "aa\\n", "éa", "aaaaaa", 'a"', "\\", "ud83d", "\\ude00", "u"]
VOCABULARY = Vocabulary([*(text.encode() for text in TOKENS), *(bytes([b]) for b in range(128, 256)), None], [143])
SINGLE = ["a", "\\n", "\\u00e9", "é", "\\ud83d\\ude00"]
"""Spellings of one character."""


def compiled(minimum: int, maximum: int | None) -> CompiledGrammar:
    schema = {"type": "string", "minLength": minimum} | ({} if maximum is None else {"maxLength": maximum})
    return Compiler(VOCABULARY).compile(json_schema(schema))


def accepts(grammar: CompiledGrammar, text: str) -> bool:
    state = grammar.step_bytes(grammar.start, text.encode())
    return state >= 0 and grammar.is_accepting(state)


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lower_long, "_LONG", 2)
    monkeypatch.setattr(lower_long, "_BLOCK", 3)


BOUNDS = [(low, high) for low in range(8) for high in (*range(low, 11), None) if max(low, high or 0) > 2]


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize(("low", "high"), BOUNDS)
def test_lengths_are_those_of_the_repetition(low: int, high: int | None) -> None:
    assert lower_long.long_string(low, -1 if high is None else high) is not None
    grammar = compiled(low, high)
    for length in range(14):
        expected = low <= length and (high is None or length <= high)
        for shift in range(len(SINGLE)):
            text = "".join(SINGLE[(shift + i) % len(SINGLE)] for i in range(length))
            assert accepts(grammar, f'"{text}"') is expected
            assert not accepts(grammar, f'"{text}')


@pytest.mark.parametrize(("low", "high"), [(0, 4), (2, 7), (4, None), (5, 5), (0, 9)])
def test_masks_are_those_of_the_repetition(low: int, high: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = compiled(low, high)
    monkeypatch.setattr(lower_long, "_LONG", 2)
    monkeypatch.setattr(lower_long, "_BLOCK", 3)
    blocks = compiled(low, high)
    pairs = {(plain.start, blocks.start)}
    open_ = [*pairs]
    while open_ and len(pairs) < 600:
        left, right = open_.pop(0)
        allowed = plain.allowed_tokens(left)
        assert blocks.allowed_tokens(right) == allowed
        assert plain.is_accepting(left) is blocks.is_accepting(right)
        for token in allowed:
            if token not in VOCABULARY.eos_token_ids:
                after = plain.step(left, token), blocks.step(right, token)
                if after not in pairs:
                    pairs.add(after)
                    open_.append(after)
    assert len(pairs) > 5


def test_short_strings_and_others_stay_as_they_are() -> None:
    assert lower_long.long_string(0, 30_000) is None
    assert free_bounds(Repeat(Text("a"), 0, 100_000)) is None
    whole = lower_long.long_string(0, 2**31 - 1)
    assert isinstance(whole, Sequence)


LETTERS = Vocabulary([*(bytes([byte]) for byte in range(256)), b"b" * 16, None], [257])


@pytest.mark.parametrize("keyword", ["minLength", "maxLength"])
def test_tens_of_thousands_of_characters_one_by_one(keyword: str) -> None:
    grammar = Compiler(LETTERS, limits=Limits(lexer_bytes=48 << 20)).compile(
        json_schema({"type": "string", keyword: 40_000})
    )
    state = grammar.step_bytes(grammar.start, b'"')
    for count in range(40_001):
        if count % 61 == 0 or count > 39_980:
            allowed = grammar.allowed_tokens(state)
            assert (ord("a") in allowed) is (keyword == "minLength" or count < 40_000)
            assert (ord('"') in allowed) is (keyword == "maxLength" or count >= 40_000)
            assert (256 in allowed) is (keyword == "minLength" or count <= 40_000 - 16)
        if count < 40_000:
            state = grammar.step(state, ord("a"))
    assert grammar.is_accepting(grammar.step(state, ord('"')))


def test_one_repetition_would_take_more_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lower_long, "_LONG", 1 << 20)
    grammar = Compiler(LETTERS, limits=Limits(lexer_bytes=48 << 20)).compile(
        json_schema({"type": "string", "maxLength": 40_000})
    )
    with pytest.raises(LimitError, match="lexer_bytes"):
        grammar.step_bytes(grammar.start, b'"' + b"a" * 40_000)
