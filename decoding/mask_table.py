"""Mask rows of known states, kept on the device: a step sends row numbers there, and only the rows that are new."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import NamedTuple, TypeAlias
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from latticework.grammar._native import CompiledGrammar

from .bitmask import allocate_token_bitmask
from .sending import send

_CHUNK = 32  # rows that are computed before they leave for the device: it copies while the host goes on

_Key: TypeAlias = tuple[int, int]  # the serial number of a grammar, and a state


class MaskRows(NamedTuple):
    """Masks on a device: row i is `table[numbers[i]]`. Valid until the table is asked again.

    Attributes:
        table: int32[rows, words].
        numbers: int64[n].
    """

    table: Tensor
    numbers: Tensor


class MaskTable:
    """A table of mask rows on a device, by grammar and state; the rows that were not used for longest make room.

    A row stays right for as long as it is kept. The mask of a state depends on nothing but the state, and a grammar never
    gives a state's number to another one: not even after a collection that dropped the state, which only makes the
    number an error for whoever asks the grammar. A grammar is known by a serial number, not by its address, so rows of
    one that is gone are never taken for those of another; they leave as others come.

    What goes to a CUDA device is copied from page-locked memory on the current stream, and the host does not wait for
    it. So the masks must be used on the stream on which they were asked for. One loop uses a table at a time.

    Attributes:
        table: int32[capacity, words] on the device.
        hits: how many of the masks that were asked for needed no new row.
        misses: how many rows were computed.

    Raises `ValueError` for a capacity below 1, or a vocabulary without tokens.
    """

    def __init__(self, vocabulary_size: int, *, capacity: int = 4096, device: torch.device | str | None = None) -> None:
        if capacity < 1:
            raise ValueError(f"capacity={capacity}: at least 1 expected")
        self.table = allocate_token_bitmask(capacity, vocabulary_size).to("cpu" if device is None else device)
        self.hits = self.misses = 0
        self._vocabulary_size = vocabulary_size
        self._numbers: OrderedDict[_Key, int] = OrderedDict()  # the row of each state, the least recent first
        self._serials: WeakKeyDictionary[CompiledGrammar, int] = WeakKeyDictionary()
        self._next_serial = 0

    def __len__(self) -> int:
        """How many rows are known."""
        return len(self._numbers)

    def rows(self, grammars: CompiledGrammar | Sequence[CompiledGrammar], states: Sequence[int]) -> MaskRows:
        """The masks of states, on the device: of one grammar, or each of its own.

        If they are more different ones than the table has rows, they come in a table of their own, and none is kept.

        Raises:
            ValueError: another number of grammars than of states, or a grammar for another size of vocabulary.
            IndexError: not a state, or one that was dropped and whose row has left too.
        """
        owners, keys = self._keys(grammars, states)
        wanted = list(dict.fromkeys(keys))
        if len(wanted) > len(self.table):
            self.misses += len(wanted)
            return self._apart(owners, keys)
        missing = [key for key in wanted if key not in self._numbers]
        self.misses += len(missing)
        self.hits += len(keys) - len(missing)
        for key in wanted:  # what is needed now moves to the end, where nothing is evicted before all is here
            if key in self._numbers:
                self._numbers.move_to_end(key)
        for chunk, bitmask in self._computed(owners, missing):
            slots = [self._enter(key) for key in chunk]
            self.table.index_copy_(0, self._send(slots), bitmask)
        return MaskRows(self.table, self._send([self._numbers[key] for key in keys]))

    def _keys(
        self, grammars: CompiledGrammar | Sequence[CompiledGrammar], states: Sequence[int]
    ) -> tuple[dict[int, CompiledGrammar], list[_Key]]:
        """The grammars of this call by their serial numbers, and the key of each state."""
        each = [grammars] * len(states) if isinstance(grammars, CompiledGrammar) else list(grammars)
        if len(each) != len(states):
            raise ValueError(f"{len(each)} grammars for {len(states)} states")
        serials = [self._serial(grammar) for grammar in each]
        return dict(zip(serials, each, strict=True)), list(zip(serials, states, strict=True))

    def _serial(self, grammar: CompiledGrammar) -> int:
        serial = self._serials.get(grammar)
        if serial is None:
            if grammar.vocabulary.size != self._vocabulary_size:
                raise ValueError(
                    f"a grammar for {grammar.vocabulary.size} tokens; this table is for {self._vocabulary_size}"
                )
            serial = self._serials[grammar] = self._next_serial
            self._next_serial += 1
        return serial

    def _enter(self, key: _Key) -> int:
        """The row for a new state: a free one, or that of the least recent state, which is forgotten."""
        taken = len(self._numbers)
        number = self._numbers.popitem(last=False)[1] if taken == len(self.table) else taken
        self._numbers[key] = number
        return number

    def _apart(self, owners: dict[int, CompiledGrammar], keys: list[_Key]) -> MaskRows:
        place: dict[_Key, int] = {}
        parts = []
        for chunk, bitmask in self._computed(owners, list(dict.fromkeys(keys))):
            place.update(zip(chunk, range(len(place), len(place) + len(chunk)), strict=True))
            parts.append(bitmask)
        return MaskRows(torch.cat(parts), self._send([place[key] for key in keys]))

    def _computed(self, owners: dict[int, CompiledGrammar], keys: list[_Key]) -> Iterator[tuple[list[_Key], Tensor]]:
        """The masks of these keys, grammar by grammar, in chunks int32[n, words] on their way to the device."""
        is_cuda = self.table.device.type == "cuda"
        for serial, group in groupby(sorted(keys), key=lambda key: key[0]):
            rest = list(group)
            while rest:
                chunk, rest = rest[:_CHUNK], rest[_CHUNK:]
                bitmask = torch.empty((len(chunk), self.table.shape[1]), dtype=torch.int32, pin_memory=is_cuda)
                owners[serial].fill_bitmask([state for _, state in chunk], bitmask)
                yield chunk, send(bitmask, self.table.device)

    def _send(self, numbers: list[int]) -> Tensor:
        """int64[n] on the device."""
        return send(torch.tensor(numbers, dtype=torch.int64), self.table.device)
