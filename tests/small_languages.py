"""An automaton compared with a decision about single texts, on every short text over a small alphabet."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

from latticework.grammar import CompiledGrammar, Compiler, Constraint, Vocabulary


def texts(alphabet: str, most: int) -> Iterator[str]:
    """Every text of at most so many letters, the shorter ones first."""
    for length in range(most + 1):
        yield from map("".join, itertools.product(alphabet, repeat=length))


def letters_and_pairs(alphabet: str) -> Vocabulary:
    """The letters as tokens, every text of two or three of them, and an end token."""
    tokens = [text.encode() for text in texts(alphabet, 3) if text]
    return Vocabulary([*tokens, None], [len(tokens)])


def accepts(automaton: CompiledGrammar, text: str) -> bool:
    """Whether the automaton takes the whole text."""
    state = automaton.step_bytes(automaton.start, text.encode())
    return state >= 0 and automaton.is_accepting(state)


def check(constraint: Constraint, is_right: Callable[[str], bool], alphabet: str, most: int, slack: int = 0) -> None:
    """The automaton takes exactly the right texts, goes on exactly where one can come, and its masks say the same.

    `slack`: what can be completed can be with so many letters. So what is longer than `most` less these may go on to
    texts that are too long to be looked at.
    """
    automaton = Compiler(letters_and_pairs(alphabet)).compile(constraint)
    right = {text for text in texts(alphabet, most) if is_right(text)}
    begun = {text[:length] for text in right for length in range(len(text) + 1)}
    for text in texts(alphabet, most):
        state = automaton.step_bytes(automaton.start, text.encode())
        assert (state >= 0 and automaton.is_accepting(state)) == (text in right), (text, "ends")
        assert state >= 0 or text not in begun, (text, "goes on")
        assert state < 0 or text in begun or len(text) > most - slack, (text, "is a dead end")
        if state >= 0 and len(text) <= most - slack:
            check_mask(automaton, state)


def check_mask(automaton: CompiledGrammar, state: int) -> None:
    """Each letter is a token, so a token is allowed if and only if its letters lead somewhere."""
    allowed = set(automaton.allowed_tokens(state))
    vocabulary = automaton.vocabulary
    for token in range(vocabulary.size - 1):
        assert (token in allowed) == (automaton.step_bytes(state, vocabulary.token_bytes(token)) >= 0)
    assert (vocabulary.size - 1 in allowed) == automaton.is_accepting(state)
