"""The token automaton against enumeration: every small grammar, every toy vocabulary, every reachable prefix."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latticework.grammar import _native
from latticework.grammar.errors import GrammarError, LimitError, UnsatisfiableSchemaError, VocabularyError
from latticework.grammar.ir import (
    Array,
    Chars,
    Choice,
    Complement,
    Concat,
    DigitsModulo,
    Grammar,
    Intersection,
    JsonLayout,
    Node,
    Reference,
    Regex,
    Repeat,
    Terminal,
    Text,
    TextSet,
    Union,
)
from latticework.grammar.ir import Sequence as NodeSequence
from latticework.grammar.lower import lower
from tests import oracle

LONGEST = 8  # the oracle's horizon
CHECKED = 3  # prefixes up to this length: a token of three bytes and its completion stay inside the horizon
VOCABULARIES: list[list[bytes]] = [
    [b"a", b"b"],
    [b"a", b"b", b"ab", b"ba", b"aab", b"b"],
    [b"ab", b"ba", b"b"],
    [b"aa", b"b", b"aba"],
]
LEAVES: list[Regex] = [
    Text("a"),
    Text("b"),
    Text("ab"),
    Text(""),
    Chars(((97, 98),)),
    Union(()),
    TextSet(("a", "ba", "")),
]


def compiled(grammar: Grammar, tokens: Sequence[bytes], **limits: int) -> _native.CompiledGrammar:
    vocabulary = _native.Vocabulary([*tokens, None], [len(tokens)])
    return _native.CompiledGrammar(vocabulary, *lower(grammar), limits)


def regexes(size: int) -> Iterator[Regex]:
    """Every regex with exactly `size` nodes over the leaves."""
    if size == 1:
        yield from LEAVES
        return
    for inner in regexes(size - 1):
        yield Complement(inner)
        yield Repeat(inner)
        yield Repeat(inner, 0, 2)
        yield Repeat(inner, 2, 3)
    for left in range(1, size - 1):
        for a, b in itertools.product(regexes(left), regexes(size - 1 - left)):
            yield Concat((a, b))
            yield Union((a, b))
            yield Intersection((a, b))


def check(grammar: Grammar, tokens: Sequence[bytes], deepest: int = 2, longest: int = LONGEST) -> None:
    """Every bitmask up to `deepest` tokens is the oracle's, and every walk over it."""
    texts = oracle.grammar_language(grammar, "ab", longest)
    spellable = oracle.bitmask(texts, b"", [*tokens, None], [len(tokens)])
    try:
        automaton = compiled(grammar, tokens)
    except (UnsatisfiableSchemaError, VocabularyError):
        assert not spellable, "refused, but some text can be spelled"
        return
    frontier = [(automaton.start, b"")]
    for _ in range(deepest + 1):
        following = []
        for state, prefix in frontier:
            expected = oracle.bitmask(texts, prefix, [*tokens, None], [len(tokens)])
            assert set(automaton.allowed_tokens(state)) == expected, (prefix, grammar.start)
            assert automaton.is_accepting(state) == (prefix.decode() in texts)
            for token in range(len(tokens)):
                after = automaton.step(state, token)
                assert (after >= 0) == (token in expected)
                if after >= 0 and len(prefix + tokens[token]) <= CHECKED:
                    following.append((after, prefix + tokens[token]))
        frontier = following


@pytest.mark.parametrize("tokens", VOCABULARIES, ids=lambda tokens: b"-".join(tokens).decode())
def test_every_regex_of_up_to_three_nodes(tokens: list[bytes]) -> None:
    for size in (1, 2, 3):
        for regex in regexes(size):
            check(Grammar(Terminal(regex)), tokens)


small_regexes = st.recursive(
    st.sampled_from(LEAVES),
    lambda inner: st.one_of(
        st.builds(Complement, inner),
        st.builds(Repeat, inner),
        st.builds(Repeat, inner, st.integers(0, 2), st.integers(2, 4)),
        st.builds(lambda a, b: Concat((a, b)), inner, inner),
        st.builds(lambda a, b, c: Union((a, b, c)), inner, inner, inner),
        st.builds(lambda a, b: Intersection((a, b)), inner, inner),
    ),
    max_leaves=6,
)


@given(small_regexes, st.sampled_from(VOCABULARIES))
def test_larger_regexes(regex: Regex, tokens: list[bytes]) -> None:
    texts = oracle.language(regex, None, "ab", LONGEST)
    if any(len(text) <= 4 for text in texts):  # else all completions may lie beyond the oracle's horizon
        automaton_agrees_on_members(Grammar(Terminal(regex)), texts, tokens)


def automaton_agrees_on_members(grammar: Grammar, texts: oracle.Language, tokens: Sequence[bytes]) -> None:
    try:
        automaton = compiled(grammar, [b"a", b"b"])
    except UnsatisfiableSchemaError:
        assert not texts
        return
    for text in oracle.all_texts("ab", LONGEST):
        state = automaton.step_bytes(automaton.start, text.encode())
        assert (state >= 0 and automaton.is_accepting(state)) == (text in texts), text


small_nodes = st.recursive(
    st.one_of(st.builds(Terminal, st.sampled_from(LEAVES)), st.just(Reference("r"))),
    lambda inner: st.one_of(
        st.builds(lambda parts: Choice(tuple(parts)), st.lists(inner, max_size=3)),
        st.builds(
            # a letter first: rules may not be left-recursive
            lambda letter, parts: NodeSequence((Terminal(Text(letter)), *parts)),
            st.sampled_from("ab"),
            st.lists(inner, max_size=3),
        ),
    ),
    max_leaves=5,
)


@given(small_nodes, small_nodes)
def test_recursive_rules(start: Node, rule: Node) -> None:
    guarded = NodeSequence((Terminal(Text("a")), rule))
    grammar = Grammar(start, {"r": Choice((guarded, Terminal(Text("b"))))})
    texts = oracle.grammar_language(grammar, "ab", LONGEST)
    automaton_agrees_on_members(grammar, texts, VOCABULARIES[0])


@pytest.mark.parametrize("tokens", VOCABULARIES, ids=lambda tokens: b"-".join(tokens).decode())
def test_context_free_languages(tokens: list[bytes]) -> None:
    a, b, r = Terminal(Text("a")), Terminal(Text("b")), Reference("r")
    empty = Terminal(Text(""))
    rules: list[Node] = [
        Choice((NodeSequence((a, r, b)), empty)),  # a^n b^n
        Choice((NodeSequence((a, r, b, r)), empty)),  # Dyck words
        Choice((NodeSequence((a, r, a)), NodeSequence((b, r, b)), a, empty)),  # palindromes, ambiguous middle
        Choice(
            (
                NodeSequence((a, r)),
                r,
                NodeSequence(
                    (a, r, Terminal(Repeat(Text("b")))),
                ),
                b,
            )
        ),  # unit cycle
        NodeSequence((Terminal(Repeat(Text("a"))), Terminal(Repeat(Chars(((97, 98),)), 0, 2)), b)),  # many splits
    ]
    for rule in rules:
        check(Grammar(r, {"r": rule}), tokens, deepest=3, longest=12)


def test_unproductive_parts_are_dropped() -> None:
    endless = Choice((NodeSequence((Terminal(Text("a")), Reference("r"))),))
    with pytest.raises(UnsatisfiableSchemaError):
        compiled(Grammar(Reference("r"), {"r": endless}), VOCABULARIES[0])
    grammar = Grammar(Choice((Reference("r"), Terminal(Text("b")))), {"r": endless})
    automaton = compiled(grammar, VOCABULARIES[0])
    assert automaton.next_bytes(automaton.start) == b"b"
    with pytest.raises(UnsatisfiableSchemaError):
        compiled(Grammar(Reference("r"), {"r": Reference("r")}), VOCABULARIES[0])


def test_left_recursion_is_refused() -> None:
    rule = Choice((NodeSequence((Reference("r"), Terminal(Text("a")))), Terminal(Text("b"))))
    with pytest.raises(GrammarError, match="left-recursive"):
        compiled(Grammar(Reference("r"), {"r": rule}), VOCABULARIES[0])


@pytest.mark.parametrize(("modulus", "remainder"), [(1, 0), (3, 0), (7, 5), (10, 0), (97, 1), (2**31 - 1, 3)])
def test_digits_modulo(modulus: int, remainder: int) -> None:
    automaton = compiled(Grammar(Terminal(DigitsModulo(modulus, remainder))), [str(d).encode() for d in range(10)])
    for value in [*range(300), modulus + remainder, 5 * modulus + remainder, 10**12]:
        state = automaton.step_bytes(automaton.start, str(value).encode())
        assert automaton.is_accepting(state) == (value % modulus == remainder)


def test_forced_bytes_begin_every_text() -> None:
    for regex in itertools.chain(regexes(1), regexes(2), regexes(3)):
        texts = oracle.language(regex, None, "ab", LONGEST)
        try:
            automaton = compiled(Grammar(Terminal(regex)), [b"a", b"b"])
        except (UnsatisfiableSchemaError, VocabularyError):
            continue
        forced = automaton.forced_bytes(automaton.start).decode()
        assert all(text.startswith(forced) for text in texts)
        assert forced == "" or forced in oracle.prefix_closed(texts)


def test_a_vocabulary_that_cannot_spell_the_grammar_is_refused() -> None:
    grammar = Grammar(Terminal(Text("abc")))
    with pytest.raises(VocabularyError, match="abc"):
        compiled(grammar, [b"a", b"b"])
    automaton = compiled(grammar, [b"a", b"bc", b"ab"])
    assert automaton.allowed_tokens(automaton.start) == [0]  # after b"ab" nothing could follow


def test_nested_arrays_of_any_depth() -> None:
    grammar = Grammar(Reference("r"), {"r": Array((), Reference("r"), layout=JsonLayout("compact"))})
    automaton = compiled(grammar, [b"[", b"]", b",", b"[[", b"]]"])
    depth = 5000
    state = automaton.step_bytes(automaton.start, b"[" * depth + b"]" * (depth - 1))
    assert automaton.next_bytes(state) == b",]"
    assert automaton.is_accepting(automaton.step_bytes(state, b"]"))


def test_states_are_shared_by_histories_with_the_same_futures() -> None:
    grammar = Grammar(Terminal(Repeat(Union((Text("ab"), Text("b"))))))
    automaton = compiled(grammar, VOCABULARIES[1])
    assert automaton.step_bytes(automaton.start, b"abb") == automaton.step_bytes(automaton.start, b"bab")


def test_a_long_counted_repetition_costs_what_it_visits() -> None:
    grammar = Grammar(Terminal(Repeat(Chars(((97, 122),)), 0, 100_000)))
    automaton = compiled(grammar, [b"a", b"aaaa"])
    assert automaton.statistics()["states"] < 10
    bitmask = np.zeros((1, 1), dtype=np.int32)
    automaton.fill_bitmask([automaton.start], bitmask)
    assert bitmask[0, 0] == 0b111


def test_a_failed_compile_leaves_no_trace_in_the_shared_lexer() -> None:
    """The lexer is shared by the grammars of a vocabulary; what it explored before an error must stay undecided."""
    nested: Regex = Text("a")
    for _ in range(700):
        nested = Repeat(Concat((nested, Repeat(Text("b"), 0, 1))), 0, 2)
    vocabulary = _native.Vocabulary([bytes([value]) for value in range(256)] + [None], [256])
    hard = Grammar(Terminal(Intersection((Concat((Text("q"), nested, Text("z"))), Complement(Text("k"))))))
    outcomes = set()
    for _ in range(2):
        try:
            _native.CompiledGrammar(vocabulary, *lower(hard), {"derivative_steps": 50})
            outcomes.add("compiled")
        except (GrammarError, LimitError) as error:
            outcomes.add(type(error).__name__)
    assert len(outcomes) == 1 and "UnsatisfiableSchemaError" not in outcomes
