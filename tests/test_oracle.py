"""The oracle itself, held against `json`, `re` and counting."""

from __future__ import annotations

import json
import re

import pytest

from latticework.grammar.ir import (
    ANY_CHAR,
    ANY_TEXT,
    Array,
    Chars,
    Choice,
    Complement,
    Concat,
    DigitsModulo,
    ExtraFields,
    Field,
    Grammar,
    Intersection,
    JsonLayout,
    JsonString,
    Record,
    Reference,
    Repeat,
    Terminal,
    Text,
    TextSet,
    Union,
)
from oracle import all_texts, bitmask, grammar_language, is_spelling, language, matches, prefix_closed

A = Terminal(Text("1"))
COMPACT = JsonLayout("compact")

REGEXES = [
    (Concat((Text("a"), Repeat(Chars(((97, 98),)), 0, 2))), "a[ab]{0,2}"),
    (Union((Text("ab"), TextSet(("", "bb")))), "ab||bb"),
    (Intersection((Repeat(Text("a")), Repeat(Text("aa")))), "(aa)*"),
    (Complement(Concat((ANY_TEXT, Text("ab"), ANY_TEXT))), "b*a*"),
    (Repeat(Union((Text("a"), Text(""))), 3, 3), "a{0,3}"),
    (Repeat(ANY_CHAR, 2, None), "[ab]{2,}"),
]


@pytest.mark.parametrize(("node", "pattern"), REGEXES, ids=[pattern for _, pattern in REGEXES])
def test_regexes(node: object, pattern: str) -> None:
    expected = {text for text in all_texts("ab", 5) if re.fullmatch(pattern, text)}
    assert language(node, {}, "ab", 5) == expected  # type: ignore[arg-type]
    assert {text for text in all_texts("ab", 5) if matches(node, text)} == expected  # type: ignore[arg-type]


def test_digits_modulo() -> None:
    assert language(DigitsModulo(3, 1), {}, "0123a", 2) == {"1", "01", "10", "13", "22", "31"}
    assert "" in language(DigitsModulo(5), {}, "05", 1)


def test_json_strings() -> None:
    assert all(is_spelling(text, ANY_TEXT) for text in [r'"\u0061\/"', r'"\ud83d\ude00"', '""', '"\x7f"', r'"\u000A"'])
    assert not any(is_spelling(text, ANY_TEXT) for text in [r'"\ud83d"', '"\n"', '"', "a", r'"\a"', '"a"b"'])
    content = Repeat(Chars(((0, 0x7F),)))
    assert all(is_spelling(text, content) for text in [r'"\n\""', r'"\u001F\u001f"', r'"\u0000"'])
    assert not any(is_spelling(text, content) for text in [r'"\u0061"', r'"\/"', r'"\u000a"', r'"\u0008"'])
    assert is_spelling(r'"\ud83d\ude00"', Repeat(ANY_CHAR, 1, 1))
    assert language(JsonString(TextSet(("a", '"'))), {}, 'a"\\', 4) == {'"a"', '"\\""'}


def test_arrays() -> None:
    node = Array((A,), A, 1, 2, COMPACT)
    assert language(node, {}, "1,[]", 6) == {"[1]", "[1,1]"}
    assert language(Array((), None, layout=COMPACT), {}, "[]", 3) == {"[]"}
    flexible = language(Array((), A, 0, 1, JsonLayout("flexible", 1)), {}, "1[] ", 5)
    assert flexible == {"[]", "[ ]", "[1]", "[ 1]", "[1 ]", "[ 1 ]"}


def test_records() -> None:
    a, b = Field("a", A, required=True), Field("b", A)
    both = {'{"a":1}', '{"a":1,"b":1}'}
    assert language(Record((a, b), layout=COMPACT), {}, 'ab1{}":,', 13) == both
    assert language(Record((a, b), order="any", layout=COMPACT), {}, 'ab1{}":,', 13) == both | {'{"b":1,"a":1}'}
    assert language(Record((a, b), minimum=2, layout=COMPACT), {}, 'ab1{}":,', 13) == {'{"a":1,"b":1}'}
    extra = Record((Field("a", A),), (ExtraFields(Text("b"), A),), maximum=2, layout=COMPACT)
    assert language(extra, {}, 'ab1{}":,', 13) == both | {"{}", '{"b":1}', '{"b":1,"b":1}'}


def test_indentation_is_that_of_json() -> None:
    layout = JsonLayout("indent", indent=1)
    inner = Array((), A, 0, 2, layout)
    node = Record((Field("a", inner, required=True),), layout=layout)
    expected = {json.dumps({"a": [1] * count}, indent=1) for count in range(3)}
    assert language(node, {}, '{}[]":, \n1a', 30) == expected


def test_recursion() -> None:
    rules = {"value": Choice((A, Array((), Reference("value"), 0, 1, COMPACT)))}
    assert grammar_language(Grammar(Reference("value"), rules), "1[]", 5) == {"1", "[]", "[1]", "[[]]", "[[1]]"}


def test_bitmasks() -> None:
    texts = frozenset({"ab", "abc", ""})
    tokens = [b"a", b"b", b"ab", b"bc", b"abc", None, b""]
    assert bitmask(texts, b"", tokens, [5]) == {0, 2, 4, 5}
    assert bitmask(texts, b"a", tokens, [5]) == {1, 3}
    assert bitmask(texts, b"ab", tokens, [5]) == {5}  # there is no token "c"
    assert prefix_closed(texts) == {"", "a", "ab", "abc"}
    assert bitmask(frozenset({"\u00e9"}), b"", [b"\xc3", b"\xa9", b"\xc3\xa8"]) == {0}
