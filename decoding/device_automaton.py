"""Finite token automata on a device: masks and transitions for loops that never ask the host.

A transition is two look-ups: the class of the token, and the next state by state and class (`device_tables.py`). Of
128,000 tokens some hundred classes are left, so thousands of states take some megabytes. STATIC (arXiv 2602.22647) keeps
the edges of a trie in compressed rows instead, which a state with 100,000 edges would not be served by.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from latticework.grammar._native import CompiledGrammar

from .device_tables import FAR, Tables, enumerate_states
from .mask_table import MaskRows

MAX_STATES = 1 << 14
MAX_BYTES = 256 << 20


class DeviceAutomaton:
    """The automata of one grammar or several, in one numbering of states; -1 is dead.

    Attributes:
        parts: the tables of each grammar, on the host.
        starts: the number of each grammar's start state.
        size: how many states there are.
        masks: int32[rows, words], the different masks; the last one allows nothing.
        distances: int32[size + 1], how many tokens a completion takes at most, the end token included
            (`CompiledGrammar.distance`), by state; a number beyond all bounds where that is not known, and for the dead one.
        largest_distance: of them, without the dead one.
        memory: the bytes of all tables.
    """

    def __init__(self, parts: Sequence[Tables], device: torch.device | str | None = None) -> None:
        self.parts = tuple(parts)
        self.size = sum(len(part.states) for part in parts)
        self._width = parts[0].classes.size
        first = _starts([len(part.states) for part in parts])
        self.starts = tuple(first)
        tables = {
            name: torch.from_numpy(table).to("cpu" if device is None else device)
            for name, table in _joined(parts, first).items()
        }
        self.masks = tables["masks"]
        self.distances = tables["distances"]
        self.largest_distance = max(int(part.distances.max()) for part in parts)
        self._mask_numbers, self._ends = tables["mask_numbers"], tables["ends"]
        self._classes, self._class_base = tables["classes"], tables["class_base"]
        self._next, self._next_base = tables["next"], tables["next_base"]
        self.memory = sum(table.nbytes for table in tables.values())

    @classmethod
    def from_grammar(
        cls,
        grammar: CompiledGrammar,
        *,
        max_states: int = MAX_STATES,
        max_bytes: int = MAX_BYTES,
        device: torch.device | str | None = None,
    ) -> DeviceAutomaton:
        """Walk through all states of a grammar and make its tables.

        The grammar keeps the states that are met, within its own `Limits.grammar_bytes`.

        Args:
            grammar: compiled for a vocabulary.
            max_states: how many states there may be, those in the middle of tokens included.
            max_bytes: how large the transitions and the masks may be, each.
            device: where the tables are; by default the CPU.

        Raises:
            DeviceAutomatonError: one of the limits was reached.
            LimitError: a limit of the grammar's own was reached.
        """
        return cls([enumerate_states(grammar, max_states, max_bytes)], device)

    @classmethod
    def join(cls, automata: Sequence[DeviceAutomaton], *, device: torch.device | str | None = None) -> DeviceAutomaton:
        """The automata of several grammars for one vocabulary side by side, each grammar once, for a batch of them all.

        Raises `ValueError` if there are none, or their vocabularies differ in size.
        """
        parts = {id(part.grammar): part for automaton in automata for part in automaton.parts}
        if len({part.classes.size for part in parts.values()}) != 1:
            raise ValueError("automata of grammars for one vocabulary expected")
        return cls(list(parts.values()), device)

    @property
    def device(self) -> torch.device:
        """Where the tables are."""
        return self.masks.device

    def number(self, grammar: CompiledGrammar, state: int) -> int:
        """The number of a state of one of the grammars. Raises `IndexError` for one that was not met."""
        for start, part in zip(self.starts, self.parts, strict=True):
            if part.grammar is grammar and state in part.states:
                return start + part.states[state]
        raise IndexError(f"{state} is no state that was met when those of the grammar were counted")

    def advance(self, states: Tensor, tokens: Tensor) -> Tensor:
        """The states behind tokens, int64[n], int64[n] -> int64[n]: -1 where a token is forbidden or there is no such one."""
        dead = (states < 0) | (tokens < 0) | (tokens >= self._width)
        states, tokens = states.masked_fill(dead, 0), tokens.masked_fill(dead, 0)
        token_class = self._classes[self._class_base[states] + tokens]
        return self._next[self._next_base[states] + token_class].long().masked_fill(dead, -1)

    def mask_rows(self, states: Tensor) -> MaskRows:
        """The masks of states int64[n]; the dead one allows nothing."""
        return MaskRows(self.masks, self._mask_numbers[states.masked_fill(states < 0, self.size)])

    def masks_within(self, states: Tensor, remaining: Tensor) -> Tensor:
        """The masks of states int64[n], int32[n, words], without the tokens behind which a completion takes too many.

        `remaining` int64[n] is how many tokens there may be, this one included; the last end token need not fit. As
        `CompiledGrammar.fill_bitmask_within`, at the cost of some passes over the vocabulary.
        """
        safe = states.masked_fill(states < 0, 0)[:, None]
        tokens = torch.arange(self.masks.shape[1] * 32, device=self.device)[None]  # (1, 32 * words)
        classes = self._classes[self._class_base[safe] + tokens.clamp(max=self._width - 1)]
        following = self._next[self._next_base[safe] + classes].long()  # (n, 32 * words)
        fits = (following >= 0) & (self.distance_of(following) <= remaining[:, None])
        fits &= (tokens < self._width) & (states >= 0)[:, None]
        bits = fits.view(len(states), -1, 32).long() << torch.arange(32, device=self.device)
        return bits.sum(dim=-1).to(torch.int32)  # the highest bit wraps to the sign

    def distance_of(self, states: Tensor) -> Tensor:
        """int32, of states int64 of any shape."""
        return self.distances[states.masked_fill(states < 0, self.size)]

    def is_terminated(self, states: Tensor) -> Tensor:
        """bool[n]: whether an end token was accepted."""
        return self._ends[states.masked_fill(states < 0, self.size)]


def _starts(lengths: Sequence[int]) -> list[int]:
    """Where each of several pieces begins that are put end to end."""
    return [sum(lengths[:index]) for index in range(len(lengths))]


def _joined(parts: Sequence[Tables], first: list[int]) -> dict[str, npt.NDArray[np.generic]]:
    """The tables of several automata as one; `first` is the number of each one's start."""
    counts = [len(part.states) for part in parts]
    ends = np.zeros(sum(counts) + 1, dtype=np.bool_)  # the last is the dead state
    ends[[base + part.end for base, part in zip(first, parts, strict=True)]] = True
    masks = [*(part.masks for part in parts), np.zeros((1, parts[0].masks.shape[1]), dtype=np.int32)]
    mask_base, next_base = _starts([len(mask) for mask in masks]), _starts([part.next.size for part in parts])
    width = parts[0].classes.size
    numbers = [part.mask_numbers + base for part, base in zip(parts, mask_base, strict=False)]
    moved = [np.where(part.next < 0, -1, part.next + base) for part, base in zip(parts, first, strict=True)]
    rows = [base + np.arange(len(part.next)) * part.next.shape[1] for part, base in zip(parts, next_base, strict=True)]
    return {
        "distances": np.array([*(distance for part in parts for distance in part.distances), FAR], dtype=np.int32),
        "masks": np.concatenate(masks),
        "mask_numbers": np.concatenate([*numbers, mask_base[-1:]]),
        "ends": ends,
        "classes": np.concatenate([part.classes for part in parts]),
        "class_base": np.repeat(np.arange(len(parts)) * width, counts),
        "next": np.concatenate([table.ravel() for table in moved]).astype(np.int32),
        "next_base": np.concatenate(rows),
    }
