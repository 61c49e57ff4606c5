"""Composed constraints against `re` and plain string searches, on every short text."""

from __future__ import annotations

import copy
import itertools
import json
import pickle
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_languages import accepts, check, texts

from latticework.grammar import (
    Compiler,
    Constraint,
    GrammarError,
    LimitError,
    Limits,
    Vocabulary,
    choice,
    regex,
    special_token,
)
from latticework.grammar import json_schema as schema
from latticework.grammar.composition import either, reasoning, repeat, sequence, split_reasoning
from latticework.grammar.composition_rules import Assembly
from latticework.grammar.composition_texts import free_text, substring, until
from latticework.grammar.ir import Grammar, Reference, Sequence, Terminal, Text
from oracle import grammar_language

Pair = tuple[Any, str]  # a constraint or a text, and a pattern of the same texts


def bounded(pair: Pair, minimum: int, more: int | None, separator: str) -> Pair:
    maximum = None if more is None else minimum + more
    made, one = repeat(pair[0], minimum, maximum, separator), f"(?:{pair[1]})"
    several = [separator.join([one] * count) for count in range(minimum, 8 if maximum is None else maximum + 1)]
    return made, "|".join(several)


LITERAL = st.text("ab", max_size=2).map(lambda text: (text, re.escape(text)))
LEAF = LITERAL | st.sampled_from(["a", "a*", "b?", "[ab]b", "(?:ab)*", "a|bb", ""]).map(lambda p: (regex(p), p))
SEPARATOR = st.sampled_from(["", "a", "b"])
PAIR = st.recursive(
    LEAF,
    lambda inner: (
        st.lists(inner, max_size=3).map(
            lambda pairs: (sequence(*(made for made, _ in pairs)), "".join(f"(?:{p})" for _, p in pairs))
        )
        | st.lists(inner, min_size=1, max_size=3).map(
            lambda pairs: (either(*(made for made, _ in pairs)), "|".join(f"(?:{p})" for _, p in pairs))
        )
        | st.builds(bounded, inner, st.integers(0, 2), st.none() | st.integers(0, 2), SEPARATOR)
    ),
    max_leaves=6,
)


@given(PAIR)
def test_compositions_are_what_re_says(pair: Pair) -> None:
    made, pattern = pair
    constraint = sequence(made)
    matches = re.compile(pattern).fullmatch
    if any(map(matches, texts("ab", 6))):
        check(constraint, lambda text: matches(text) is not None, "ab", 6, 6)


@pytest.mark.parametrize("separator", ["", "b"])
def test_bounds(separator: str) -> None:
    pairs = [("a", "a"), (either("a", sequence("b", "b")), "(?:a|bb)"), (repeat("a", 1), "a+")]
    for pair in pairs:
        for minimum in range(3):
            for more in (0, 1, 2, None):
                made, pattern = bounded(pair, minimum, more, separator)
                matches = re.compile(pattern).fullmatch
                check(made, lambda text, matches=matches: matches(text) is not None, "ab", 6, 6)


def test_large_bounds(byte_vocabulary: Vocabulary) -> None:
    many = Compiler(byte_vocabulary).compile(repeat(sequence("a", "b"), 300, 5000))
    assert [accepts(many, "ab" * count) for count in (299, 300, 5000, 5001)] == [False, True, True, False]
    few = Compiler(byte_vocabulary, limits=Limits(grammar_nodes=100))
    for made in (repeat(sequence("a", "b"), 0, 5000), repeat(sequence("a", "b"), 10**12), substring("a" * 60)):
        with pytest.raises(LimitError, match="grammar_nodes"):
            few.compile(made)


def test_a_long_loop_needs_no_memory(byte_vocabulary: Vocabulary) -> None:
    automaton = Compiler(byte_vocabulary).compile(repeat(either("ab", sequence("c", regex("[de]+"))), separator=", "))
    state = automaton.step_bytes(automaton.start, b"ab, cde, " * 3)
    before = automaton.statistics()["states"]
    state = automaton.step_bytes(state, b"ab, cde, " * 3000)
    assert state >= 0
    assert automaton.statistics()["states"] == before


def test_rules_of_the_same_name_stay_apart(byte_vocabulary: Vocabulary) -> None:
    """Both schemas are recursive, and name their rules alike."""

    def tree(leaf: str) -> Constraint:
        items = {"anyOf": [{"const": leaf}, {"$ref": "#/$defs/t"}]}
        return schema({"$ref": "#/$defs/t", "$defs": {"t": {"type": "array", "items": items}}}, whitespace="compact")

    automaton = Compiler(byte_vocabulary).compile(sequence(tree("x"), "|", tree("y"), tree("x"), tree("z")))
    assert accepts(automaton, '[["x"],"x"]|[["y"]][["x"]][[["z"]]]')
    assert not accepts(automaton, '[["x"],"x"]|[["x"]][["x"]][[["z"]]]')
    assert not accepts(automaton, '[["x"],"x"]|[["y"]][["x"]][[["x"]]]')


def test_names_that_look_like_those_that_are_given() -> None:
    def rules(**texts: str) -> Grammar:
        nodes = {name.replace("_", "#"): Terminal(Text(text)) for name, text in texts.items()}
        return Grammar(Sequence(tuple(map(Reference, nodes))), dict(nodes))

    assembly = Assembly(Limits())
    parts = [rules(r="a", r_3="b"), rules(r="c", r_2="d"), rules(r="e", r_2="f", r_3="g", r_4="h")]
    whole = assembly.grammar(Sequence(tuple(assembly.inlined(part) for part in parts)))
    assert grammar_language(whole, "abcdefgh", 8) == {"abcdefgh"}


# ------------------------------------------------------------------------------------------------------------ texts


STOPS = [["b"], ["ab"], ["aa"], ["aba"], ["ab", "b"], ["aab", "ba"], ["a", "b"], ["bab", "abb", "aa"]]


def first_end(text: str, stops: list[str]) -> int | None:
    """Where the first occurrence of a stop ends."""
    return min((text.find(stop) + len(stop) for stop in stops if stop in text), default=None)


@pytest.mark.parametrize("stops", STOPS)
@pytest.mark.parametrize("most", [None, 0, 1, 3])
def test_until(stops: list[str], most: int | None) -> None:
    def is_right(text: str) -> bool:
        if first_end(text, stops) != len(text):
            return False
        return most is None or any(text.endswith(stop) and len(text) - len(stop) <= most for stop in stops)

    check(until(stops, max_chars=most), is_right, "abc", 7, 3)


@pytest.mark.parametrize("stops", [*STOPS, []])
@pytest.mark.parametrize("most", [None, 0, 3])
def test_free_text(stops: list[str], most: int | None) -> None:
    def is_right(text: str) -> bool:
        return first_end(text, stops) is None and (most is None or len(text) <= most)

    check(free_text(stops, max_chars=most), is_right, "abc", 6)


@given(st.text("ab", min_size=1, max_size=9))
def test_a_substring_is_in_the_text(text: str) -> None:
    check(substring(text), lambda piece: piece != "" and piece in text, "ab", 6, 1)
    check(substring(text, allow_empty=True), lambda piece: piece in text, "ab", 4)


def unit_pieces(text: str, by: str) -> set[str]:
    """Every piece from the beginning of a unit to the end of one, by enumeration."""
    if by == "words":
        spans = [found.span() for found in re.finditer(r"\S+", text)]
    else:
        spans, at = [], 0
        for line in text.splitlines(keepends=True):
            spans.append((at, at + len(line.removesuffix("\n"))))
            at += len(line)
    return {text[start:end] for i, (start, _) in enumerate(spans) for _, end in spans[i:]}


@pytest.mark.parametrize("by", ["words", "lines"])
@given(text=st.text("ab\n", max_size=12))
def test_pieces_of_whole_units(by: Any, text: str) -> None:
    pieces = unit_pieces(text, by)
    if not pieces - {""}:
        with pytest.raises(GrammarError, match=rf"no {by}"):
            substring(text, by)
        return
    check(substring(text, by), lambda piece: piece in pieces - {""}, "ab\n", 6, 12)
    check(substring(text, by, allow_empty=True), lambda piece: piece in pieces or piece == "", "ab\n", 4, 12)


def test_long_substrings(byte_vocabulary: Vocabulary) -> None:
    text = "".join(f"line {number} of {number * number} €\n" for number in range(400))
    for by, piece, wrong in (
        ("chars", text[1000:1100], text[1000:1100] + "?"),
        ("words", "12 of 144 €\nline 13 of", "2 of 144 €"),
        ("lines", "line 12 of 144 €\nline 13 of 169 €", "12 of 144 €"),
    ):
        automaton = Compiler(byte_vocabulary).compile(substring(text, by))  # type: ignore[arg-type]
        assert accepts(automaton, piece)
        assert not accepts(automaton, wrong)


# -------------------------------------------------------------------------------------------------------- reasoning


@pytest.mark.parametrize("begin", ["<", ""])
@pytest.mark.parametrize("optional", [False, True])
@pytest.mark.parametrize("breaks", [0, 1])
def test_reasoning(begin: str, optional: bool, breaks: int) -> None:
    if optional and not begin:
        with pytest.raises(GrammarError, match="begin"):
            reasoning("b", begin=begin, optional=True)
        return
    pattern = re.compile(f"{begin}[^>]*>\n{{0,{breaks}}}b" + ("|b" if optional else ""))
    made = reasoning("b", begin=begin, end=">", optional=optional, line_breaks=breaks)
    check(made, lambda text: pattern.fullmatch(text) is not None, "<>b\n", 5, 3)


@pytest.mark.parametrize("optional", [False, True])
def test_reasoning_between_special_tokens(optional: bool) -> None:
    """All short sequences of letters and tokens; a token is a capital letter here."""
    special = {"<a": 4, "a>": 5}
    vocabulary = Vocabulary([b"a", b"b", b">", b"\n", None, None, None], [6], special_tokens=special)
    begin, end = special_token("<a"), special_token("a>")
    made = reasoning("b", begin=begin, end=end, max_chars=2, line_breaks=1, optional=optional)
    automaton = Compiler(vocabulary).compile(made)
    is_right = re.compile(r"B((?!.*a>)[ab>\n]{0,2})E\n?b" + "|b" * optional, re.DOTALL).fullmatch
    for path in itertools.chain.from_iterable(itertools.product(range(6), repeat=size) for size in range(6)):
        state = automaton.start
        for token in path:
            state = automaton.step(state, token) if state >= 0 else state
        symbols = "".join("ab>\nBE"[token] for token in path)
        match = is_right(symbols)
        assert (state >= 0 and automaton.is_accepting(state)) == (match is not None), symbols
        if match is not None:
            text = symbols.replace("B", "<a").replace("E", "a>")
            assert split_reasoning(made, text) == (match[1], "b")
    assert pickle.loads(pickle.dumps(made)) == made != reasoning("b", begin="<a", end="a>", max_chars=2, line_breaks=1)


def test_reasoning_is_read() -> None:
    answer = schema({"type": "object", "properties": {"a": {"type": "integer"}}})
    made = reasoning(answer, optional=True)
    assert made.parse('<think>Well: {"a": 2}</think>\n\n{"a": 3}') == {"a": 3}
    assert made.parse('{"a": 3}') == {"a": 3}
    assert split_reasoning(made, '<think>x</think>\n\n{"a": 3}') == ("x", '{"a": 3}')
    assert split_reasoning(reasoning("b", begin=""), "x</think>\n\n\nb") == ("x", "\nb")
    with pytest.raises(ValueError, match="no span"):
        reasoning(answer).parse('{"a": 3}')


# ----------------------------------------------------------------------------------------------------------- values


def test_compositions_are_values() -> None:
    a, b = regex("a"), regex("b")
    made = [
        sequence(a, b), sequence(b, a), sequence(a), sequence(a, b, b), sequence(sequence(a, b), b), either(a, b),
        repeat(a), repeat(a, 1), repeat(a, 1, 3), repeat(a, 1, 3, b), repeat(a, 0, 3, "b"), sequence(), until("a"),
        until(["a", "b"]), until("a", max_chars=3), free_text(), free_text("a"), free_text("a", max_chars=3),
        substring("a"), substring("a", "words"), substring("a", allow_empty=True), reasoning(a), reasoning(b),
        reasoning(a, begin=""), reasoning(a, end="x"), reasoning(a, optional=True), reasoning(a, line_breaks=0),
    ]  # fmt: skip
    assert len({constraint.key for constraint in made}) == len(set(made)) == len(made)
    for constraint in made:
        assert pickle.loads(pickle.dumps(constraint)) == copy.deepcopy(constraint) == constraint
    assert sequence(a, "x") == sequence(a, choice(["x"]))
    assert until("a") == until(["a"])
    assert json.loads(json.dumps(sequence("a", "b").parse("ab"))) == "ab"


def test_how_deep_and_large() -> None:
    deep: Constraint = regex("a")
    with pytest.raises(GrammarError, match="levels deep"):
        for _ in range(100):
            deep = sequence(deep)
    wide: Constraint = regex("a")
    with pytest.raises(GrammarError, match="more than"):
        for _ in range(100):
            wide = either(*[wide] * 10)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: sequence("a", 1), TypeError, r"sequence\[1\]"),  # type: ignore[arg-type]
        (lambda: either(), GrammarError, "nothing"),
        (lambda: either(None), TypeError, r"either\[0\]"),  # type: ignore[arg-type]
        (lambda: sequence("\ud800"), GrammarError, "surrogate"),
        (lambda: repeat("a", -1), ValueError, "minimum"),
        (lambda: repeat("a", 2, 1), ValueError, "maximum"),
        (lambda: repeat("a", 0, 1.0), TypeError, "maximum"),  # type: ignore[arg-type]
        (lambda: repeat("a", 0, 1, None), TypeError, "separator"),  # type: ignore[arg-type]
        (lambda: until([]), GrammarError, "no stop"),
        (lambda: until(""), GrammarError, "empty"),
        (lambda: until(["a", 1]), TypeError, r"stop\[1\]"),  # type: ignore[list-item]
        (lambda: until("a", max_chars=-1), ValueError, "max_chars"),
        (lambda: free_text([""]), GrammarError, "empty"),
        (lambda: substring(""), GrammarError, "no chars"),
        (lambda: substring(" ", "words"), GrammarError, "no words"),
        (lambda: substring("\n", "lines"), GrammarError, "no lines"),
        (lambda: substring("a", "bytes"), ValueError, "by"),  # type: ignore[arg-type]
        (lambda: substring(3), TypeError, "text"),  # type: ignore[arg-type]
        (lambda: reasoning("a", end=""), GrammarError, "end"),
        (lambda: reasoning("a", end=regex("a")), TypeError, "end: .*special_token"),
        (lambda: reasoning(3), TypeError, "answer"),  # type: ignore[arg-type]
    ],
)
def test_what_is_refused(make: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make()
