"""The smart constructors keep the language, and the conditions on first and last characters are exact."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from latticework.grammar import regex_algebra as algebra
from latticework.grammar.ir import (
    ANY_TEXT,
    EMPTY_TEXT,
    NOTHING,
    Chars,
    Complement,
    Concat,
    DigitsModulo,
    Intersection,
    Regex,
    Repeat,
    Text,
    TextSet,
    Union,
)
from latticework.grammar.regex_sets import CodePoints
from oracle import all_texts, language

ALPHABET, LENGTH = "ab", 4
_sets = st.sampled_from([((97, 97),), ((97, 98),), ((98, 98),), ((0, 97),), ((0, 0x10FFFF),), ((99, 200),)])
_bounds = st.tuples(st.integers(0, 2), st.none() | st.integers(0, 2)).map(
    lambda b: (b[0], None if b[1] is None else sum(b))
)  # type: ignore[arg-type]

leaves = st.one_of(
    st.text(alphabet="ab", max_size=2).map(Text),
    _sets.map(Chars),
    st.lists(st.text(alphabet="ab", max_size=2), min_size=1, max_size=3, unique=True).map(lambda t: TextSet(tuple(t))),
    st.sampled_from([ANY_TEXT, NOTHING, DigitsModulo(3, 0), DigitsModulo(3, 1)]),  # of digits: no letters, or nothing
)


def _several(inner: st.SearchStrategy[Regex], least: int) -> st.SearchStrategy[tuple[Regex, ...]]:
    return st.lists(inner, min_size=least, max_size=3).map(tuple)


regexes = st.recursive(
    leaves,
    lambda inner: st.one_of(
        _several(inner, 0).map(Concat),
        _several(inner, 0).map(Union),
        _several(inner, 1).map(Intersection),
        inner.map(Complement),
        st.tuples(inner, _bounds).map(lambda pair: Repeat(pair[0], *pair[1])),
    ),
    max_leaves=6,
)


def texts(regex: Regex) -> frozenset[str]:
    return language(regex, {}, ALPHABET, LENGTH)


@given(regexes, regexes, regexes)
def test_constructors_keep_the_language(a: Regex, b: Regex, c: Regex) -> None:
    assert texts(algebra.concat((a, b, c))) == texts(Concat((a, b, c)))
    assert texts(algebra.union((a, b, c))) == texts(Union((a, b, c)))
    assert texts(algebra.intersect(a, b)) == texts(a) & texts(b)
    assert texts(algebra.complement(a)) == all_texts(ALPHABET, LENGTH) - texts(a)


@given(regexes, _bounds)
def test_repetition_keeps_the_language(a: Regex, bounds: tuple[int, int | None]) -> None:
    once = algebra.repeat(a, *bounds)
    assert texts(once) == texts(Repeat(a, *bounds))
    assert texts(algebra.repeat(once, *bounds)) == texts(Repeat(Repeat(a, *bounds), *bounds))


@given(regexes, _sets, st.booleans())
def test_first_and_last_characters(a: Regex, ranges: CodePoints, empty: bool) -> None:
    inside = {c for c in ALPHABET if any(low <= ord(c) <= high for low, high in ranges)}
    assert texts(algebra.starting_with(a, ranges, empty)) == {t for t in texts(a) if (t[0] in inside if t else empty)}
    assert texts(algebra.ending_with(a, ranges)) == {t for t in texts(a) if t and t[-1] in inside}


@given(regexes)
def test_what_is_said_of_a_language_is_true(a: Regex) -> None:
    found = texts(a)
    longest = algebra.longest(a)
    assert all(algebra.shortest(a) <= len(t) and (longest is None or len(t) <= longest) for t in found)


def test_no_digits_are_a_multiple() -> None:
    assert algebra.intersect(DigitsModulo(3, 0), EMPTY_TEXT) is EMPTY_TEXT
    assert algebra.intersect(DigitsModulo(3, 1), EMPTY_TEXT) is NOTHING
    assert texts(algebra.starting_with(DigitsModulo(3, 0), ((97, 97),), True)) == {""}
