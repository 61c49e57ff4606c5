"""The way by automata agrees with `re` and with the direct translation, on patterns that both can take."""

from __future__ import annotations

import re
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from regex_patterns import patterns, texts

from latticework.grammar.regex_assertions import NotLocal, language
from latticework.grammar.regex_automaton import determinised, is_prefix_free
from latticework.grammar.regex_decisions import FALSE, TRUE, Decisions, TooLarge
from latticework.grammar.regex_escapes import Mistake
from latticework.grammar.regex_syntax import parse
from oracle import all_texts, matches

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")


@given(patterns, st.lists(texts, min_size=1, max_size=6))
def test_agrees_with_re(pattern: str, samples: list[str]) -> None:
    try:
        regex = determinised(parse(pattern, ecma=False))
    except (Mistake, TooLarge):
        return
    theirs = re.compile(pattern)
    for text in samples:
        assert matches(regex, text) == (theirs.fullmatch(text) is not None), (pattern, text)


@given(patterns, st.lists(texts, min_size=1, max_size=6))
def test_agrees_with_the_direct_translation(pattern: str, samples: list[str]) -> None:
    try:
        tree = parse(pattern, ecma=False)
        direct, by_states = language(tree), determinised(tree)
    except (Mistake, NotLocal, TooLarge):
        return
    assert [matches(direct, text) for text in samples] == [matches(by_states, text) for text in samples]


@pytest.mark.parametrize(
    "pattern",
    ["(?:(?=ab)a|b)*", "(?:a(?!b)|b(?!a))*", "(?:(?<!ab)a|b)*", "(?:(?!aba)[ab])*a", "(?:a(?=(?:b|aa)*$)|b)*", "(?:(?<=a(?:b|a))[ab]|a)*",
     "((?!.*bb.*)[ab]|b)*", "(?:(?:^|b)a|b)*", "(?:(?=(?!a)b|ab)[ab])*"],
)  # fmt: skip
def test_look_around_in_repetitions(pattern: str) -> None:
    regex, theirs = determinised(parse(pattern, ecma=True)), None
    try:
        theirs = re.compile(pattern)
    except re.error:
        pytest.skip("re has no such look-behind")
    for text in all_texts("ab", 6):
        assert matches(regex, text) == (theirs.fullmatch(text) is not None), text


@pytest.mark.parametrize(
    ("pattern", "free"), [("a*b", True), ("a*", False), ("a|ab", False), ("ab|b", True), ("(?:a|ab)*c", True), ("a+(?!b)", False), ("[^a]a?", False)]
)  # fmt: skip
def test_prefix_free(pattern: str, free: bool) -> None:
    assert is_prefix_free(parse(pattern, ecma=False)) == free


@pytest.mark.parametrize(
    "pattern", ["(?:(?=[ab]{900}c)[abc])*", "(?:(?=(?:[ab]?){390}c)[abc])*", "(?:(?=[a-z]{3}){5}[a-z]){3000}"]
)
def test_too_large_is_refused(pattern: str) -> None:
    with pytest.raises(TooLarge):
        determinised(parse(pattern, ecma=False))


def test_decision_diagrams_are_canonical() -> None:
    """Every formula of two operations over three variables: equal truth tables if and only if equal numbers."""
    store = Decisions()
    operations = [
        store.both,
        store.any,
        lambda a, b: store.both(a, store.negation(b)),
        lambda a, b: store.any(store.negation(a), b),
    ]
    variables = [store.variable(i) for i in range(3)]
    formulas = [
        second(first(a, b), c)
        for first, second in product(operations, repeat=2)
        for a, b, c in product(variables, repeat=3)
    ]
    tables: dict[tuple[int, ...], set[int]] = {}
    for formula in formulas:
        table = tuple(
            store.substituted(formula, lambda v, values=values: TRUE if values[v] else FALSE)  # type: ignore[misc]
            for values in product((False, True), repeat=3)
        )
        assert set(table) <= {TRUE, FALSE}
        tables.setdefault(table, set()).add(formula)
    assert all(len(numbers) == 1 for numbers in tables.values())
