"""All states of a finite token automaton, counted and laid out: classes of tokens, transitions by class, masks.

What a text does to all states at once is a map from states to states. A map and a byte give the next map, and equal
maps are one. So the tokens are walked over maps, of which there are some hundred or thousand, and no token is tried in
every state. Tokens of one map are one class, as bytes are in the tables of a lexer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from latticework.grammar._native import CompiledGrammar, Vocabulary
from latticework.grammar.errors import LimitError

Numbers: TypeAlias = npt.NDArray[np.int32]

FAR = 1 << 30  # more tokens than anybody generates
_CHUNK = 64  # states whose masks are filled at once


class DeviceAutomatonError(LimitError):
    """An automaton is infinite, or too large for its tables.

    Attributes:
        limit: "max_states" or "max_bytes", arguments of `DeviceAutomaton.from_grammar`; "grammar_bytes" of `Limits`, if
            the grammar had to drop states while they were counted; "max_tokens" if a terminal counts tokens.
        value: its value.
    """

    def __str__(self) -> str:
        return f"no automaton for a device: {self.message} ({self.limit}={self.value})"


@dataclass(frozen=True, slots=True)
class Tables:
    """One grammar's automaton on the host: N states, V tokens in C classes, M different masks.

    Attributes:
        grammar: whose it is.
        states: the grammar's state -> its number, in the order of the numbers; the start is 0.
        classes: int32[V], of each token.
        next: int32[N, C], -1 where a token is forbidden.
        masks: int32[M, words].
        mask_numbers: int64[N].
        end: the number of the state behind an end token.
        distances: int32[N], as the grammar tells them: bounds of the tokens that a completion takes; `FAR` if unknown.
    """

    grammar: CompiledGrammar
    states: dict[int, int]
    classes: Numbers
    next: Numbers
    masks: Numbers
    mask_numbers: npt.NDArray[np.int64]
    end: int
    distances: Numbers


def enumerate_states(grammar: CompiledGrammar, max_states: int, max_bytes: int) -> Tables:
    """The tables of a grammar, of at most so many states, and at most so many bytes each for transitions and masks.

    Raises `DeviceAutomatonError` if that is not enough, if the grammar drops states on the way, or if it counts tokens.
    """
    if grammar.counts_tokens:  # then the bytes of a token do not tell where it leads
        raise DeviceAutomatonError("max_tokens", 0, "a terminal takes only so many tokens")
    try:
        counting = _Counting(grammar, max_states)
        counting.run()
        masks, mask_numbers = _masks(grammar, list(counting.numbers), max_bytes)
        distances = np.array([grammar.distance(state) for state in counting.numbers], dtype=np.int32)
    except IndexError:  # of a state that was dropped
        pickled: Any = grammar.__reduce__()
        most = pickled[1][-1]["grammar_bytes"]
        raise DeviceAutomatonError("grammar_bytes", most, "the grammar dropped states") from None
    maps, classes = _token_classes(grammar.vocabulary, counting.table(), max_bytes)
    ends = np.where(counting.accepting, counting.end, -1)  # what an end token does
    following = np.concatenate([maps, ends[None]]).T  # (N, C)
    following = _without_forbidden(following, classes, masks, mask_numbers)
    distances[distances < 0] = FAR
    return Tables(grammar, counting.numbers, classes, following, masks, mask_numbers, counting.end, distances)


class _Counting:
    """A search through all states over single bytes, in the order in which they are found."""

    def __init__(self, grammar: CompiledGrammar, max_states: int) -> None:
        self.numbers = {grammar.start: 0}
        self.accepting: list[bool] = []
        self.end = -1
        self._grammar = grammar
        self._waiting = [grammar.start]
        self._max_states = max_states
        self._edges: list[tuple[bytes, list[int]]] = []  # of each state: the bytes that may come, and where they lead

    def run(self) -> None:
        """Visit every state. Raises `DeviceAutomatonError`, and `IndexError` if one was dropped before its turn."""
        grammar = self._grammar
        for state in self._waiting:  # which grows
            following = grammar.next_bytes(state)
            targets = [grammar.step_bytes(state, bytes([byte])) for byte in following]
            self._edges.append((following, [self._number(target) for target in targets]))
            self.accepting.append(grammar.is_accepting(state))
            if self.accepting[-1] and self.end < 0:
                self.end = self._number(grammar.step(state, grammar.vocabulary.eos_token_ids[0]))
            if len(self.numbers) > self._max_states:
                raise DeviceAutomatonError("max_states", self._max_states, "it has more states")

    def table(self) -> Numbers:
        """int32[256, N + 1]: where each byte leads; N is the dead state."""
        dead = len(self._edges)
        table = np.full((256, dead + 1), dead, dtype=np.int32)
        for state, (following, targets) in enumerate(self._edges):
            table[np.frombuffer(following, dtype=np.uint8), state] = targets
        return table

    def _number(self, state: int) -> int:
        number = self.numbers.setdefault(state, len(self.numbers))
        if number == len(self._waiting):
            self._waiting.append(state)
        return number


class _Maps:
    """Maps of all states (the dead one is the last), each kept once; a map is known by its number."""

    def __init__(self, table: Numbers, max_bytes: int) -> None:
        columns, byte_classes = np.unique(table, axis=0, return_inverse=True)
        self._columns: list[Numbers] = list(columns)
        self._byte_classes = byte_classes.astype(np.uint8).tobytes()
        self._max_bytes = max_bytes
        self._known: dict[bytes, int] = {}
        self._after: list[list[int]] = []  # by map and class of the byte; -1 is not known yet
        self.maps: list[Numbers] = []
        states = table.shape[1]
        self.dead = self._intern(np.full(states, states - 1, dtype=np.int32))
        self.unmoved = self._intern(np.arange(states, dtype=np.int32))

    def of(self, data: bytes) -> int:
        """What a text does. Raises `DeviceAutomatonError` if the maps need too much memory."""
        current, after = self.unmoved, self._after
        for byte_class in data.translate(self._byte_classes):
            found = after[current][byte_class]
            if found < 0:
                found = self._intern(self._columns[byte_class][self.maps[current]])
                after[current][byte_class] = found
            current = found
            if current == self.dead:
                break
        return current

    def _intern(self, new: Numbers) -> int:
        content = new.tobytes()
        number = self._known.setdefault(content, len(self.maps))
        if number == len(self.maps):
            self.maps.append(new)
            self._after.append([-1] * len(self._columns))
            if len(self.maps) * new.nbytes > self._max_bytes:
                raise DeviceAutomatonError("max_bytes", self._max_bytes, "its transitions need more memory")
        return number


def _token_classes(vocabulary: Vocabulary, table: Numbers, max_bytes: int) -> tuple[Numbers, Numbers]:
    """What the tokens of each class do, int32[C - 1, N], -1 for dead; and the classes int32[V].

    The last class, which has no row here, is that of the end tokens.
    """
    maps = _Maps(table, max_bytes)
    spelling = np.ones(vocabulary.size, dtype=np.bool_)
    spelling[list(vocabulary.eos_token_ids)] = False
    found = []
    for token in np.flatnonzero(spelling).tolist():
        data = Vocabulary.token_bytes(vocabulary, token)  # as the automaton reads it: marks of special tokens too
        found.append(maps.of(data) if data else maps.dead)  # a token without text is never allowed
    used, inverse = np.unique(np.array(found, dtype=np.int64), return_inverse=True)
    classes = np.full(vocabulary.size, len(used), dtype=np.int32)
    classes[spelling] = inverse
    rows = np.stack([maps.maps[number] for number in used])[:, :-1]
    return np.where(rows == table.shape[1] - 1, -1, rows), classes


def _masks(grammar: CompiledGrammar, states: list[int], max_bytes: int) -> tuple[Numbers, npt.NDArray[np.int64]]:
    """The different masks int32[M, words], and which one each state has."""
    words = grammar.vocabulary.bitmask_words
    known: dict[bytes, int] = {}
    numbers = []
    for first in range(0, len(states), _CHUNK):
        chunk = states[first : first + _CHUNK]
        bitmask = np.empty((len(chunk), words), dtype=np.int32)
        grammar.fill_bitmask(chunk, bitmask)
        numbers += [known.setdefault(row.tobytes(), len(known)) for row in bitmask]
        if len(known) * words * 4 > max_bytes:
            raise DeviceAutomatonError("max_bytes", max_bytes, "its masks need more memory")
    masks = np.frombuffer(b"".join(known), dtype=np.int32).reshape(len(known), words)
    return masks.copy(), np.array(numbers, dtype=np.int64)


def _without_forbidden(
    following: Numbers, classes: Numbers, masks: Numbers, mask_numbers: npt.NDArray[np.int64]
) -> Numbers:
    """The transitions [N, C] that the masks allow, once it is certain that both say the same of every state and token.

    They differ only where the vocabulary cannot spell every text: bytes lead on where no token does. Where a token leads
    decides that, so a class is allowed as a whole.
    """
    one = np.zeros(following.shape[1], dtype=np.int64)  # a token of each class
    one[classes] = np.arange(classes.size)
    allowed = np.empty((len(masks), following.shape[1]), dtype=np.bool_)  # (M, C)
    for number, mask in enumerate(masks):
        bits = np.unpackbits(mask.view(np.uint8), bitorder="little")[: classes.size].astype(np.bool_)
        allowed[number] = bits[one]
        if not np.array_equal(allowed[number][classes], bits):
            raise RuntimeError(f"mask {number} of the automaton parts tokens that lead to the same states")
    following = np.where(allowed[mask_numbers], following, -1).astype(np.int32)
    if not np.array_equal(following >= 0, allowed[mask_numbers]):
        raise RuntimeError("a mask of the automaton allows a token that leads nowhere")
    return following
