"""Regular expressions against Python's `re`, `interegular` and the tables of ECMA-262."""

from __future__ import annotations

import gzip
import json
import pickle
import re
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import interegular
import pytest
from hypothesis import given
from hypothesis import strategies as st
from regex_patterns import patterns, texts

from latticework.grammar.errors import GrammarSyntaxError
from latticework.grammar.ir import ANY_CHAR, ANY_TEXT, Chars, Complement, Concat, Regex, Repeat, Text, TextSet
from latticework.grammar.regex import from_regex
from latticework.grammar.regex_syntax import MAX_COUNT, MAX_DEPTH
from oracle import all_texts, matches

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")


def compiled(pattern: str) -> re.Pattern[str] | None:
    try:
        return re.compile(pattern)
    except re.error:
        return None


def check_against_re(pattern: str, samples: list[str]) -> None:
    """Our reading of a pattern is that of `re`, unless we say that it is not supported."""
    theirs = compiled(pattern)
    for search in (False, True):
        try:
            ours: Regex | None = from_regex(pattern, search=search)
        except GrammarSyntaxError as error:
            refusal = error.message
            ours = None
        if ours is None:
            assert theirs is None or "not supported" in refusal, pattern
            continue
        assert theirs is not None, pattern
        for text in samples:
            found = theirs.search(text) if search else theirs.fullmatch(text)
            assert matches(ours, text) == (found is not None), (pattern, search, text)


# ---------------------------------------------------------------------------------------------------- Python's dialect


@given(patterns, st.lists(texts, min_size=1, max_size=8))
def test_agrees_with_re(pattern: str, samples: list[str]) -> None:
    theirs = compiled(pattern)
    if theirs is None:  # a variable look-behind may be readable to us once `\Zb?` has become nothing
        assert "look-behind" in str(re_error(pattern)) or is_refused(pattern)
        return
    check_against_re(pattern, samples)


def re_error(pattern: str) -> re.error:
    with pytest.raises(re.error) as caught:
        re.compile(pattern)
    return caught.value


def is_refused(pattern: str, dialect: str = "python") -> bool:
    try:
        from_regex(pattern, dialect=dialect)  # type: ignore[arg-type]
    except GrammarSyntaxError:
        return True
    return False


def test_every_short_pattern_agrees_with_re() -> None:
    samples = sorted(all_texts("ab\n", 2))
    for length in range(5):
        for letters in product("ab|*()^$", repeat=length):
            check_against_re("".join(letters), samples)


@pytest.mark.parametrize("inside", ["(?=", "(?!", "(?<=", "(?<!", "(?>"])
def test_every_short_pattern_with_a_group_agrees_with_re(inside: str) -> None:
    samples = sorted(all_texts("ab", 3))
    befores, bodies, afters = (
        ["", "a", "[ab]*", r"\b"],
        ["", "a", "ab", "a|ab", "^", "b$", "a*", r"\B"],
        ["", "a*b", "[ab]$"],
    )
    for before, body, after in product(befores, bodies, afters):
        check_against_re(f"{before}{inside}{body}){after}", samples)
        check_against_re(f"(?:{before}{inside}{body})[ab])*{after}", samples)


@pytest.mark.parametrize("around", ["{}", "(?:{})*b", "[ab](?:{}){{2}}", "(?:{}){{1,3}}|c"])
def test_short_patterns_agree_with_interegular(around: str) -> None:
    """A second opinion; only short patterns, since its automata are built eagerly."""
    samples = sorted(all_texts("abc", 3))
    for letters in product("ab|*?", repeat=3):
        pattern = around.format("".join(letters))
        if compiled(pattern) is None:
            continue
        ours, theirs = from_regex(pattern), interegular.parse_pattern(pattern).to_fsm()
        assert [matches(ours, text) for text in samples] == [theirs.accepts(text) for text in samples], pattern


PITFALLS = [
    "^a|b$", "(^a|b)c", "a|", "|a", "(|a)b", "()", "a{,2}", "a{,}", "a{}", "a{", "a{1", "a{1,", "a{,2", "x{1}{", "{",
    r"a\Z", r"\Aa", "a$b", "a$\n", "a$\nb", "(?m)a$\nb", "(?m)^a", "a^b", "(?m)a\n^b", "$", "^", "^$", "(?m)^$", "$^",
    r"\b", r"\B", r"\ba", r"a\b", r"a\Bb", r"\b\b", r"\B\B", r"a\b-\bb", r"(\ba|b)+", r"(a\b|-)*", r"(?:\b[ab]+\b ?)+",
    "(?i)a", "(?i)[Z-a]", "(?i)[^a]", "(?i:a)b", "(?-i:a)", "(?i)a(?-i:b)", "(?i)k", "(?i)s", "(?s).", ".", "(?s:.)a.",
    "(?x) a b # c\n |b", "(?x)a +", r"(?x)a\ b", "(?x)[a b]", "(?x:a b) a", "(?#x)a", "a(?#x)*", "(?P<n>a)b", "[[a]", "[]]",
    "[^]]", "[]-a]", "[a-]", "[-a]", r"[\]a]", r"[\b]", r"\x61\u0062\U00000041", r"\101", r"\0", r"\07", r"[\1]", r"\N{DIGIT ONE}",
    "(?:a|ab)(?:b|)", "(?>a|ab)b", "(?>ab|a)b", "(?>a*)a", "(?>a*?)a", "a*+a", "a++b", "a?+a", "a{1,2}+a", "(?:ab)*+a", "(?>a+b)b",
    "(?>(?:a|b)+)b", "(?>a*b|a)a", "(?=a)", "(?=a)*b", "(?=a)+a", "(?!a)", "(?!)", "(?=)", "(?=a|b)[ab]", "(?=.*b)a*b?", "(?!.*bb)[ab]*",
    "(?:(?!ab).)*", "(?:(?!ab).)*ab", "(?:(?!ab)[ab])+$", "((?=ab)a|b)*", "(?<=a)b", "(?<!a)b", "a(?<=a)b", "(?<=ab)a", "(?<!ab)a",
    "[ab]*(?<!ab)", "[ab]*(?<=ab)b", "(?<=^a)b", "(?<=^)a", "(?<!^)a", r"(?<=\b)a", "(?:(?<=b)a|b)*", "(?:(?<=ab)a|a|b)*", "(?<=a(?<=a))b",
    "(?=a(?=b))ab", "(?!a(?!b))[ab]+", "(?=^a)a", "(?=a$)a", r"(?=\Ba)b*", "(?:^a|b)*", "(?:a$|b)*", "(?:a(?:$|b))*", "(?:[ab]+(?:-|$)){2,}",
]  # fmt: skip


@pytest.mark.parametrize("pattern", PITFALLS)
def test_pitfalls(pattern: str) -> None:
    check_against_re(
        pattern,
        [*all_texts("ab\n", 3), "ab-b", "a b", "aab", "abab", "A", "Z", "[", "{", "]", " ", "1", "\x07"],
    )


@pytest.mark.parametrize(
    "pattern",
    ["(", ")", "a)", "(a", "*", "a**", "a*??", "a{2}{3}", "^*", r"\b+", "(?", "(?a", "(?P<1>a)", "(?P<n>a)(?P<n>b)", "[", "[a", "[]",
     "[b-a]", r"[a-\d]", r"[\d-a]", "\\", r"\q", r"\p{L}", r"\u12", r"\x1", r"\N{no such name}", r"\U00110000", r"\400", "(?<n>a)", "a{3,2}",
     "a(?i)b", "(?i", "(?-i)a", "(?L)a", "(?au)a", "(?<=a*)b", "(?<=a|bb)b", "(?#", "(?i-:a)", "(?-:a)", "(?i-i:a)", "|*", "(?:*)"],
)  # fmt: skip
def test_malformed_as_in_re(pattern: str) -> None:
    assert compiled(pattern) is None
    with pytest.raises(GrammarSyntaxError) as caught:
        from_regex(pattern)
    assert caught.value.text == pattern
    assert 0 <= caught.value.offset <= len(pattern)


@pytest.mark.parametrize(
    ("pattern", "offset", "word"),
    [
        (r"(a)b\1", 4, "back-references"),
        ("(?P<n>a)(?P=n)", 8, "back-references"),
        ("(a)?(?(1)b|c)", 4, "conditional"),
        ("a{1000001}", 1, "1000000"),
        ("a{2,99999999999999999999}", 1, "1000000"),
        ("ab(?>(?:a|ab)*)b", 2, "atomic"),
        ("ab(?:a|ab)*+b", 10, "possessive"),
        ("(" * 200 + "a" + ")" * 200, MAX_DEPTH, "nested"),
    ],
)
def test_refused_with_place(pattern: str, offset: int, word: str) -> None:
    with pytest.raises(GrammarSyntaxError, match=word) as caught:
        from_regex(pattern)
    assert caught.value.offset == offset


def test_deep_and_long_patterns_neither_crash_nor_hang() -> None:
    for opening, closing in [("(", ")"), ("(?:", ")"), ("(?=", ")"), ("[", "]")]:
        is_refused(opening * 100_000 + "a" + closing * 100_000)
    nested = "(?:" * MAX_DEPTH + "a" + "|b)*" * MAX_DEPTH
    assert matches(from_regex(nested), "abba")
    assert matches(from_regex("a" * 100_000), "a" * 100_000)
    assert matches(from_regex("|".join(f"w{i}" for i in range(10_000))), "w9999")
    assert isinstance(from_regex(f"a{{{MAX_COUNT}}}"), Repeat)
    is_refused("(?:(?=(a|b)*c)[abc]){17}" * 20)


def test_lone_surrogates_are_in_no_text() -> None:
    assert not matches(from_regex("\ud800|b"), "\ud800") and matches(from_regex("\ud800|b"), "b")
    assert matches(from_regex("[\ud800-\uffff]"), "\ufffd")


def test_the_argument_dialect_is_checked() -> None:
    with pytest.raises(ValueError, match="dialect"):
        from_regex("a", dialect="perl")  # type: ignore[arg-type]


def test_errors_survive_pickling() -> None:
    with pytest.raises(GrammarSyntaxError) as caught:
        from_regex("a\nb(")
    again = pickle.loads(pickle.dumps(caught.value))
    assert (again.line, again.column, again.expected) == (2, 2, (")",))


# ------------------------------------------------------------------------------------------------------- small results


def test_results_are_small_and_shared() -> None:
    assert from_regex("abc") is from_regex("abc")
    assert text_of(from_regex("^abc$", dialect="ecma", search=True)) == "abc"
    assert text_of(from_regex("(a)(?:b(c))")) == "abc"
    assert text_of(from_regex("a{3}")) == "aaa"
    assert ranges_of(from_regex("a|b|[c-e]|f")) == (("a", "f"),)
    assert from_regex("", search=True) is ANY_TEXT
    assert from_regex("^", dialect="ecma", search=True) is ANY_TEXT
    assert from_regex("$", dialect="ecma", search=True) is ANY_TEXT
    assert from_regex("[^]", dialect="ecma") is ANY_CHAR
    words = from_regex("foo|bar|(?:baz)")
    assert isinstance(words, TextSet) and sorted(words.texts) == ["bar", "baz", "foo"]


def test_search_adds_no_needless_work() -> None:
    anchored = from_regex("^abc", search=True)
    assert isinstance(anchored, Concat) and anchored.parts[1:] == (ANY_TEXT,) and text_of(anchored.parts[0]) == "abc"
    free = from_regex("abc", search=True)
    assert isinstance(free, Concat) and free.parts[0] is ANY_TEXT and free.parts[2] is ANY_TEXT
    refused = from_regex("^(?!foo$)", dialect="ecma", search=True)
    assert isinstance(refused, Complement) and text_of(refused.inner) == "foo"


def text_of(regex: object) -> str:
    assert isinstance(regex, Text)
    return regex.text


def ranges_of(regex: object) -> tuple[tuple[str, str], ...]:
    assert isinstance(regex, Chars)
    return tuple((chr(low), chr(high)) for low, high in regex.ranges)


# ------------------------------------------------------------------------------------------------------------ ECMA-262

# pattern, texts in which it is found, texts in which it is not
ECMA = [
    ("^.$", ["a", "\x85", "\U0001f600", "\v"], ["\n", "\r", "\u2028", "\u2029", ""]),
    ("^a$", ["a"], ["a\n", "\na"]),
    (r"^\d$", ["0", "9"], ["\u0663", "a"]),
    (r"^\w$", ["a", "Z", "_", "0"], ["\u00e9", "-", "\u017f"]),
    (r"^\s$", [" ", "\t", "\v", "\f", "\u00a0", "\ufeff", "\u2028", "\u3000", "\u1680"], ["\x85", "\x1c", "\u180e", "a"]),
    (r"^\S$", ["\x85", "a"], ["\ufeff", " "]),
    (r"\b\u00e9\b", [], ["\u00e9", " \u00e9 "]),
    (r"\bfoo\b", ["foo", "a foo", "\u00e9foo\u00e9"], ["afoo", "foo_"]),
    (r"\B", ["", "aa", "-"], ["a"]),
    ("[]", [], ["", "a", "[]"]),
    ("^[^]$", ["a", "\n", "\U0001f600"], ["", "ab"]),
    ("^[]a]$", [], ["]", "a"]),
    ("^a{,2}$", ["a{,2}"], ["", "a", "aa"]),
    ("^x{$", ["x{"], ["x"]),
    ("^{}]$", ["{}]"], []),
    (r"^[\d-x]$", ["1", "-", "x"], ["a", "y"]),
    (r"^[\d-x-z]$", ["1", "-", "x", "z"], ["y"]),
    (r"^[a-\d]$", ["a", "-", "1"], ["b"]),
    (r"^[\b]$", ["\b"], ["b"]),
    (r"^\-\_\/\@\ $", ["-_/@ "], []),
    (r"^\cJ\cj$", ["\n\n"], ["J"]),
    (r"^\0$", ["\0"], ["0"]),
    (r"^\x41\u0042\u{43}\u{1F600}$", ["ABC\U0001f600"], []),
    (r"^\uD83D\uDE00$", ["\U0001f600"], []),
    (r"^[\uD83D\uDE00-\uD83D\uDE02]$", ["\U0001f601"], ["\U0001f603"]),
    (r"^\p{Lu}\P{Lu}$", ["Aa", "\u00c91"], ["aA", "AA"]),
    (r"^\p{Letter}+$", ["a\u00e9\u00df\u4e2d"], ["1", ""]),
    (r"^\p{General_Category=Decimal_Number}$", ["5", "\u0663"], ["a", "\u00bd"]),
    (r"^\p{gc=Nd}$", ["5"], ["a"]),
    (r"^\p{Script=Greek}+$", ["\u03b1\u03b2\u03b3"], ["abc", "\u0430"]),
    (r"^[\p{sc=Cyrl}\d]+$", ["\u043c\u0438\u04401"], ["m\u0438\u0440"]),
    (r"^\p{Script_Extensions=Greek}$", ["\u03b1", "\u0342"], ["a"]),
    (r"^\p{Alphabetic}\p{White_Space}\p{ASCII}\p{Any}$", ["a z\n", "\u00e9\u2003-\0"], ["1 zz"]),
    (r"^[^\P{L}a]$", ["b", "\u00e9"], ["a", "1"]),
    (r"^\p{Emoji_Presentation}$", ["\U0001f600"], ["a", "1"]),
    ("^(?<year>[0-9]{4})$", ["2024"], ["202"]),
    ("^a|b$", ["abc", "xb", "a"], ["ba", "xa"]),
    ("(^a|b)c", ["ac", "bcx", "xbc"], ["xac", "c"]),
    ("a$b", [], ["ab", "a\nb", "a"]),
    ("(?m:^a$)", ["b\na\u2028", "a\r"], ["ba"]),
    ("(?s:^.$)", ["\n", "\u2028"], [""]),
    ("(?i)^straSSe$", ["STRASSE", "strasse", "\u017ftra\u017f\u017fe"], ["stra\u00dfe"]),
    ("^(?i:k)k$", ["Kk", "\u212ak"], ["kK"]),
    (r"^(?i:\w)$", ["\u017f", "\u212a", "a"], ["\u00e9"]),
    ("^(?i:\u0130)$", ["\u0130"], ["i", "I", "\u0131"]),
    ("^(?i:\u00df)$", ["\u00df", "\u1e9e"], ["s", "ss"]),
    ("(?<=a+)b", ["xaab"], ["b", "xb"]),
    ("(?<!a|bb)c", ["c", "bc"], ["ac", "bbc"]),
    (r"^(?!.*\.\.)[a-z.]+$", ["a.b", "."], ["a..b", ""]),
    ("^(?=.*[0-9])(?=.*[a-z]).{3,5}$", ["a12", "1a2b3"], ["abc", "123", "a1"]),
    ("(?=a)*b", ["b"], ["a"]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("pattern", "found", "missed"), ECMA, ids=[case[0].encode("ascii", "backslashreplace").decode() for case in ECMA]
)
def test_ecma(pattern: str, found: list[str], missed: list[str]) -> None:
    regex = from_regex(pattern, dialect="ecma", search=True)
    assert [text for text in found if not matches(regex, text)] == []
    assert [text for text in missed if matches(regex, text)] == []


@pytest.mark.parametrize(
    ("pattern", "offset"),
    [(r"(a)\1", 3), (r"(?<n>a)\k<n>", 7), (r"\p{Nonsense}", 3), (r"a\p{Script=Nonsense}", 4), (r"\p{lu}", 3), (r"\pL", 0), (r"\u{110000}", 0),
     (r"\uD800", 0), (r"\ua", 0), (r"\x1", 0), (r"\c1", 0), (r"\01", 0), (r"\Z", 0), (r"\a", 0), ("(?>a)", 0), ("(?P<n>a)", 0), ("a**", 2),
     ("a*+", 2), ("^*", 1), ("(?<=a)*", 6), ("{2}", 0), ("[b-a]", 1), ("[a", 0), ("a{3,2}", 1), ("(?x:a)", 0), (r"[\1]", 1)],
)  # fmt: skip
def test_ecma_refuses(pattern: str, offset: int) -> None:
    with pytest.raises(GrammarSyntaxError) as caught:
        from_regex(pattern, dialect="ecma")
    assert caught.value.offset == offset


# --------------------------------------------------------------------------------------------------- patterns in the wild


def wild_patterns(data: Path) -> set[str]:
    with gzip.open(data / "maskbench" / "dev.jsonl.gz", "rt") as lines:
        return {pattern for line in lines for pattern in patterns_in(json.loads(line)["schema"])}


def patterns_in(schema: object) -> Iterator[str]:
    if isinstance(schema, list):
        for item in schema:
            yield from patterns_in(item)
    if isinstance(schema, dict):
        if isinstance(pattern := schema.get("pattern"), str):
            yield pattern
        if isinstance(properties := schema.get("patternProperties"), dict):
            yield from properties
        for value in schema.values():
            yield from patterns_in(value)


def test_patterns_of_real_schemas(data_dir: Path) -> None:
    refused = []
    found = wild_patterns(data_dir)
    for pattern in sorted(found):
        try:
            ours = from_regex(pattern, dialect="ecma", search=True)
        except GrammarSyntaxError as error:
            refused.append(error.message)
            continue
        theirs = re.compile(pattern, re.ASCII) if r"\p" not in pattern and r"\u" not in pattern else None
        for text in (
            ("", "a", "1", "foo-bar", "1.2.3", "2024-01-02", "/a/b", "a@b.c", "A_B", "::1", pattern[1:-1])
            if theirs
            else ()
        ):
            if "\n" not in text:
                assert matches(ours, text) == (theirs.search(text) is not None), (pattern, text)
    assert len(found) > 1_000
    assert all("back-references" in message for message in refused) and len(refused) <= 5
