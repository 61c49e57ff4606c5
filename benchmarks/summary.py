"""Turns results into figures: exact percentiles, counts by cause, and ratios between two engines.

Percentiles are order statistics (the smallest value that at least p % of the values do not exceed), never interpolated.
Ratios are taken over what both engines did: the same masks of the same texts of schemas that both compiled.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from race import Result
from walk import Outcome, Times, Walk

Clock: TypeAlias = Literal["cpu", "wall"]
Figures: TypeAlias = dict[str, Any]
Values: TypeAlias = NDArray[np.int64]

CLOCKS: tuple[Clock, ...] = ("cpu", "wall")
FIRST_MASK_POINTS = (25.0, 50.0, 75.0, 90.0, 99.0)
MASK_POINTS = (50.0, 90.0, 99.0, 99.9)
MICROSECOND, MILLISECOND = 1e3, 1e6


def percentile(ordered: Values, percent: float) -> int:
    """The smallest of the ascending `ordered` that at least `percent` % of them do not exceed."""
    rank = -(-len(ordered) * round(percent * 1000) // 100_000)  # ceiling, in integers: 99.9 % of 1000 is 999 exactly
    return int(ordered[max(rank, 1) - 1])


def distribution(values: Values, unit: float, points: Sequence[float]) -> Figures:
    """Count, mean, percentiles and maximum of nanoseconds, in `unit` nanoseconds."""
    if not len(values):
        return {"count": 0}
    ordered = np.sort(values)
    figures: Figures = {"count": len(ordered), "mean": round(float(ordered.mean()) / unit, 3)}
    figures |= {f"p{point:g}": round(percentile(ordered, point) / unit, 3) for point in points}
    return figures | {"max": round(int(ordered[-1]) / unit, 3)}


def summarise(results: Sequence[Result], engine: str) -> Figures:
    """All figures of one engine over some results."""
    outcomes = [result.cold[engine] for result in results]
    compiled = [outcome for outcome in outcomes if outcome.status == "ok"]
    warm = [result.warm[engine] for result in results if engine in result.warm]
    counts = Counter(outcome.status for outcome in outcomes)
    return {
        "schemas": len(outcomes),
        "compiled": len(compiled),
        "refused": {kind: counts[kind] for kind in ("unsupported", "unsatisfiable", "limit", "error")},
        "unsatisfiable_but_valid": sum(denies_valid(result, engine) for result in results),
        "timeouts": counts["timeout"],
        "crashes": counts["crash"],
        "passing": sum(passes(result, engine) for result in results),
        **_verdicts(results, engine),
        "first_mask_ms": _both_clocks(_first_masks, compiled, MILLISECOND, FIRST_MASK_POINTS),
        "compile_ms": _both_clocks(_compiles, compiled, MILLISECOND, FIRST_MASK_POINTS),
        "mask_us": _both_clocks(_masks, compiled, MICROSECOND, MASK_POINTS),
        "commit_us": _both_clocks(_commits, compiled, MICROSECOND, MASK_POINTS),
        "step_us": _both_clocks(_steps, compiled, MICROSECOND, MASK_POINTS),
        "warm_mask_us": _both_clocks(_masks, warm, MICROSECOND, MASK_POINTS),
        "warm_commit_us": _both_clocks(_commits, warm, MICROSECOND, MASK_POINTS),
    }


# ----------------------------------------------------------------------------------------------------------- verdicts


def wrong_tests(result: Result, engine: str) -> list[int]:
    """The undisputed instances on which the engine contradicts the label."""
    walks = result.cold[engine].walks
    labels = result.case.labels
    return [i for i, walk in enumerate(walks) if walk.accepted != labels[i] and not result.disputed(i)]


def passes(result: Result, engine: str) -> bool:
    """Compiled, and right about every undisputed instance."""
    return result.cold[engine].status == "ok" and not wrong_tests(result, engine)


def denies_valid(result: Result, engine: str) -> bool:
    """Refused as unsatisfiable, although an undisputed instance is valid."""
    valid = (label and not result.disputed(test) for test, label in enumerate(result.case.labels))
    return result.cold[engine].status == "unsatisfiable" and any(valid)


def _verdicts(results: Sequence[Result], engine: str) -> Figures:
    tests = valid = rejects = accepts = disputed = contradictions = 0
    for result in results:
        walks = result.cold[engine].walks
        wrong = wrong_tests(result, engine)
        tests += len(walks)
        valid += sum(result.case.labels[: len(walks)])
        rejects += sum(result.case.labels[i] for i in wrong)
        accepts += sum(not result.case.labels[i] for i in wrong)
        disputed += sum(result.disputed(i) for i in range(len(walks)))
        contradictions += sum(bool(walk.contradiction) for walk in walks)
    return {
        "tests": tests,
        "valid_tests": valid,
        "false_rejects": rejects,
        "false_accepts": accepts,
        "disputed_tests": disputed,
        "contradictions": contradictions,
    }


def disagreements(results: Iterable[Result]) -> list[Figures]:
    """Every instance whose label the validator contradicts, with what the engines said."""
    return [
        {
            "id": result.case.id,
            "test": test,
            "label": label,
            "accepted_by": [name for name, outcome in result.cold.items() if _accepted(outcome, test)],
        }
        for result in results
        for test, label in enumerate(result.case.labels)
        if result.disputed(test)
    ]


def _accepted(outcome: Outcome, test: int) -> bool:
    return test < len(outcome.walks) and outcome.walks[test].accepted


# -------------------------------------------------------------------------------------------------------------- times

Selector: TypeAlias = Callable[[Sequence[Outcome], Clock], Values]


def _both_clocks(select: Selector, outcomes: Sequence[Outcome], unit: float, points: Sequence[float]) -> Figures:
    return {clock: distribution(select(outcomes, clock), unit, points) for clock in CLOCKS}


def _first_masks(outcomes: Sequence[Outcome], clock: Clock) -> Values:
    return np.array([first_mask(outcome, clock) for outcome in outcomes], dtype=np.int64)


def first_mask(outcome: Outcome, clock: Clock) -> int:
    """Time to first mask in nanoseconds."""
    return outcome.first_cpu if clock == "cpu" else outcome.first_wall


def _compiles(outcomes: Sequence[Outcome], clock: Clock) -> Values:
    times = [outcome.compile_cpu if clock == "cpu" else outcome.compile_wall for outcome in outcomes]
    return np.array(times, dtype=np.int64)


def _masks(outcomes: Sequence[Outcome], clock: Clock) -> Values:
    return _joined(_of(walk.masks, clock) for outcome in outcomes for walk in outcome.walks)


def _commits(outcomes: Sequence[Outcome], clock: Clock) -> Values:
    return _joined(_of(walk.commits, clock) for outcome in outcomes for walk in outcome.walks)


def _steps(outcomes: Sequence[Outcome], clock: Clock) -> Values:
    return _joined(step_times(walk, clock) for outcome in outcomes for walk in outcome.walks)


def step_times(walk: Walk, clock: Clock) -> Values:
    """Mask and commit together, what MaskBench calls time between masks; a refused token has a mask alone."""
    steps = _of(walk.masks, clock).copy()
    commits = _of(walk.commits, clock)
    steps[: len(commits)] += commits
    return steps


def _of(times: Times, clock: Clock) -> Values:
    return times.cpu if clock == "cpu" else times.wall


def _joined(parts: Iterable[Values]) -> Values:
    pieces = list(parts)
    return np.concatenate(pieces) if pieces else np.zeros(0, dtype=np.int64)


# ------------------------------------------------------------------------------------------------------------- ratios


def ratios(results: Sequence[Result], ours: str, theirs: str) -> Figures:
    """Our figure divided by theirs: below 1 is faster."""
    both = [r for r in results if r.cold[ours].status == "ok" and r.cold[theirs].status == "ok"]
    warm = [r for r in both if ours in r.warm and theirs in r.warm]
    figures: Figures = {"schemas": len(both)}
    for clock in CLOCKS:
        first = (_first_masks([r.cold[ours] for r in both], clock), _first_masks([r.cold[theirs] for r in both], clock))
        figures[clock] = {
            "first_mask": _quotients(first, (50.0, 90.0, 99.0)),
            "mask": _quotients(_paired([(r.cold[ours], r.cold[theirs]) for r in both], clock), MASK_POINTS),
            "warm_mask": _quotients(_paired([(r.warm[ours], r.warm[theirs]) for r in warm], clock), MASK_POINTS),
        }
    return figures


def _paired(pairs: Sequence[tuple[Outcome, Outcome]], clock: Clock) -> tuple[Values, Values]:
    """The mask times of both engines for the masks that both computed: the common start of each text."""
    left: list[Values] = []
    right: list[Values] = []
    for one, other in pairs:
        for mine, yours in zip(one.walks, other.walks, strict=True):
            common = min(len(mine.masks.cpu), len(yours.masks.cpu))
            left.append(_of(mine.masks, clock)[:common])
            right.append(_of(yours.masks, clock)[:common])
    return _joined(left), _joined(right)


def _quotients(both: tuple[Values, Values], points: Sequence[float]) -> Figures:
    mine, yours = np.sort(both[0]), np.sort(both[1])
    if not len(mine):
        return {"count": 0}
    figures: Figures = {"count": len(mine), "mean": round(float(mine.mean() / max(yours.mean(), 1)), 4)}
    figures |= {f"p{p:g}": round(percentile(mine, p) / max(percentile(yours, p), 1), 4) for p in points}
    return figures | {"max": round(int(mine[-1]) / max(int(yours[-1]), 1), 4)}
