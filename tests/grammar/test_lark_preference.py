"""What `re.match` takes, for every short text and many patterns."""

from __future__ import annotations

import itertools
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latticework.grammar.errors import GrammarSyntaxError
from latticework.grammar.ir import NOTHING
from latticework.grammar.lark_preference import Preference, preferred
from oracle import matches

TEXTS = ["".join(letters) for length in range(6) for letters in itertools.product("ab", repeat=length)]
TEXTS += ["".join(letters) for length in range(4) for letters in itertools.product("abc\n", repeat=length)]
BEFORE = ("", "a", "c")


def taken(preference: Preference, text: str) -> int | None:
    """The length of what is taken, by the expressions alone."""
    lengths = [n for n in range(len(text) + 1) if matches(preference.regex, text[:n])]
    undone = [n for n in range(len(text) + 1) if matches(preference.undone, text[:n])]
    if not lengths:
        return None
    last = min(lengths) if preference.shortest else max(lengths)
    return None if any(n > last for n in undone) else last


def expected(pattern: re.Pattern[str], before: str, text: str) -> int | None:
    match = pattern.match(before + text, len(before))
    return match and match.end() - len(before)


# ---------------------------------------------------------------------------------------------------------- patterns

ATOMS = st.sampled_from(["a", "b", "c", "ab", ".", "[ab]", "[^a]", r"\w"])
MANNERS = st.sampled_from(["*", "+", "?", "*?", "+?", "??", "{1,2}", "{2}", "{0,2}?"])
LOOKS = st.sampled_from(["(?=a)", "(?!ab)", "(?=.b)", "(?![ab])", "(?<=a)", "(?<!ab)", r"\b", r"\B", "$", r"\Z", "^"])


def grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.tuples(inner, inner).map("".join),
        st.tuples(inner, inner).map(lambda pair: f"(?:{pair[0]}|{pair[1]})"),
        st.tuples(inner, MANNERS).map(lambda pair: f"(?:{pair[0]}){pair[1]}"),
        inner.map(lambda text: f"(?:{text}|)"),
        inner.map(lambda text: f"(?={text})"),
        inner.map(lambda text: f"(?!{text})"),
    )


def check(pattern: str) -> Preference | None:
    try:
        preference = preferred(pattern)
    except GrammarSyntaxError:
        return None
    machine = re.compile(pattern)
    for text in TEXTS:
        ours = taken(preference, text)
        for before in BEFORE:
            assert ours == expected(machine, before, text), (before, text)
        assert preference.takes(text) == (machine.match(text) is not None and machine.match(text)[0] == text)
        if preference.undone is not NOTHING:
            open_ = any(taken(preference, text[:n]) is not None for n in range(len(text) + 1))
            assert matches(preference.begun, text) == (ours is not None and open_), text
    return preference


@given(st.recursive(ATOMS, grown, max_leaves=6))
def test_random_patterns(pattern: str) -> None:
    """Without look-behind nothing is refused but what looks beyond the match."""
    if check(pattern) is None:
        assert "(?" in pattern.replace("(?:", "") or "{" in pattern


@given(st.recursive(st.one_of(ATOMS, LOOKS), grown, max_leaves=7))
def test_random_patterns_that_look_around(pattern: str) -> None:
    check(pattern)


PATTERNS = [
    "a|ab",
    "ab|a",
    "a+?b|a*",
    "(a|ab)(c|b)*",
    "a.*?b",
    "(?:a|b)*?c",
    "(?:a*)*b",
    "(?:a|b*)*c?",
    "(?:a?)*b",
    "a(?!b)",
    "a(?=b)b",
    "(?!ab)[ab]+",
    r"(?!ab\b)\w+",
    "a(?<=a)b",
    "a.(?<!ab)",
    "a$",
    "[^b]+$",
    "(?i:Ab)",
    "(?s:a.+?b)",
    "a{2,3}?b?",
    "(?>a|ab)c",
    "a*+b",
]


@pytest.mark.parametrize("pattern", PATTERNS)
def test_patterns(pattern: str) -> None:
    assert check(pattern) is not None


def test_what_is_undone() -> None:
    assert preferred("[ab]+").undone is NOTHING
    assert matches(preferred("a(?!b)").undone, "ab")
    assert not matches(preferred("a(?!b)").undone, "ac")


STRING = r'"(?!"").*?(?<!\\)(\\\\)*?"'


@pytest.mark.parametrize("pattern", [r'".*?(?<!\\)(\\\\)*?"', r"/\*(.|\n)*?\*/", STRING])
def test_usual_terminals(pattern: str) -> None:
    machine, preference = re.compile(pattern), preferred(pattern)
    for length in range(6):
        for letters in itertools.product('"\\a' if '"' in pattern else "/*a", repeat=length):
            text = "".join(letters)
            assert taken(preference, text) == expected(machine, "", text), text


@pytest.mark.parametrize(
    ("pattern", "offset", "word"),
    [
        (r"\bab", 0, "before"),
        (r"(?<!a)b", 0, "before"),
        (r"a(?=b)", 1, "after"),
        (r"0(_?0)*(?![1-9])", 7, "after"),
        (r"^a", 0, "before"),
        (r"(?:a?){2,5}", 0, "empty"),
        (r"a)", 1, "parenthesis"),
        (r"(a)\1", 3, "reference"),
        (r"(?:[ab]*a[ab]{12}){3}(?:a|b[ab]{9}a)", 0, "too large"),
    ],
)
def test_refused(pattern: str, offset: int, word: str) -> None:
    with pytest.raises(GrammarSyntaxError) as info:
        preferred(pattern)
    assert word in info.value.message
    assert info.value.offset == offset


def test_large_patterns_take_the_shortest_match() -> None:
    """Where the automaton has too many states to be written out, a lazy repetition is still its shortest match."""
    pattern = r"a(?:.|\n){450,460}?b"
    preference = preferred(pattern)
    assert preference.shortest
    text = "a" + "a" * 455 + "bab"
    assert re.match(pattern, text) is not None
    assert preference.takes("a" + "a" * 455 + "b")
    assert not preference.takes("a" + "a" * 449 + "b")
