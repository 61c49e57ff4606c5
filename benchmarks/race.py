"""Runs engines side by side, schema by schema, each in a process of its own and only one at a time.

Interleaving by schema makes a change in the machine's load hit all engines alike; which engine goes first rotates.
"""

from __future__ import annotations

import os
import resource
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from time import process_time
from typing import Any, Literal, Self

from corpus import Case, cases
from engines import ENGINES, load_tokenizer
from judge import JudgeRequest, Verdict, make_judge
from walk import Job, Outcome, Walker, clock_overhead_ns
from workers import Died, Killed, Worker

WARM_UP: dict[str, Any] = {
    "id": "warm-up",
    "dataset": "",
    "schema": {"type": "object", "properties": {"text": {"type": "string"}, "number": {"type": "number"}}},
    "tests": [{"data": {"text": "a few words", "number": 1.5}, "valid": True}],
}
Question = tuple[Literal["cold", "warm", "about"], Job | None]


@dataclass(frozen=True, slots=True)
class Rules:
    """How a race is run. `seconds` is CPU time per engine and schema: compile and walk of all its texts."""

    tokenizer_file: str
    end_token: str
    seconds: float = 10.0
    slow_us: float = 1000.0
    warm: bool = True
    memory_gib: float = 12.0
    quiet: bool = True


@dataclass(slots=True)
class Result:
    """A schema, what each engine made of it, and what the validator says of its instances."""

    case: Case
    cold: dict[str, Outcome] = field(default_factory=dict)
    warm: dict[str, Outcome] = field(default_factory=dict)
    judged: tuple[Verdict, ...] = ()

    def disputed(self, test: int) -> bool:
        """Whether the validator contradicts the label of an instance."""
        return self.judged[test] is not None and self.judged[test] != self.case.labels[test]


class Race:
    """The engines' workers, and the judge's. Use as a context manager."""

    def __init__(self, engines: Sequence[str], rules: Rules) -> None:
        self._rules = rules
        memory = int(rules.memory_gib * 2**30)
        self.workers: dict[str, Worker[Question, Any]] = {
            name: Worker(partial(make_walker, name, rules), memory) for name in engines
        }
        self._judge: Worker[JudgeRequest, tuple[Verdict, ...]] = Worker(make_judge)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self.workers.values():
            worker.stop()
        self._judge.stop()

    def about(self) -> dict[str, dict[str, Any]]:
        """Settings, start-up cost, memory, restarts of each engine."""
        answers = {name: worker.ask(("about", None), 60.0) for name, worker in self.workers.items()}
        return {
            name: answer | {"restarts": self.workers[name].restarts} if isinstance(answer, dict) else {}
            for name, answer in answers.items()
        }

    def run(self, cases: Iterable[Case]) -> Iterator[Result]:
        """One result a case."""
        names = list(self.workers)
        for index, case in enumerate(cases):
            result = Result(case, judged=self._judged(case))
            first = index % len(names)
            for name in names[first:] + names[:first]:
                self._engine(name, result)
            yield result

    def _engine(self, name: str, result: Result) -> None:
        cold = self._ask(name, "cold", result.case.job)
        result.cold[name] = cold
        if self._rules.warm and cold.status == "ok":
            warm = self._ask(name, "warm", result.case.job)
            if warm.status == "ok":
                result.warm[name] = warm

    def _ask(self, name: str, question: Literal["cold", "warm"], job: Job) -> Outcome:
        answer = self.workers[name].ask((question, job), self._rules.seconds)
        if isinstance(answer, Killed):
            return Outcome(job.id, "timeout", f"more than {answer.seconds:g} s")
        if isinstance(answer, Died):
            return Outcome(job.id, "crash", str(answer))
        assert isinstance(answer, Outcome)
        return answer

    def _judged(self, case: Case) -> tuple[Verdict, ...]:
        answer = self._judge.ask((case.job.schema, case.instances), self._rules.seconds)
        return answer if isinstance(answer, tuple) else (None,) * len(case.instances)


def make_walker(name: str, rules: Rules) -> Callable[[Question], Any]:
    """Factory for a worker: builds the engine, and answers for it."""
    if rules.quiet:  # engines print warnings of their own for many schemas
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    tokenizer = load_tokenizer(rules.tokenizer_file, rules.end_token)
    start = process_time()
    engine = ENGINES[name](tokenizer)
    about = {"settings": engine.settings, "start_cpu_s": round(process_time() - start, 3)}
    (warm_up,) = cases([WARM_UP], tokenizer)
    walker = Walker(engine, tokenizer.eos_token_id, int(rules.slow_us * 1000), warm_up.job)

    def handle(question: Question) -> Any:
        kind, job = question
        if kind == "about" or job is None:
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            return about | {"peak_rss_mib": round(peak), "clock_overhead_ns": clock_overhead_ns()}
        return walker((kind, job))

    return handle
