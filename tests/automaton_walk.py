"""Finite languages as minimal automata, walked together with a token automaton until every pair of states was compared."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence

from latticework.grammar import _native
from latticework.grammar.errors import UnsatisfiableSchemaError, VocabularyError
from latticework.grammar.ir import Grammar, Node
from latticework.grammar.lower import lower
from oracle import language

ALPHABET = '[]{}:", 12abcetru'
LONGEST = 150  # longer than any text of a finite language here

CROSSING = [
    text.encode() for text in '1,1 12, 2,1 ],[ [[1],[1 [1],[ ]] [1,2],[1 1],[1] {"a":1},{"a":1} "," ","a'.split()
]
CROSSING += [
    text.encode() for text in '"a"," b"," ":1 ":1, ":1}, 1} 2},{" "b":1,"a":1} },{" ,"a": ,"b":1}] {"a":[1'.split()
]
CROSSING += [text.encode() for text in 'true 1,true \\u001 \\u001E","\\u E" e","\\n"'.split()]
CROSSING += [b"1, ", b" ,1", b", ", b"\n ", b"1\n", b",\n ", b",\n", b'": ', b'": 1', b" ]", b"[ ", b"ab"]
EVERY_BYTE = [*(bytes([value]) for value in range(256)), *CROSSING]
LETTERS = [letter.encode() for letter in ALPHABET]
LETTERS_AND_LINE = [*LETTERS, *CROSSING, b"\n"]
VOCABULARIES: dict[str, list[bytes]] = {
    "every byte": EVERY_BYTE,
    "the letters only": LETTERS,
    "no comma of its own": [token for token in (*LETTERS, *CROSSING) if token != b","],
    "no one, no quote": [token for token in (*LETTERS, *CROSSING) if token not in (b"1", b'"')],
}


class Texts:
    """A finite language as its minimal automaton: `edges[state][byte]` is the next state, `ends[state]` whether it may end."""

    def __init__(self, texts: Iterable[str]) -> None:
        self.edges: list[dict[int, int]] = []
        self.ends: list[bool] = []
        self._known: dict[tuple[bool, tuple[tuple[int, int], ...]], int] = {}
        self.start = self._state(sorted(text.encode() for text in texts), 0)

    def _state(self, texts: list[bytes], depth: int) -> int:
        """The state of texts that agree up to `depth`."""
        rest = [text for text in texts if len(text) > depth]
        groups = itertools.groupby(rest, key=lambda text: text[depth])
        edges = {byte: self._state(list(group), depth + 1) for byte, group in groups}
        key = len(rest) < len(texts), tuple(edges.items())
        if key not in self._known:
            self._known[key] = len(self.edges)
            self.edges.append(edges)
            self.ends.append(key[0])
        return self._known[key]

    def step(self, state: int, data: bytes) -> int:
        """The state after some bytes, -1 if there is none."""
        for byte in data:
            state = self.edges[state].get(byte, -1)
            if state < 0:
                break
        return state

    def spellable(self, tokens: Sequence[bytes]) -> list[bool]:
        """By state: whether tokens lead from it to an end. A state was made after those that it leads to."""
        found: list[bool] = []
        for state, end in enumerate(self.ends):
            afters = (self.step(state, token) for token in tokens)
            found.append(end or any(after >= 0 and found[after] for after in afters))
        return found

    def forced(self, state: int) -> bytes:
        """What all texts go on with."""
        written = bytearray()
        while not self.ends[state] and len(self.edges[state]) == 1:
            ((byte, state),) = self.edges[state].items()
            written.append(byte)
        return bytes(written)


def compiled(grammar: Grammar, tokens: Sequence[bytes], **limits: int) -> _native.CompiledGrammar:
    vocabulary = _native.Vocabulary([*tokens, None], [len(tokens)])
    return _native.CompiledGrammar(vocabulary, *lower(grammar), limits)


def check(node: Node, tokens: Sequence[bytes] = EVERY_BYTE, alphabet: str = ALPHABET) -> None:
    """Every mask, step, end and forced text is the truth, in every state that bytes or tokens lead to."""
    texts = language(node, {}, alphabet, LONGEST)
    assert all(len(text) < LONGEST for text in texts), "the language was cut off"
    compare(Grammar(node), texts, tokens, alphabet)


def compare(grammar: Grammar, texts: Iterable[str], tokens: Sequence[bytes], alphabet: str) -> None:
    """The automaton against all the texts of its grammar, in every state that bytes or tokens lead to."""
    walk = Walk(Texts(texts), tokens, alphabet)
    try:
        automaton = compiled(grammar, tokens)
    except (UnsatisfiableSchemaError, VocabularyError):
        assert not walk.alive[walk.truth.start], "refused, but some text can be spelled"
        return
    assert walk.alive[walk.truth.start], "accepted, but no text can be spelled"
    met = {(automaton.start, walk.truth.start)}
    waiting = [(automaton.start, walk.truth.start, b"")]
    while waiting:
        for state, expected, text in walk.check_state(automaton, *waiting.pop()):
            if (state, expected) not in met:
                met.add((state, expected))
                waiting.append((state, expected, text))


class Walk:
    """What is compared in each pair of states. The truth is told with the space as the only white space of a flexible
    layout; the others must lead where it leads."""

    def __init__(self, truth: Texts, tokens: Sequence[bytes], alphabet: str) -> None:
        self.truth = truth
        self.alive = truth.spellable(tokens)
        self.end_token = len(tokens)
        self.spaces = set(b"\t\n\r") - set(alphabet.encode())
        self.tokens = [(token, data) for token, data in enumerate(tokens) if not self.spaces & set(data)]

    def check_state(
        self, automaton: _native.CompiledGrammar, state: int, expected: int, text: bytes
    ) -> Iterator[tuple[int, int, bytes]]:
        """One pair of states, behind `text`; yields the pairs that it leads to."""
        edges = self.truth.edges[expected]
        following = set(automaton.next_bytes(state))
        assert automaton.is_accepting(state) == self.truth.ends[expected], text
        assert following - self.spaces == set(edges), text
        assert automaton.forced_bytes(state) == self.truth.forced(expected), text
        for byte in following & self.spaces:
            assert automaton.step_bytes(state, bytes([byte])) == automaton.step_bytes(state, b" "), text
        for byte, after in edges.items():
            yield automaton.step_bytes(state, bytes([byte])), after, text + bytes([byte])
        allowed = set(automaton.allowed_tokens(state))
        assert allowed or not self.alive[expected], (text, "a dead end")
        assert (self.end_token in allowed) == self.truth.ends[expected], (text, "the end token")
        for token, data in self.tokens:
            after = self.truth.step(expected, data)
            right = after >= 0 and self.alive[after]
            assert (token in allowed) == right, (text, data, "the mask")
            assert (automaton.step(state, token) >= 0) == right, (text, data, "the step")
            if right:
                yield automaton.step(state, token), after, text + data
