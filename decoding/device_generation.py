"""The rows of a call written on the device as a whole: `DeviceLoop` where `Loop` would ask the host at each token."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from time import perf_counter
from typing import Any

import torch
from torch import Tensor

from latticework.grammar._native import CompiledGrammar

from .device_automaton import MAX_STATES, DeviceAutomaton
from .device_loop import DeviceLoop, DeviceOutput
from .device_tables import Tables, enumerate_states
from .model_facts import device_of
from .options import Request
from .running import RunningSequence
from .verification import Verdict

_MOST_BYTES = 64 << 20


def steps_on_device(model: Any, rows: Sequence[RunningSequence], request: Request) -> Iterator[None]:
    """One step, in which all rows are written; they begin at their prompts.

    Raises:
        DeviceAutomatonError: the automaton of a constraint is infinite or too large.
        ValueError: there is no cache, or the model or the cache is none for a `DeviceLoop`, or too small for the longest
            prompt with the most tokens.
    """
    parts = [_tables(grammar) for grammar in dict.fromkeys(row.matcher.grammar for row in rows)]
    most = max(row.remaining for row in rows)
    if request.past_key_values is None:
        slots = max(row.prompt_length for row in rows) + most - 1
        raise ValueError(f"on_device: give a static cache with {slots} slots or more as past_key_values")
    loop = DeviceLoop(
        model,
        request.past_key_values,
        DeviceAutomaton(parts, device_of(model)),
        batch=len(rows),
        max_new_tokens=most,
        temperature=request.temperature,
        finish=request.finish,
    )
    return _steps(loop, rows, _uniform(rows, most) if request.temperature else None)


def _steps(loop: DeviceLoop, rows: Sequence[RunningSequence], uniform: Tensor | None) -> Iterator[None]:
    began = perf_counter()
    matchers = [row.matcher for row in rows]
    states = [loop.automaton.number(matcher.grammar, matcher.state) for matcher in matchers]
    limits = [row.remaining for row in rows]
    output = loop.run([row.token_ids for row in rows], states, uniform=uniform, limits=limits)
    seconds = perf_counter() - began
    for place, row in enumerate(rows):
        verdict = _verdict(output, place)
        row.take(verdict)
        row.report.forward_passes = len(verdict.token_ids)
        row.report.seconds["model"] = seconds
    yield


def _verdict(output: DeviceOutput, row: int) -> Verdict:
    """All that a row has drawn, and what is no token behind it if the row has failed."""
    count = int((output.token_ids[row] >= 0).sum()) + int(output.statuses[row] != 0)
    parts = (output.token_ids, output.log_probabilities, output.log_masses)
    return Verdict([], *(part[row, :count].tolist() for part in parts))


def _uniform(rows: Sequence[RunningSequence], count: int) -> Tensor:
    """float64[B, count]: the numbers that the ordinary loop would draw by."""
    return torch.tensor([[row.random.ahead(step) for step in range(count)] for row in rows], dtype=torch.float64)


@lru_cache(maxsize=4)
def _tables(grammar: CompiledGrammar) -> Tables:
    """Kept for the next calls, and the grammar with them."""
    return enumerate_states(grammar, MAX_STATES, _MOST_BYTES)
