"""Lists what a developer should look at: refused, wrong, contradictory and slow cases, one record each.

Written by `--list-failures` as one JSON object a line while the run goes on.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeAlias

from race import Result
from summary import denies_valid, wrong_tests
from walk import Outcome, Walk

Finding: TypeAlias = dict[str, Any]

SHOWN = 60  # characters of text before the place
SLOW_FIRST_MASK_MS = 50


class FindingsFile:
    """Takes results one by one; without a path it takes them and does nothing."""

    def __init__(self, path: Path | None, tokenizer: Any) -> None:
        self._file = path.open("w", encoding="utf-8", buffering=1) if path else None
        self._tokenizer = tokenizer

    def add(self, result: Result) -> None:
        """Write the findings of all engines about one schema."""
        if self._file is not None:
            for finding in findings(result, self._tokenizer):
                self._file.write(json.dumps(finding, ensure_ascii=False) + "\n")

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()


def findings(result: Result, tokenizer: Any) -> Iterator[Finding]:
    """The findings of all engines about one schema."""
    for engine, outcome in result.cold.items():
        head = {"engine": engine, "id": result.case.id, "dataset": result.case.dataset}
        if outcome.status != "ok":
            status = "wrongly unsatisfiable" if denies_valid(result, engine) else outcome.status
            yield head | {"kind": status, "message": outcome.message}
        elif outcome.first_cpu > SLOW_FIRST_MASK_MS * 1e6:
            yield head | {"kind": "slow_first_mask", "compile_ms": round(outcome.compile_cpu / 1e6)}
        for test in wrong_tests(result, engine):
            kind = "false_reject" if result.case.labels[test] else "false_accept"
            yield head | {"kind": kind, "test": test} | _where(result, test, outcome.walks[test], tokenizer)
        for passed, walked in (("cold", outcome), ("warm", result.warm.get(engine))):
            for finding in _contradictions(walked) if walked else ():
                yield head | {"kind": "contradiction", "pass": passed} | finding
            for finding in _slow(result, walked, tokenizer) if walked else ():
                yield head | {"kind": "slow", "pass": passed} | finding


def _where(result: Result, test: int, walk: Walk, tokenizer: Any) -> Finding:
    """Where a walk ended, if it did not reach the end of the text."""
    tokens = result.case.job.texts[test]
    position = walk.rejected_at
    if position is None:
        return {"at": "end", "text": tokenizer.decode(tokens)[:400], "fault": walk.fault}
    return {
        "position": position,
        "before": tokenizer.decode(tokens[:position])[-SHOWN:],
        "refused": tokenizer.decode([tokens[position]]),
        "fault": walk.fault,
    }


def _contradictions(outcome: Outcome) -> Iterator[Finding]:
    for test, walk in enumerate(outcome.walks):
        if walk.contradiction:
            yield {"test": test, "message": walk.contradiction}


def _slow(result: Result, outcome: Outcome, tokenizer: Any) -> Iterator[Finding]:
    for mask in outcome.slow:
        tokens = result.case.job.texts[mask.text]
        yield {
            "test": mask.text,
            "position": mask.position,
            "cpu_us": round(mask.cpu_ns / 1000),
            "tokens_allowed": mask.tokens,
            "before": tokenizer.decode(tokens[: mask.position])[-SHOWN:],
        }
