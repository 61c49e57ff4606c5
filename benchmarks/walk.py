"""Walks an engine's session over texts, token by token, and keeps the time of every mask and every commit.

Two clocks are read around each call: the wall (`perf_counter_ns`) and the CPU time of the process
(`process_time_ns`, so work an engine gives to threads of its own is counted). On a shared machine the second is the
one to compare. Nothing is subtracted for the reading of the clocks; `clock_overhead_ns` says how much it is.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import median
from time import perf_counter_ns, process_time_ns
from typing import Any, Literal, TypeAlias, TypeVar

import numpy as np
from engines import Engine, Refusal, RefusalKind, Session, is_allowed, population
from numpy.typing import NDArray

Nanoseconds: TypeAlias = NDArray[np.int64]
Result = TypeVar("Result")
Status: TypeAlias = Literal["ok", "crash", "timeout"] | RefusalKind


@dataclass(frozen=True, slots=True)
class Job:
    """A schema, and the texts to walk as token ids."""

    id: str
    schema: dict[str, Any] | bool
    texts: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class Times:
    """What one kind of call took, call by call: int64[calls] each."""

    cpu: Nanoseconds
    wall: Nanoseconds


@dataclass(frozen=True, slots=True)
class SlowMask:
    """A mask that took longer than asked for; `tokens` is how many it allows."""

    text: int
    position: int
    cpu_ns: int
    tokens: int


@dataclass(frozen=True, slots=True)
class Walk:
    """One text. `accepted`: every token was allowed, and the text may end where it does.

    `rejected_at` is the position of the first token that was not allowed. `contradiction` says how the engine broke its
    own word: a token in the mask that could not be committed, an end token that disagrees with `is_accepting`.
    """

    accepted: bool
    rejected_at: int | None
    start: Times  # one interval: the start of the text
    masks: Times
    commits: Times
    contradiction: str = ""
    fault: str = ""


@dataclass(slots=True)
class Outcome:
    """What one engine did with one job. Times are nanoseconds; first mask includes the start of a new text."""

    id: str
    status: Status
    message: str = ""
    compile_cpu: int = 0
    compile_wall: int = 0
    first_mask_cpu: int = 0
    first_mask_wall: int = 0
    walks: list[Walk] = field(default_factory=list)
    slow: list[SlowMask] = field(default_factory=list)

    @property
    def first_cpu(self) -> int:
        """Time to first mask: compile, start a text, compute its first mask."""
        return self.compile_cpu + self.first_mask_cpu

    @property
    def first_wall(self) -> int:
        """The same in wall time."""
        return self.compile_wall + self.first_mask_wall


class Stopwatch:
    """Times calls of one kind."""

    def __init__(self) -> None:
        self.cpu: list[int] = []
        self.wall: list[int] = []

    def run(self, call: Callable[..., Result], *arguments: Any) -> Result:
        """Call, and keep what it took."""
        wall = perf_counter_ns()
        cpu = process_time_ns()
        result = call(*arguments)
        cpu_end = process_time_ns()
        self.wall.append(perf_counter_ns() - wall)
        self.cpu.append(cpu_end - cpu)
        return result

    def times(self) -> Times:
        """All calls so far."""
        return Times(np.array(self.cpu, dtype=np.int64), np.array(self.wall, dtype=np.int64))


def walk_text(session: Session, tokens: Sequence[int], end_token: int, text: int, slow: SlowLog) -> Walk:
    """One text from its start to its end, or to the first token that the mask forbids."""
    start, masks, commits = Stopwatch(), Stopwatch(), Stopwatch()
    start.run(session.reset)
    rejected_at, contradiction = None, ""
    for position, token in enumerate(tokens):
        masks.run(session.compute_mask)
        slow.note(session, text, position, masks.cpu[-1])
        if not is_allowed(session.bitmask, token):
            rejected_at = position
            break
        if not commits.run(session.commit, token):
            rejected_at, contradiction = position, f"the mask allows token {token}, commit does not take it"
            break
    accepted = rejected_at is None and session.is_accepting()
    if rejected_at is None:
        contradiction = _ending(session, accepted, end_token)
    times = [watch.times() for watch in (start, masks, commits)]
    return Walk(accepted, rejected_at, times[0], times[1], times[2], contradiction, session.fault())


def _ending(session: Session, accepting: bool, end_token: int) -> str:
    """Whether the mask after the text offers the end token exactly if the text may end; not timed."""
    session.compute_mask()
    if is_allowed(session.bitmask, end_token) == accepting:
        return ""
    return f"is_accepting is {accepting}, but the mask says otherwise of the end token"


class SlowLog:
    """Keeps the slowest masks of a job above a threshold; counting their tokens is outside of the measured time."""

    def __init__(self, threshold_ns: int, keep: int = 5) -> None:
        self._threshold = threshold_ns
        self._keep = keep
        self.masks: list[SlowMask] = []

    def note(self, session: Session, text: int, position: int, cpu_ns: int) -> None:
        """The mask just computed took `cpu_ns`."""
        if cpu_ns < self._threshold:
            return
        self.masks.append(SlowMask(text, position, cpu_ns, population(session.bitmask)))
        self.masks.sort(key=lambda mask: -mask.cpu_ns)
        del self.masks[self._keep :]


class Walker:
    """Serves the requests of a worker: `("cold", job)` compiles and walks, `("warm", job)` walks once more."""

    def __init__(self, engine: Engine, end_token: int, slow_ns: int, warm_up: Job) -> None:
        self._engine = engine
        self._end_token = end_token
        self._slow_ns = slow_ns
        self._session: Session | None = None
        self._warm_up(warm_up)

    def __call__(self, request: tuple[Literal["cold", "warm"], Job]) -> Outcome:
        """Never raises: an exception of the engine is the outcome `crash`."""
        kind, job = request
        try:
            outcome = self._cold(job) if kind == "cold" else self._walk(Outcome(job.id, "ok"), job)
        except Exception as error:  # noqa: BLE001 - whatever an engine raises unasked is its crash
            outcome = Outcome(job.id, "crash", f"{type(error).__name__}: {error}")
        return outcome

    def _warm_up(self, job: Job) -> None:
        """Tables that belong to the vocabulary are filled once per process, as in a server, and are not measured."""
        self(("cold", job))
        gc.collect()
        gc.freeze()
        gc.disable()

    def _cold(self, job: Job) -> Outcome:
        self._session = None
        gc.collect()
        compile_ = Stopwatch()
        session = compile_.run(self._engine.compile, job.schema)
        outcome = Outcome(job.id, "ok", compile_cpu=compile_.cpu[0], compile_wall=compile_.wall[0])
        if isinstance(session, Refusal):
            outcome.status, outcome.message = session.kind, session.message
            return outcome
        self._session = session
        self._walk(outcome, job)
        first = outcome.walks[0] if outcome.walks else walk_text(session, (0,), self._end_token, 0, SlowLog(0))
        outcome.first_mask_cpu = int(first.start.cpu[0] + first.masks.cpu[0])
        outcome.first_mask_wall = int(first.start.wall[0] + first.masks.wall[0])
        return outcome

    def _walk(self, outcome: Outcome, job: Job) -> Outcome:
        if self._session is None:
            raise RuntimeError("nothing is compiled")
        slow = SlowLog(self._slow_ns)
        for index, tokens in enumerate(job.texts):
            outcome.walks.append(walk_text(self._session, tokens, self._end_token, index, slow))
        outcome.slow = slow.masks
        return outcome


def clock_overhead_ns(rounds: int = 2001) -> dict[str, float]:
    """What the clocks themselves add to one interval: the median of intervals around nothing."""
    cpu = [-process_time_ns() + process_time_ns() for _ in range(rounds)]
    both = []
    for _ in range(rounds):
        start = perf_counter_ns()
        process_time_ns()
        process_time_ns()
        both.append(perf_counter_ns() - start)
    return {"cpu": median(cpu), "wall": median(both)}
