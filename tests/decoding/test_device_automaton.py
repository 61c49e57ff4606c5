"""The tables of a finite automaton equal its steps and masks: exhaustively when small, along walks at the size of Llama 3."""

from __future__ import annotations

import random

import pytest
import torch
from automaton_walk import VOCABULARIES, compiled
from hypothesis import assume, given
from hypothesis import strategies as st
from small_grammars import grammars

import latticework as lw
from latticework.decoding.bitmask import allocate_token_bitmask, allowed_by
from latticework.decoding.device_automaton import DeviceAutomaton
from latticework.decoding.device_tables import FAR, DeviceAutomatonError
from latticework.grammar import CompiledGrammar, Compiler, LimitError, Limits, Vocabulary, VocabularyError
from latticework.grammar.errors import GrammarError

EVERY_BYTE = [bytes([value]) for value in range(256)]
VOCABULARY = Vocabulary(
    [*EVERY_BYTE, None, b"ab", b"ba", b"abc", b"aaaa", b"\xe6\x97", b"\xa5b", None, None, None, b"ab"],
    [264, 265],
    size=270,
    special_tokens={"<x>": 263},
)
COMPILER = Compiler(VOCABULARY)
FINITE = [
    lw.regex("(ab|ba){3,9}c?"),
    lw.regex("[ab]*abc"),
    lw.choice(["abc", "aaaaab", "日b", "日本"]),
    lw.sequence(lw.special_token("<x>"), lw.regex("[^a]{0,3}"), lw.special_token("<x>")),
    lw.json_schema({"type": "object", "properties": {"a": {"type": "integer", "maximum": 12}}, "required": ["a"],
                    "additionalProperties": False}),
    lw.json_schema({"type": "array", "items": {"enum": ["a", "b", 1]}, "maxItems": 3, "uniqueItems": True}),
]  # fmt: skip


def equal(automaton: DeviceAutomaton, which: int = 0, tokens: list[int] | None = None) -> None:
    """Every state and token of one of the grammars."""
    part, start = automaton.parts[which], automaton.starts[which]
    grammar = part.grammar
    size = grammar.vocabulary.size
    for state, number in part.states.items():
        assert automaton.number(grammar, state) == start + number
        bitmask = allocate_token_bitmask(1, size)
        grammar.fill_bitmask([state], bitmask)
        here = torch.tensor([start + number])
        rows = automaton.mask_rows(here)
        assert torch.equal(rows.table[rows.numbers], bitmask)
        each = torch.arange(size) if tokens is None else torch.tensor(tokens)
        steps = [grammar.step(state, token) for token in each.tolist()]
        expected = [-1 if step < 0 else automaton.number(grammar, step) for step in steps]
        assert automaton.advance(here.expand(len(each)), each).tolist() == expected
        assert automaton.is_terminated(here).tolist() == [grammar.is_terminated(state)]
        distance = grammar.distance(state)
        assert automaton.distance_of(here).tolist() == [FAR if distance < 0 else distance]
        for remaining in {1, 2, distance} if distance > 0 else ():
            grammar.fill_bitmask_within(state, remaining + 1, bitmask)
            assert torch.equal(automaton.masks_within(here, torch.tensor([remaining])), bitmask)


@pytest.mark.parametrize("index", range(len(FINITE)))
def test_every_step_and_mask(index):
    automaton = DeviceAutomaton.from_grammar(COMPILER.compile(FINITE[index]))
    assert automaton.starts == (0,)
    assert automaton.size == len(automaton.parts[0].states) > 3
    equal(automaton)


@given(grammar=grammars(), tokens=st.sampled_from(sorted(VOCABULARIES)))
def test_every_step_and_mask_of_small_grammars(grammar, tokens):
    """Vocabularies that cannot spell every text among them, and grammars that are infinite, which are refused."""
    try:
        automaton = compiled(grammar, VOCABULARIES[tokens])
    except (GrammarError, VocabularyError):
        assume(False)
    try:
        found = DeviceAutomaton.from_grammar(automaton, max_states=60)
    except DeviceAutomatonError as error:
        assert error.limit == "max_states"
        assert reachable(automaton, 61) > 60
        return
    assert reachable(automaton, 61) <= 60
    equal(found)


def reachable(grammar: CompiledGrammar, most: int) -> int:
    """How many states bytes lead to, the one behind an end token counted."""
    found = [grammar.start]
    ended = 0
    for state in found:
        if grammar.is_accepting(state):
            ended = 1
        for byte in range(256):
            after = grammar.step_bytes(state, bytes([byte]))
            if after >= 0 and after not in found:
                found.append(after)
        if len(found) + ended > most:
            break
    return len(found) + ended


def test_several_grammars_side_by_side():
    compiled_ones = [COMPILER.compile(constraint) for constraint in FINITE[:3]]
    apart = [DeviceAutomaton.from_grammar(grammar) for grammar in compiled_ones]
    joined = DeviceAutomaton.join([apart[0], DeviceAutomaton.join(apart[1:]), apart[0]])
    assert [part.grammar for part in joined.parts] == compiled_ones
    assert joined.size == sum(automaton.size for automaton in apart)
    assert joined.starts == (0, apart[0].size, apart[0].size + apart[1].size)
    for which in range(3):
        equal(joined, which)


def test_dead_states_and_tokens_that_are_none():
    automaton = DeviceAutomaton.from_grammar(COMPILER.compile(FINITE[0]))
    states = torch.tensor([-1, 0, 0, 0, 0])
    tokens = torch.tensor([ord("a"), -1, VOCABULARY.size, 10**12, ord("c")])
    assert automaton.advance(states, tokens).tolist() == [-1] * 5
    rows = automaton.mask_rows(states[:1])
    assert not allowed_by(rows.table[rows.numbers], VOCABULARY.size).any()
    assert automaton.is_terminated(states).tolist() == [False] * 5


def test_an_end_token_stays_at_the_end():
    automaton = DeviceAutomaton.from_grammar(COMPILER.compile(FINITE[0]))
    states = torch.tensor([0])
    for token in [*b"abababc", 264, 265, 265]:
        states = automaton.advance(states, torch.tensor([token]))
    assert automaton.is_terminated(states).tolist() == [True]
    assert automaton.advance(states, torch.tensor([ord("a")])).tolist() == [-1]


def test_what_is_too_large():
    nested = COMPILER.compile(lw.gbnf('root ::= "(" root ")" | "a"'))
    with pytest.raises(DeviceAutomatonError, match=r"it has more states \(max_states=16384\)"):
        DeviceAutomaton.from_grammar(nested)
    finite = COMPILER.compile(FINITE[0])
    with pytest.raises(LimitError, match="its transitions need more memory") as caught:
        DeviceAutomaton.from_grammar(finite, max_bytes=1000)
    assert (caught.value.limit, caught.value.value) == ("max_bytes", 1000)
    with pytest.raises(DeviceAutomatonError, match="its masks need more memory"):
        DeviceAutomaton.from_grammar(COMPILER.compile(lw.regex("a?b?c?d?")), max_bytes=100)
    size = DeviceAutomaton.from_grammar(finite).size
    assert DeviceAutomaton.from_grammar(finite, max_states=size).size == size
    with pytest.raises(DeviceAutomatonError, match="max_states"):
        DeviceAutomaton.from_grammar(finite, max_states=size - 1)
    with pytest.raises(IndexError, match="-7 is no state"):
        DeviceAutomaton.from_grammar(finite).number(finite, -7)


def test_a_grammar_that_forgets_its_states():
    limits = Limits(grammar_bytes=60_000)
    grammar = Compiler(VOCABULARY, limits=limits).compile(lw.regex("[ab]{1,60}(c[ab]{1,60}){20}"))
    with pytest.raises(DeviceAutomatonError, match=r"dropped states \(grammar_bytes=60000\)"):
        DeviceAutomaton.from_grammar(grammar)


def test_automata_that_do_not_fit_together():
    other = Compiler(Vocabulary([b"a", None], [1])).compile(lw.regex("a"))
    ones = [DeviceAutomaton.from_grammar(grammar) for grammar in (other, COMPILER.compile(FINITE[0]))]
    for automata in ([], ones):
        with pytest.raises(ValueError, match="one vocabulary"):
            DeviceAutomaton.join(automata)


@pytest.fixture(scope="module")
def llama3(data_dir) -> Compiler:
    file = data_dir / "tokenizers" / "llama3.tokenizer.json"
    return Compiler(Vocabulary.from_tokenizers(file, eos_token_ids=[128009]))


@pytest.mark.parametrize(
    "constraint",
    [
        lw.regex(r"[A-Z][a-z]{2,20}( [A-Z][a-z]{2,20}){0,2}, (1[89]|20)[0-9]{2}"),
        lw.regex(r"(?s).{0,30}\n[^\n]*"),
        lw.json_schema(
            {
                "type": "object",
                "properties": {
                    "title": {"type": "string"},
                    "kind": {"enum": ["book", "film", "song"]},
                    "stars": {"type": "integer", "minimum": 1, "maximum": 5},
                },
                "required": ["title", "stars"],
                "additionalProperties": False,
            }
        ),
    ],
    ids=["name", "text", "schema"],
)
def test_walks_with_the_tokens_of_llama3(llama3, constraint):
    grammar = llama3.compile(constraint)
    automaton = DeviceAutomaton.from_grammar(grammar)
    rng = random.Random(0)
    size = grammar.vocabulary.size
    for _ in range(4):
        state, number = grammar.start, torch.tensor([automaton.starts[0]])
        for _ in range(40):
            bitmask = allocate_token_bitmask(1, size)
            grammar.fill_bitmask([state], bitmask)
            rows = automaton.mask_rows(number)
            assert torch.equal(rows.table[rows.numbers], bitmask)
            tried = torch.tensor(rng.sample(range(size), 100))
            steps = [grammar.step(state, token) for token in tried.tolist()]
            expected = [-1 if step < 0 else automaton.number(grammar, step) for step in steps]
            assert automaton.advance(number.expand(100), tried).tolist() == expected
            token = rng.choice(allowed_by(bitmask, size)[0].nonzero()[:, 0].tolist())
            state, number = grammar.step(state, token), automaton.advance(number, torch.tensor([token]))
            assert int(number) == automaton.number(grammar, state)
            if grammar.is_terminated(state):
                break


@pytest.mark.gpu
def test_the_same_on_a_gpu():
    for constraint in FINITE:
        here = DeviceAutomaton.from_grammar(COMPILER.compile(constraint))
        there = DeviceAutomaton.join([here], device="cuda")
        states = torch.arange(-1, here.size).repeat_interleave(VOCABULARY.size)
        tokens = torch.arange(VOCABULARY.size).repeat(here.size + 1)
        assert torch.equal(there.advance(states.cuda(), tokens.cuda()).cpu(), here.advance(states, tokens))
        assert torch.equal(there.masks.cpu(), here.masks)
