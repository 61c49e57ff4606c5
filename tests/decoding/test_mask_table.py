"""Rows of a mask table are those that the grammar fills, whatever was evicted, dropped, mixed or too much at once."""

from __future__ import annotations

import gc
import random

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from latticework.decoding.bitmask import allocate_token_bitmask
from latticework.decoding.mask_table import MaskRows, MaskTable
from latticework.grammar import CompiledGrammar, Compiler, Limits, Matcher, Vocabulary, regex

VOCABULARY = Vocabulary([*(bytes([value]) for value in range(256)), b"ab", b"ba", b"abc", b"aaaa", None], [260])
PATTERNS = ["(ab|ba){3,9}c?", "[ab]*abc", "a{4,12}(b|c)"]
COMPILER = Compiler(VOCABULARY)
GRAMMARS = [COMPILER.compile(regex(pattern)) for pattern in PATTERNS]


def truth(grammar: CompiledGrammar, state: int) -> torch.Tensor:
    bitmask = allocate_token_bitmask(1, VOCABULARY.size)
    grammar.fill_bitmask([state], bitmask)
    return bitmask[0]


def states_of(grammar: CompiledGrammar) -> list[int]:
    """All of a finite automaton, in the order of a search from the start."""
    found = [grammar.start]
    for state in found:
        after = (grammar.step(state, token) for token in grammar.allowed_tokens(state))
        found.extend(dict.fromkeys(state for state in after if state not in found))
    return found


STATES = [states_of(grammar) for grammar in GRAMMARS]
STEP = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 10**6)), max_size=12)


def read(rows: MaskRows) -> torch.Tensor:
    return rows.table.index_select(0, rows.numbers)


@given(capacity=st.sampled_from([1, 2, 3, 7, 100]), steps=st.lists(STEP, min_size=1, max_size=12))
def test_rows_are_those_of_the_grammar(capacity, steps):
    table = MaskTable(VOCABULARY.size, capacity=capacity)
    for step in steps:
        asked = [(GRAMMARS[which], STATES[which][index % len(STATES[which])]) for which, index in step]
        rows = table.rows([grammar for grammar, _ in asked], [state for _, state in asked])
        assert rows.numbers.dtype == torch.int64
        assert read(rows).shape == (len(asked), VOCABULARY.bitmask_words)
        for row, (grammar, state) in zip(read(rows), asked, strict=True):
            assert torch.equal(row, truth(grammar, state))
        assert len(table) <= capacity
        assert table.table.shape == (capacity, VOCABULARY.bitmask_words)


def test_a_known_row_is_not_computed_again():
    table = MaskTable(VOCABULARY.size, capacity=3)
    first, second, third, fourth = STATES[0][:4]
    table.rows(GRAMMARS[0], [first, second, first])
    assert (table.hits, table.misses) == (1, 2)
    table.rows(GRAMMARS[0], [first, third])
    assert (table.hits, table.misses) == (2, 3)
    table.rows(GRAMMARS[0], [fourth])  # takes the place of the second, which was not used for longest
    table.rows(GRAMMARS[0], [first, third, fourth])
    assert (table.hits, table.misses) == (5, 4)
    table.rows(GRAMMARS[0], [second])
    assert (table.hits, table.misses) == (5, 5)


def test_a_step_that_needs_more_rows_than_there_are():
    table = MaskTable(VOCABULARY.size, capacity=2)
    table.rows(GRAMMARS[0], STATES[0][:2])
    states = random.Random(0).choices(STATES[0], k=100)
    rows = table.rows(GRAMMARS[0], states)
    assert all(torch.equal(row, truth(GRAMMARS[0], state)) for row, state in zip(read(rows), states, strict=True))
    before = table.misses
    table.rows(GRAMMARS[0], STATES[0][:2])
    assert table.misses == before, "what was there before has stayed"


def test_rows_of_dropped_states_stay_right():
    """A grammar whose memory is tiny drops states again and again, and gives new numbers to those that come back."""
    limits = Limits(grammar_bytes=60_000)
    grammar = Compiler(VOCABULARY, limits=limits).compile(regex("[ab]{1,60}(c[ab]{1,60}){20}"))
    rng, table = random.Random(1), MaskTable(VOCABULARY.size, capacity=300)
    met: dict[int, torch.Tensor] = {}  # what was the truth when the state lived
    for _ in range(60):
        matcher = Matcher(grammar)
        for _ in range(40):
            known = met.setdefault(matcher.state, truth(grammar, matcher.state))
            assert torch.equal(read(table.rows(grammar, [matcher.state]))[0], known)
            matcher.accept_token(rng.choice([ord("a"), ord("b"), 256, 257]))
            if matcher.is_accepting or rng.random() < 0.3:
                matcher.accept_token(ord("c")) if grammar.step(matcher.state, ord("c")) >= 0 else None
    assert grammar.statistics()["collections"] > 3
    dropped = [state for state in met if not lives(grammar, state)]
    assert dropped
    kept, refused = 0, 0
    for state in dropped:
        try:
            assert torch.equal(read(table.rows(grammar, [state]))[0], met[state])
            kept += 1
        except IndexError:
            refused += 1
    assert refused
    assert kept


def lives(grammar: CompiledGrammar, state: int) -> bool:
    try:
        grammar.is_accepting(state)
    except IndexError:
        return False
    return True


def test_a_grammar_in_the_place_of_one_that_is_gone():
    table = MaskTable(VOCABULARY.size)
    for count in range(1, 30):
        grammar = Compiler(VOCABULARY).compile(regex(f"a{{{count}}}"))
        state = grammar.step(grammar.start, ord("a"))
        assert torch.equal(read(table.rows(grammar, [state]))[0], truth(grammar, state))
        del grammar
        gc.collect()


def test_what_it_refuses():
    with pytest.raises(ValueError, match="capacity=0"):
        MaskTable(VOCABULARY.size, capacity=0)
    table = MaskTable(VOCABULARY.size)
    with pytest.raises(ValueError, match="2 grammars for 1 states"):
        table.rows(GRAMMARS[:2], [0])
    other = Compiler(Vocabulary([b"a", b"b", None], [2])).compile(regex("a"))
    with pytest.raises(ValueError, match="a grammar for 3 tokens; this table is for 261"):
        table.rows(other, [other.start])
    for state in (-1, 10**6):
        with pytest.raises(IndexError):
            table.rows(GRAMMARS[0], [GRAMMARS[0].start, state])
    rows = table.rows(GRAMMARS[0], [GRAMMARS[0].start])
    assert torch.equal(read(rows)[0], truth(GRAMMARS[0], GRAMMARS[0].start)), "an error leaves the table as it was"


@pytest.mark.gpu
def test_rows_on_a_gpu():
    table = MaskTable(VOCABULARY.size, capacity=5, device="cuda")
    rng = random.Random(2)
    for _ in range(50):
        which = [rng.randrange(3) for _ in range(rng.randint(1, 9))]
        asked = [(GRAMMARS[index], rng.choice(STATES[index])) for index in which]
        rows = table.rows([grammar for grammar, _ in asked], [state for _, state in asked])
        assert rows.table.device.type == rows.numbers.device.type == "cuda"
        for row, (grammar, state) in zip(read(rows).cpu(), asked, strict=True):
            assert torch.equal(row, truth(grammar, state))
