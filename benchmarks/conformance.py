"""Conformance: decides every test of the official JSON-Schema-Test-Suite by masks, and compares with what is recorded.

    python benchmarks/conformance.py                # tables: how many tests are right, and what is refused
    python benchmarks/conformance.py --check        # exit code 1 if anything is worse than recorded
    python benchmarks/conformance.py --update       # record

Each group of tests is one schema: compiled, refused, or found unsatisfiable (then no instance is accepted). An instance
is accepted if each of its tokens is allowed after those before it, and the text may end there. By default each byte
is a token.
"""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Annotated

from corpus import END_TOKEN, TOKENIZER_FILE
from ratchet import Record, compare, make_record
from rich.console import Console
from rich.table import Table
from suite import SUITE_FOLDER, Group, digest, read_groups, read_remotes
from suite_judge import OUTCOMES, Judge, Verdict, by_bytes, by_tokens
from typer import BadParameter, Exit, Option
from typer import run as run_command

DATA = Path(__file__).resolve().parents[1] / "../shared/data"
RECORD = Path(__file__).resolve().parent / "records" / "conformance.json"


def main(
    data: Annotated[Path, Option(envvar="LATTICEWORK_DATA", help="Folder with json-schema-test-suite/.")] = DATA,
    sections: Annotated[str, Option(help="Comma-separated, such as 'draft7,draft7/format'; all if empty.")] = "",
    files: Annotated[str, Option(help="Comma-separated names of files, without .json; all if empty.")] = "",
    tokens: Annotated[bool, Option(help="Tokens of the Llama-3 tokenizer in place of bytes.")] = False,
    show: Annotated[bool, Option(help="List every group that is not all right.")] = False,
    check: Annotated[bool, Option(help="Exit with 1 if anything is worse than recorded.")] = False,
    update: Annotated[bool, Option(help="Write the record; for a run of everything.")] = False,
    record: Annotated[Path, Option(help="The record.")] = RECORD,
) -> None:
    """Run the suite and print tables."""
    suite = data / SUITE_FOLDER
    if not suite.is_dir():
        raise BadParameter(f"{suite} is missing; give the data folder with --data or LATTICEWORK_DATA")
    if update and (sections or files):
        raise BadParameter("--update records a run of everything")
    groups = [group for group in read_groups(suite) if _is_chosen(group, _split(sections), _split(files))]
    judge = Judge(read_remotes(suite), *(by_tokens(data / TOKENIZER_FILE, END_TOKEN) if tokens else by_bytes()))
    verdicts = [judge.group(group) for group in groups]
    console = Console() if Console().is_terminal else Console(width=170)
    _print(verdicts, console, show)
    found = make_record(digest(suite), verdicts)
    if check and not _holds(json.loads(record.read_text(encoding="utf-8")), found, console, partly=bool(files)):
        raise Exit(1)
    if update:
        record.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        console.print(f"wrote {record}")


def _split(text: str) -> set[str]:
    return {part.strip() for part in text.split(",") if part.strip()}


def _is_chosen(group: Group, sections: set[str], files: set[str]) -> bool:
    name = group.file.removesuffix(".json")
    return (not sections or group.section in sections) and (not files or name in files)


def _holds(recorded: Record, found: Record, console: Console, *, partly: bool) -> bool:
    """Whether nothing is worse than recorded; prints what is. `partly`: counts of sections mean nothing."""
    if partly:
        found = found | {"sections": {name: {"right": 0, "tests": 0} for name in found["sections"]}}
    worse = compare(recorded, found)
    for line in worse:
        console.print(f"worse: {line}", markup=False, soft_wrap=True)
    if not worse:
        console.print("nothing is worse than recorded")
    return not worse


def _print(verdicts: list[Verdict], console: Console, show: bool) -> None:
    console.print(_outcome_table(verdicts))
    console.print(_refusal_table(verdicts))
    for verdict in verdicts if show else ():
        if not verdict.is_right:
            group = verdict.group
            found = f"{verdict.refusal}: {verdict.reason}" if verdict.refusal else verdict.wrong()
            console.print(f"{group.section} {group.file} {group.name!r} {found}", markup=False, soft_wrap=True)


def _outcome_table(verdicts: list[Verdict]) -> Table:
    """One row a section; required tests are summed up."""
    table = Table("section", "groups", "tests", *OUTCOMES, title="tests of the suite")
    by_section: dict[str, list[Verdict]] = defaultdict(list)
    for verdict in verdicts:
        by_section[verdict.group.section].append(verdict)
        by_section["all formats" if verdict.group.is_format else "all required"].append(verdict)
    for section in sorted(by_section, key=lambda name: ("all" in name, "format" in name)):
        found = [outcome for verdict in by_section[section] for outcome in verdict.outcomes]
        counts = [found.count(outcome) for outcome in OUTCOMES]
        table.add_row(section, *map(str, (len(by_section[section]), len(found), *counts)))
    return table


def _refusal_table(verdicts: list[Verdict]) -> Table:
    """One row a reason, those with most tests first."""
    table = Table("error", "reason", "groups", "tests", title="what is refused")
    refused: dict[tuple[str, str], list[Verdict]] = defaultdict(list)
    for verdict in verdicts:
        if verdict.refusal:
            refused[verdict.refusal, verdict.reason[:100]].append(verdict)
    rows = [(sum(len(v.outcomes) for v in found), *key, len(found)) for key, found in refused.items()]
    for tests, error, reason, groups in sorted(rows, key=lambda row: -row[0]):
        table.add_row(error, reason, str(groups), str(tests))
    return table


if __name__ == "__main__":
    run_command(main)
