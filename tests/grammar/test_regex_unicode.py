"""Unicode classes, properties and case: against `re` and `unicodedata`, over every code point."""

from __future__ import annotations

import re
import unicodedata
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latticework.grammar.regex_case import ignoring_case
from latticework.grammar.regex_escapes import Flags, class_escape
from latticework.grammar.regex_sets import (
    CodePoints,
    contains,
    intersection,
    inverted,
    normalised,
    of_code_points,
    union,
)
from latticework.grammar.regex_unicode import every_character, python_class, unicode_property

ALL = range(0x110000)
CASED = "".join(c for c in map(chr, ALL) if c.lower() != c or c.upper() != c or c.casefold() != c)


def members(ranges: CodePoints) -> set[int]:
    return {code for low, high in ranges for code in range(low, high + 1)}


def test_every_character_is_in_its_place() -> None:
    assert len(every_character()) == 0x110000
    assert all(every_character()[code] == chr(code) for code in (0, 65, 0xD800, 0xFFFF, 0x10000, 0x1F600, 0x10FFFF))


@pytest.mark.parametrize("ascii_only", [False, True])
@pytest.mark.parametrize("letter", ["d", "s", "w"])
def test_classes_are_those_of_re(letter: str, ascii_only: bool) -> None:
    pattern = re.compile(rf"\{letter}", re.ASCII if ascii_only else 0)
    assert members(python_class(letter, ascii_only)) == {c for c in ALL if pattern.match(chr(c))}


def test_categories_agree_with_unicodedata() -> None:
    """Unicode moves few characters from one category to another, but its versions may differ here: newer ones add."""
    by_category: dict[str, set[int]] = {}
    for code in ALL:
        by_category.setdefault(unicodedata.category(chr(code)), set()).add(code)
    assigned = set(ALL) - by_category["Cn"]
    for name, known in by_category.items():
        if name != "Cn":
            assert len((members(unicode_property(name)) & assigned) ^ known) <= 30, name


@pytest.mark.parametrize(
    ("short", "long"), [("L", "Letter"), ("Lu", "Uppercase_Letter"), ("Nd", "Decimal_Number"), ("P", "Punctuation"), ("Cc", "cntrl")]
)  # fmt: skip
def test_long_and_short_names_are_the_same(short: str, long: str) -> None:
    assert unicode_property(short) == unicode_property(long) == unicode_property("General_Category", long)
    assert unicode_property("gc", short) == unicode_property(short)


def test_categories_of_one_letter_are_unions() -> None:
    parts = [unicode_property(name) for name in ("Lu", "Ll", "Lt", "Lm", "Lo")]
    assert union(*parts) == unicode_property("L")
    assert union(*parts[:3]) == unicode_property("LC")
    assert inverted(unicode_property("Cn")) == unicode_property("Assigned")


@pytest.mark.parametrize(
    ("name", "value", "inside", "outside"),
    [
        ("Script", "Greek", "\u03b1\u0391", "a1"),
        ("sc", "Grek", "\u03b1", "a"),
        ("Script", "Latin", "a\u00e9", "\u03b11"),
        ("Script", "Common", "1 ", "a"),
        ("scx", "Deva", "\u0905\u0964", "a"),
        ("Alphabetic", None, "a\u4e2d", "1 "),
        ("White_Space", None, " \u2003\n", "a\u200b"),
        ("Uppercase", None, "A\u00c9", "a1"),
        ("Hex_Digit", None, "0aF\uff11", "g"),
        ("ASCII", None, "a\x7f", "\x80"),
        ("Any", None, "a\U0010ffff", ""),
        ("Emoji", None, "\U0001f600", "a"),
        ("ID_Start", None, "a", "1_"),
    ],
)
def test_properties(name: str, value: str | None, inside: str, outside: str) -> None:
    ranges = unicode_property(name, value)
    assert all(contains(ranges, ord(c)) for c in inside)
    assert not any(contains(ranges, ord(c)) for c in outside)


@pytest.mark.parametrize(
    ("name", "value"),
    [("lu", None), ("letter", None), ("Greek", None), ("Script", "greek_"), ("Script", "Nope"), ("gc", "Greek"), ("IsAlpha", None),
     ("Block", "Basic_Latin"), ("Script", None), ("Lu", "Lu"), ("", None), ("Alphabetic", "Yes")],
)  # fmt: skip
def test_unknown_properties(name: str, value: str | None) -> None:
    with pytest.raises(LookupError):
        unicode_property(name, value)


def test_case_is_ignored_as_re_does() -> None:
    for letter in {
        *CASED[::9],
        *"iIkKsS\u0130\u0131\u017f\u212a\u00df\u1e9e\u03c2\u03a3\u0345\u1fbe\u0390\u1fd3\ufb05\ufb06\u1c80",
    }:
        expected = {ord(match) for match in re.findall(re.escape(letter), CASED, re.IGNORECASE)}
        assert members(ignoring_case(((ord(letter), ord(letter)),), "python")) == expected, letter


def test_case_is_ignored_as_re_does_in_ascii() -> None:
    for code in range(0x180):
        expected = {
            ord(m) for m in re.findall(re.escape(chr(code)), every_character()[:0x3000], re.IGNORECASE | re.ASCII)
        }
        assert members(ignoring_case(((code, code),), "ascii")) == expected, code


@given(st.lists(st.tuples(st.sampled_from(CASED), st.integers(0, 300)), min_size=1, max_size=3))
def test_case_of_ranges_is_ignored_as_re_does(pairs: list[tuple[str, int]]) -> None:
    ranges = normalised((ord(c), min(ord(c) + more, 0x10FFFF)) for c, more in pairs)
    pattern = re.compile("[" + "".join(f"\\U{low:08x}-\\U{high:08x}" for low, high in ranges) + "]", re.IGNORECASE)
    expected = {ord(match) for match in pattern.findall(CASED)}
    assert {c for c in members(ignoring_case(ranges, "python")) if chr(c) in CASED} == expected


@pytest.mark.parametrize(
    ("letter", "same"),
    [("k", "kK\u212a"), ("s", "sS\u017f"), ("i", "iI"), ("\u0130", "\u0130"), ("\u0131", "\u0131"), ("\u00df", "\u00df\u1e9e"),
     ("\u03c3", "\u03c3\u03a3\u03c2"), ("\u00b5", "\u00b5\u039c\u03bc"), ("\u1f80", "\u1f80\u1f88"), ("1", "1"), ("\U00010400", "\U00010400\U00010428")],
)  # fmt: skip
def test_simple_case_folding(letter: str, same: str) -> None:
    assert ignoring_case(((ord(letter), ord(letter)),), "ecma") == of_code_points(map(ord, same))


def test_word_characters_of_ecma() -> None:
    plain, folded = (class_escape("w", Flags(True, ignore_case=i)) for i in (False, True))
    assert members(folded) - members(plain) == {0x17F, 0x212A}
    assert class_escape("W", Flags(True, ignore_case=True)) == inverted(folded)


# ---------------------------------------------------------------------------------------------- sets of code points

small_sets = st.frozensets(st.integers(0, 30)).map(of_code_points)


@given(small_sets, small_sets)
def test_algebra_of_sets(left: CodePoints, right: CodePoints) -> None:
    assert members(union(left, right)) == members(left) | members(right)
    assert members(intersection(left, right)) == members(left) & members(right)
    assert inverted(inverted(left)) == left
    for result in (union(left, right), intersection(left, right), inverted(left)):
        assert all(a[1] + 1 < b[0] for a, b in pairwise(result))
