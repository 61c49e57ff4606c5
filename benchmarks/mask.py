"""Micro benchmark: time to first mask, cold and warm mask time, by kind of constraint.

    python benchmarks/mask.py --engines latticework,llguidance --output benchmarks/records/today-mask.json

Each kind is one small JSON schema and one text that it accepts. A mask is cold on the first visit after compiling and
warm when the same text is walked again. XGrammar takes longer than the timeout on some kinds, so it is not in by default.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from corpus import END_TOKEN, TOKENIZER_FILE, Case, cases
from engines import load_tokenizer
from kinds import KINDS
from machine import describe
from maskbench import DATA, PACKAGES, split
from race import Race, Result, Rules
from report import wide_console
from rich.table import Table
from summary import Figures, percentile
from typer import BadParameter, Option
from typer import run as run_command
from walk import Outcome


def main(
    data: Annotated[Path, Option(envvar="LATTICEWORK_DATA", help="Folder with tokenizers/.")] = DATA,
    engines: Annotated[str, Option(help="Comma-separated.")] = "latticework",
    kinds: Annotated[str, Option(help="Comma-separated names; all if empty.")] = "",
    timeout: Annotated[float, Option(help="CPU seconds per engine and kind.")] = 20.0,
    output: Annotated[Path | None, Option(help="Write the figures as JSON.")] = None,
) -> None:
    """Run the kinds and print a table; times are CPU time."""
    tokenizer_file = data / TOKENIZER_FILE
    if not tokenizer_file.exists():
        raise BadParameter(f"{tokenizer_file} is missing; give the data folder with --data or LATTICEWORK_DATA")
    names = split(engines)
    rules = Rules(str(tokenizer_file), END_TOKEN, timeout)
    with Race(names, rules) as race:
        chosen = list(chosen_kinds(split(kinds), load_tokenizer(rules.tokenizer_file, END_TOKEN)))
        results = list(race.run(chosen))
        about = race.about()
    record = {"benchmark": "mask", **describe(PACKAGES), "settings": {"timeout_cpu_s": timeout}, "engines": about}
    record["kinds"] = {result.case.id: {name: figures(result, name) for name in names} for result in results}
    wide_console().print(table(record["kinds"], names))
    if output is not None:
        output.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def chosen_kinds(wanted: list[str], tokenizer: Any) -> Iterator[Case]:
    """The kinds as cases. Raises `BadParameter` for an unknown name."""
    if unknown := set(wanted) - set(KINDS):
        raise BadParameter(f"no such kind: {', '.join(sorted(unknown))}; there are {', '.join(KINDS)}")
    rows = (KINDS[name]() | {"id": name, "dataset": "kinds"} for name in wanted or KINDS)
    return cases(list(rows), tokenizer)


def figures(result: Result, engine: str) -> Figures:
    """Milliseconds and microseconds of one kind, or what went wrong."""
    cold = result.cold[engine]
    if cold.status != "ok":
        return {"status": cold.status, "message": cold.message[:200]}
    found: Figures = {"status": "ok", "accepted": all(walk.accepted for walk in cold.walks)}
    found["first_mask_ms"] = round(cold.first_cpu / 1e6, 3)
    found["cold_us"] = _mask_figures(cold)
    if engine in result.warm:
        found["warm_us"] = _mask_figures(result.warm[engine])
    return found


def _mask_figures(outcome: Outcome) -> Figures:
    ordered = np.sort(np.concatenate([walk.masks.cpu for walk in outcome.walks]))
    points = {"p50": percentile(ordered, 50), "p90": percentile(ordered, 90), "max": int(ordered[-1])}
    return {"masks": len(ordered)} | {name: round(value / 1e3, 2) for name, value in points.items()}


def table(kinds: dict[str, dict[str, Figures]], engines: list[str]) -> Table:
    """One row a kind, four columns an engine."""
    shown = Table(title="first mask in ms; cold and warm masks in us: p50 / p90 / max", title_justify="left")
    shown.add_column("kind")
    for engine in engines:
        for column in (engine, "cold", "warm"):
            shown.add_column(column, justify="right")
    for kind, by_engine in kinds.items():
        shown.add_row(kind, *(cell for engine in engines for cell in _cells(by_engine[engine])))
    return shown


def _cells(found: Figures) -> list[str]:
    if found["status"] != "ok":
        return [found["status"], "-", "-"]
    passes = [found.get(name) for name in ("cold_us", "warm_us")]
    times = [f"{p['p50']:.4g} / {p['p90']:.4g} / {p['max']:.4g}" if p else "-" for p in passes]
    return [f"{found['first_mask_ms']:.3g}" + ("" if found["accepted"] else " (rejects)"), *times]


if __name__ == "__main__":
    run_command(main)
