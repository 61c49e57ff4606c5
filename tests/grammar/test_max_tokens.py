"""Terminals that take only so many tokens, against every way to cut every short text into tokens."""

from __future__ import annotations

import itertools
import random
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from counted_truth import Chain, Either, Part, Piece, language, node_of
from hypothesis import given, settings
from hypothesis import strategies as st
from mask_truth import toy_vocabulary

from latticework.grammar import Compiler, Constraint, GrammarError, Matcher, VocabularyError, ir, regex
from latticework.grammar._native import CompiledGrammar, Vocabulary
from latticework.grammar.composition import reasoning
from latticework.grammar.composition_texts import free_text, until
from latticework.grammar.constraint_grammars import lark
from latticework.grammar.limits import DEFAULT_LIMITS
from latticework.grammar.lower import lower
from latticework.grammar.regex import from_regex

_LETTERS = "abx"
_TOKENS = ["a", "b", "x", "ab", "aa", "bx", "abx", "xa", "bbb"]
_LONGEST = 6
_TEXTS = ["".join(chars) for n in range(_LONGEST + 1) for chars in itertools.product(_LETTERS, repeat=n)]
_PATTERNS = {  # with the length of the longest text
    "a": 1, "ab": 2, "a{1,3}": 3, "[ab]{0,2}": 2, "(?:ab|a)b?": 3, "x": 1, "b{2}": 2, "a{2,4}": 4, "[abx]{1,3}": 3, "(?:b?x)?": 2,
    "[ax]{0,3}b": 4,
}  # fmt: skip
_PIECE = st.builds(Piece, st.sampled_from(list(_PATTERNS)), st.none() | st.integers(1, 3))
_PART = st.recursive(
    _PIECE,
    lambda inner: (
        st.lists(inner, min_size=1, max_size=3).map(tuple).map(Chain)
        | st.lists(inner, min_size=1, max_size=3).map(tuple).map(Either)
    ),
    max_leaves=5,
)


def _longest(part: Part) -> int:
    if isinstance(part, Piece):
        return _PATTERNS[part.pattern]
    lengths = map(_longest, part.parts)
    return sum(lengths) if isinstance(part, Chain) else max(lengths)


def _compiled(part: Part, vocabulary: Vocabulary) -> CompiledGrammar:
    return CompiledGrammar(vocabulary, *lower(ir.Grammar(node_of(part))), DEFAULT_LIMITS.of_automaton())


def _check(grammar: CompiledGrammar, accepted: set[tuple[int, ...]], first: int, eos: int) -> None:
    """Masks, steps and distances at every beginning of what is accepted."""
    following = defaultdict[tuple[int, ...], set[int]](set)
    missing: dict[tuple[int, ...], int] = {}
    for sequence in accepted:
        for place in range(len(sequence) + 1):
            following[sequence[:place]].add(first + sequence[place] if place < len(sequence) else eos)
            left = len(sequence) - place + 1
            missing[sequence[:place]] = min(missing.get(sequence[:place], left), left)
    states = {(): grammar.start}
    for prefix in sorted(following, key=len):
        state = states[prefix]
        assert set(grammar.allowed_tokens(state)) == following[prefix], prefix
        distance = grammar.distance(state)
        assert distance >= missing[prefix], prefix
        after = {token: grammar.step(state, token) for token in following[prefix]}
        assert min(map(grammar.distance, after.values())) < distance, prefix
        assert _within(grammar, state, distance) == {t for t in after if grammar.distance(after[t]) < distance}, prefix
        states |= {(*prefix, token - first): reached for token, reached in after.items() if token != eos}


def _within(grammar: CompiledGrammar, state: int, remaining: int) -> set[int]:
    bits = np.zeros((1, grammar.vocabulary.bitmask_words), dtype=np.int32)
    grammar.fill_bitmask_within(state, remaining, bits)
    return set(np.flatnonzero(np.unpackbits(bits.view(np.uint8), bitorder="little")).tolist())


@pytest.mark.parametrize("spells_every_byte", [True, False])
@settings(max_examples=200)
@given(part=_PART.filter(lambda part: _longest(part) <= _LONGEST))
def test_masks_equal_every_way_to_cut_every_text(spells_every_byte: bool, part: Part) -> None:
    tokens = [token.encode() for token in _TOKENS]
    others = [bytes([byte]) for byte in range(256) if bytes([byte]) not in tokens] if spells_every_byte else []
    vocabulary = Vocabulary([*others, *tokens, None], [len(others) + len(tokens)])
    accepted = language(part, _TOKENS, _TEXTS)
    try:
        grammar = _compiled(part, vocabulary)
    except VocabularyError as error:
        if not spells_every_byte:
            assert not accepted
        else:  # some terminal needs the help of others to be spelled by so few tokens
            assert "max_tokens" in str(error)
            assert any(not language(piece, _TOKENS, _TEXTS) for piece in _counted(part))
        return
    _check(grammar, accepted, len(others), vocabulary.eos_token_ids[0])


def _counted(part: Part) -> list[Piece]:
    if isinstance(part, Piece):
        return [part] if part.max_tokens else []
    return [piece for one in part.parts for piece in _counted(one)]


_STOPS = ["x", "ab", "aab", "é"]


@given(
    st.lists(st.sampled_from(_STOPS), min_size=1, max_size=2, unique=True),
    st.none() | st.integers(0, 20),
    st.integers(1, 12),
    st.booleans(),
    st.randoms(use_true_random=False),
)
def test_what_the_front_end_says_of_the_end_of_a_text_is_true(
    stops: list[str], most: int | None, max_tokens: int, is_until: bool, rng: random.Random
) -> None:
    make = until if is_until else free_text
    terminal = make(stops, max_chars=most, max_tokens=max_tokens).grammar().start
    assert isinstance(terminal, ir.CountedTerminal)
    assert terminal.enough is not None
    vocabulary = toy_vocabulary([b"ab", b"aa", b"bx", b"aaaa", "é".encode(), b"\xa9a"])
    try:
        told, found = (
            CompiledGrammar(
                vocabulary,
                *lower(ir.Grammar(ir.CountedTerminal(terminal.regex, max_tokens, enough))),
                DEFAULT_LIMITS.of_automaton(),
            )
            for enough in (terminal.enough, None)
        )
    except VocabularyError:
        return
    matchers = Matcher(told), Matcher(found)
    while not matchers[0].is_terminated:
        allowed, same = (grammar.allowed_tokens(m.state) for grammar, m in zip((told, found), matchers, strict=True))
        assert allowed == same
        assert len(matchers[0].token_ids) <= max_tokens
        token = rng.choice([token for token in allowed if token in (*b"abx\xc3", *range(256, 263))] or allowed)
        for matcher in matchers:
            matcher.accept_token(token)


def _tokens_of(text: str, *more: bytes) -> tuple[Vocabulary, list[int]]:
    """Every byte and some longer tokens; and the text in the longest of them."""
    vocabulary = toy_vocabulary(more)
    data, tokens = text.encode(), []
    while data:
        best = max((piece for piece in more if data.startswith(piece)), key=len, default=data[:1])
        tokens.append(256 + more.index(best) if best in more else data[0])
        data = data[len(best) :]
    return vocabulary, tokens


@pytest.mark.parametrize(("max_tokens", "stop"), [(1, 2), (2, 5), (3, 6), (4, None)])
def test_a_terminal_of_a_lark_grammar(max_tokens: int, stop: int | None) -> None:
    made = lark(
        "start: WORD NAME\n%declare NAME\nWORD: /[0-9]+/", terminals={"NAME": regex("[a-z]+", max_tokens=max_tokens)}
    )
    vocabulary, tokens = _tokens_of("1abcdef", b"1a", b"bcd")
    assert [vocabulary.token_bytes(token) for token in tokens] == [b"1a", b"bcd", b"e", b"f"]
    accepted = Matcher(Compiler(vocabulary).compile(made)).validate_tokens(tokens)
    assert stop == (None if accepted == 4 else sum(len(vocabulary.token_bytes(t)) for t in tokens[:accepted]))


def test_reasoning_comes_to_its_end() -> None:
    vocabulary, tokens = _tokens_of(
        "<think>one two three</think>yes", b"<think>", b"</think>", b"one", b" two", b" three"
    )
    for most, accepted in ((3, 3), (4, 8)):  # `</think>` is one of them
        grammar = Compiler(vocabulary).compile(reasoning("yes", max_tokens=most))
        assert Matcher(grammar).validate_tokens(tokens) == accepted
    matcher = Matcher(Compiler(vocabulary).compile(reasoning("yes", max_tokens=3)), tokens[:3])
    assert [vocabulary.token_bytes(token) for token in matcher.grammar.allowed_tokens(matcher.state)] == [b"</think>"]


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: regex("a", max_tokens=0), ValueError, "max_tokens: must be at least 1"),
        (lambda: until("a", max_tokens=-1), ValueError, "max_tokens"),
        (lambda: free_text(max_tokens=True), TypeError, "max_tokens: int expected"),
        (lambda: reasoning("a", max_tokens=1.5), TypeError, "max_tokens: int expected"),  # type: ignore[arg-type]
        (lambda: _compile(regex("a{3}", max_tokens=2)), VocabularyError, "its shortest one takes 3"),
        (
            lambda: _compile(lark("start: A B\n%declare B\nA: /a/", terminals={"B": regex("b{3}", max_tokens=2)})),
            GrammarError,
            "max_tokens=2 is too few for a terminal of a grammar with a lexer: give it at least 3",
        ),
        (lambda: lower(ir.Grammar(ir.CountedTerminal(ir.Text("a"), 0))), GrammarError, "from 1 to"),
        (
            lambda: lower(ir.Grammar(ir.Array(rest=ir.CountedTerminal(ir.Text("1"), 1), different=1))),
            GrammarError,
            "must differ",
        ),
    ],
)
def test_what_is_refused(make: Callable[[], object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make()


def _compile(made: Constraint) -> CompiledGrammar:
    return Compiler(toy_vocabulary([])).compile(made)


@pytest.mark.parametrize("grammar_bytes", [8_000, 60_000, 256 << 20])
def test_a_text_that_fits_stays_so_when_states_are_dropped(grammar_bytes: int) -> None:
    """With too few tokens to spell every byte, ways to the end are searched for, and a later search may find another."""
    piece = ir.CountedTerminal(from_regex("[ax]{0,3}b"), 4)
    again = ir.Reference("again")
    first = ir.Sequence(
        (ir.CountedTerminal(from_regex("a*x"), 1), again, ir.CountedTerminal(from_regex("[abx]{1,3}"), 2))
    )
    last = ir.Sequence((ir.CountedTerminal(from_regex("é"), 3), again, ir.CountedTerminal(from_regex("[aé]{1,3}"), 1)))
    array = ir.Array(rest=piece, layout=ir.JsonLayout(style="compact"))
    tokens = [b",", b"]", b"x", b"\xa9", b"\xc3\xa9\xc3", b"abx", b"],[", b"\xc3\xa9", b"[a", b"b", b"bbb", b"a", b"a]"]
    tokens += [b"aaaa", b"b]x", b"a\xc3\xa9", b"\xa9a", b"ab"]
    vocabulary = Vocabulary([*tokens, None], [len(tokens)])
    program = lower(ir.Grammar(again, {"again": ir.Choice((array, first, last))}))
    limits = replace(DEFAULT_LIMITS, grammar_bytes=grammar_bytes)
    grammar = CompiledGrammar(vocabulary, *program, limits.of_automaton())
    for seed in range(100):
        rng, matcher = random.Random(seed), Matcher(grammar)
        left = grammar.distance(matcher.state) + rng.randint(0, 6)
        while not matcher.is_terminated:
            matcher.accept_token(rng.choice(sorted(_within(grammar, matcher.state, left))))
            left -= 1
