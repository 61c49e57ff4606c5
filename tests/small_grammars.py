"""Small grammars over few letters: a short notation, a strategy, and what the automaton accepts of short texts."""

from __future__ import annotations

from automaton_walk import compiled
from hypothesis import strategies as st

from latticework.grammar import _native
from latticework.grammar.errors import UnsatisfiableSchemaError
from latticework.grammar.ir import Choice, Grammar, Node, Reference, Regex, Repeat, Terminal, Text, TextSet, Union
from latticework.grammar.ir import Sequence as NodeSequence

LEAVES: list[Regex] = [
    Text("a"),
    Text("b"),
    Text(""),
    Repeat(Text("a"), 0, 1),
    Repeat(TextSet(("ab", "b"))),
    Union(()),
]

BYTES = [bytes([value]) for value in range(256)]

A, B, C, D = (Reference(name) for name in "ABCD")


def t(text: str) -> Terminal:
    return Terminal(Text(text))


def seq(*parts: Node | str) -> NodeSequence:
    return NodeSequence(tuple(t(part) if isinstance(part, str) else part for part in parts))


def any_of(*parts: Node | str) -> Choice:
    return Choice(tuple(t(part) if isinstance(part, str) else part for part in parts))


@st.composite
def grammars(draw: st.DrawFn) -> Grammar:
    """Up to four rules over a pool of nodes, so that nodes are shared."""
    names = "ABCD"[: draw(st.integers(1, 4))]
    pool: list[Node] = [Reference(name) for name in names]
    pool += [Terminal(draw(st.sampled_from(LEAVES))) for _ in range(3)]
    for _ in range(draw(st.integers(1, 7))):
        parts = tuple(draw(st.lists(st.sampled_from(pool), max_size=3)))
        pool.append(draw(st.sampled_from([NodeSequence, Choice, Choice]))(parts))
    return Grammar(Reference("A"), {name: draw(st.sampled_from(pool[len(names) :])) for name in names})


def automaton_of(grammar: Grammar) -> _native.CompiledGrammar:
    """The automaton whose tokens are the bytes."""
    return compiled(grammar, BYTES)


def accepted(grammar: Grammar, alphabet: str, longest: int) -> set[str]:
    """The texts that the automaton accepts."""
    try:
        automaton = automaton_of(grammar)
    except UnsatisfiableSchemaError:
        return set()
    alive = {"": automaton.start}
    found = set(alive) if automaton.is_accepting(automaton.start) else set()
    for _ in range(longest):
        alive = {text + c: automaton.step_bytes(state, c.encode()) for text, state in alive.items() for c in alphabet}
        alive = {text: state for text, state in alive.items() if state >= 0}
        found |= {text for text, state in alive.items() if automaton.is_accepting(state)}
    return found
