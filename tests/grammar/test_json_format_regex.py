"""The format `regex`: every text of it is a pattern for ECMA-262 in both modes and for Python's `re`."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import warnings
from collections.abc import Iterator
from functools import lru_cache
from random import Random

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from json_texts import Language, regex_language

from latticework.grammar.json_format_regex import MAX_DEPTH, regex_content

VALID = [
    r"^[a-zA-Z0-9._%+-]+@[a-z]{2,}$",
    r"^(?:\d{1,3}\.){3}\d{1,3}$",
    r"(a|b|)*?(?!c)(?=d)\bx\B",
    r"(?<=[$]\d{3})x(?<!y)",
    r"[^\s\]-]\/\*\x41\u0041\uD83D\uDE00",
    r"[\u4e00-\u9fa5\u0000-\u0008а-яà-ÿ一-龥]",
    r"[-a][a-][&-][a&b~c|d^[]",
    "a{0}b{1,}c{12,99}d{5,100}é\n 😀",
    "(" * MAX_DEPTH + ")" * MAX_DEPTH,
]
INVALID = [
    *(
        "(",
        ")",
        "(?",
        "(?:",
        "[",
        "[]",
        "[^]",
        "[a",
        "]",
        "{",
        "}",
        "a{",
        "a{1",
        "\\",
        "[\\",
        "[\\]",
        "*",
        "a|*",
        "(+)",
    ),
    *("a**", "a++", "a{2}{3}", "a{3,2}", "a{20,19}", "a{9,10}+", "^*", r"\b+", "(?=a)*", "(?<=a*)b", "a{,3}"),
    *("[b-a]", r"[\x42-\x41]", r"[\u0009-\u0008]", r"[\w-a]", r"[a-\d]", "[я-а]", r"[\uD83D\uDE00-\uD83D\uDE02]"),
    *(r"\a", r"\e", r"\A", r"\Z", r"\c", r"\x4", r"\u123", r"\1", r"\k<a>", r"\p{L}", r"\-", r"\é"),
    *("(?P<a>b)", "(?<a>b)", "(?i)a", "(?i:a)", "(?#a)", "(?>a)", "[a&&b]", "[--a]", "[[a]", "[a||b]"),
]


@lru_cache(maxsize=1)
def language() -> Language:
    return regex_language(regex_content())


@lru_cache(maxsize=1)
def ecma() -> jsonschema_rs.Validator:
    return jsonschema_rs.validator_for({"format": "regex"}, validate_formats=True)


@pytest.mark.parametrize("pattern", VALID)
def test_written(pattern: str) -> None:
    assert pattern in language()
    assert re.compile(pattern) and ecma().is_valid(pattern)


@pytest.mark.parametrize("pattern", INVALID)
def test_not_written(pattern: str) -> None:
    assert pattern not in language()


def test_depth_is_bounded() -> None:
    assert "(" * (MAX_DEPTH + 1) + ")" * (MAX_DEPTH + 1) not in language()


def test_ranges_of_ascii_are_exact() -> None:
    letters = [chr(code) for code in range(0x20, 0x7F) if chr(code) not in "\\]-[^&~|"]
    wrong = [(a, b) for a in letters for b in letters if (f"[{a}-{b}]" in language()) is not (a <= b)]
    assert wrong == []


def test_counts_are_exact() -> None:
    counts = [*range(30), 55, 98, 99]
    wrong = [(n, m) for n in counts for m in counts if (f"a{{{n},{m}}}" in language()) is not (n <= m)]
    assert wrong == []


def patterns(random: Random) -> Iterator[str]:
    while True:
        text = language().random_text(random, length=random.randrange(80))
        if text is not None:
            yield text


@given(seed=st.integers(0, 2**32))
def test_other_readers_agree(seed: int) -> None:
    pattern = next(patterns(Random(seed)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        re.compile(pattern)
    assert ecma().is_valid(pattern)


def test_a_javascript_engine_agrees() -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("there is no JavaScript engine (node)")
    made = patterns(Random(0))
    texts = [*VALID, *(next(made) for _ in range(2000))]
    program = """
        const texts = JSON.parse(require("fs").readFileSync(0, "utf8"));
        const bad = texts.filter(t => ["", "u"].some(f => { try { new RegExp(t, f); return false } catch { return true } }));
        console.log(JSON.stringify(bad));
    """
    run = subprocess.run([node, "-e", program], input=json.dumps(texts), capture_output=True, text=True, check=True)
    assert json.loads(run.stdout) == []
