"""Hypothesis strategies for the text of regular expressions, and for texts that such patterns are likely to match."""

from __future__ import annotations

import re

from hypothesis import strategies as st

LETTERS = "aabbA1-\n"

texts = st.text(alphabet=LETTERS + " ", max_size=6)

_characters = st.sampled_from([*list("aaabbbA1-\n"), r"\.", r"\x61", r"\141", r"\u0062", "]", "}", "{", "{,", r"\n"])
_classes = st.sampled_from(
    [
        "[ab]",
        "[^a]",
        "[a-b1]",
        r"[^\n]",
        r"[\wb]",
        "[]a]",
        "[^]a]",
        r"[\d\-]",
        "[a-]",
        r"[^\W1]",
        "[Z-a]",
        ".",
        r"\w",
        r"\W",
        r"\d",
        r"\D",
        r"\s",
        r"\S",
    ]
)
_places = st.sampled_from(["^", "$", r"\A", r"\Z", r"\b", r"\B"])
_counts = st.sampled_from(
    ["", "", "", "", "*", "+", "?", "{2}", "{1,2}", "{,2}", "{,}", "{1,}", "{0}", "*?", "+?", "??", "{1,2}?"]
)
_possessive = st.sampled_from(["*+", "++", "?+", "{1,2}+"])
_looks = st.sampled_from(["(?=", "(?!", "(?<=", "(?<!"])
_groups = st.sampled_from(["(", "(?:", "(?:", "(?i:", "(?s:", "(?m:", "(?a:", "(?x:", "(?-i:"])
_flags = st.sampled_from(["", "", "", "", "(?i)", "(?s)", "(?m)", "(?x)", "(?a)", "(?im)"])

_leaf = st.one_of(_characters, _characters, _classes)


def _joined(*parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.tuples(*parts).map("".join)


def _alternation(item: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    series = st.lists(_joined(item, _counts), max_size=3).map("".join)
    return st.lists(series, min_size=1, max_size=3).map("|".join)


def _around_with_assertions(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    item = st.one_of(inner, inner, _places)
    close = st.just(")")
    atomic = st.one_of(_joined(st.just("(?>"), _alternation(item), close), _joined(_leaf, _possessive))
    look = _joined(_looks, _alternation(item), close)
    return st.one_of(_joined(_groups, _alternation(item), close), look, look, atomic, _places)


def _without_captures(pattern: str) -> str:
    """`re` of Python 3.11 may corrupt memory where a capture stands in an atomic group."""
    return re.sub(r"\((?!\?)", "(?:", pattern) if re.search(r"\(\?>|[*+?}]\+", pattern) else pattern


patterns = _joined(
    _flags, _alternation(st.recursive(st.one_of(_leaf, _places), _around_with_assertions, max_leaves=8))
).map(_without_captures)
