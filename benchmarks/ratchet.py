"""What is recorded of a run of the suite, and in what a later run is worse: counts and names, no schema and no instance."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from typing import Any, TypeAlias

from suite_judge import OUTCOMES, Verdict

Record: TypeAlias = dict[str, Any]
_RANK = {"right": 0, "refused": 1, "false_reject": 2, "false_accept": 3}


def make_record(edition: str, verdicts: Iterable[Verdict]) -> Record:
    """Counts for each section, and the groups that are not all right, by section, file and name.

    A refused group has its error; any other has the names of the tests that were decided wrongly.
    """
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    groups: dict[str, dict[str, dict[str, Any]]] = defaultdict(lambda: defaultdict(dict))
    for verdict in verdicts:
        group = verdict.group
        counts[group.section].update(verdict.outcomes)
        if not verdict.is_right:
            found = {"refused": verdict.refusal} if verdict.refusal else {"wrong": verdict.wrong()}
            groups[group.section][group.file][group.name] = found
    sections = {section: {outcome: count[outcome] for outcome in OUTCOMES} for section, count in counts.items()}
    return {"benchmark": "conformance", "edition": edition, "sections": sections, "groups": groups}


def compare(recorded: Record, found: Record) -> list[str]:
    """What is worse than recorded, one line each. Only the sections of `found` are looked at.

    The order from good to bad is: right, refused, a valid instance rejected, an invalid one accepted.
    """
    if recorded["edition"] != found["edition"]:
        return ["another edition of the suite than the one that was recorded; read what changed, then --update"]
    lines: list[str] = []
    for section, counts in found["sections"].items():
        before = recorded["sections"].get(section, {})
        if counts["right"] < before.get("right", 0):
            lines.append(f"{section}: {counts['right']} right, {before['right']} recorded")
        known = recorded["groups"].get(section, {})
        for file, groups in found["groups"].get(section, {}).items():
            for name, now in groups.items():
                lines += _worse(f"{section} {file} {name!r}", known.get(file, {}).get(name), now)
    return lines


def _worse(place: str, before: dict[str, Any] | None, now: dict[str, Any]) -> Iterator[str]:
    if "refused" in now:
        if before is None:
            yield f"{place} is refused: {now['refused']}"
        return
    for test, outcome in now["wrong"].items():
        was = "right" if before is None else "refused" if "refused" in before else before["wrong"].get(test, "right")
        if _RANK[outcome] > _RANK[was]:
            yield f"{place}, test {test!r}: {outcome}, was {was}"
