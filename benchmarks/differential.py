"""Differential test: random schemas and random values, the verdict of the automaton against that of `jsonschema`.

    python benchmarks/differential.py --pairs 100000 --output benchmarks/records/today-differential.json

Values are written as `json.dumps` writes them and walked byte by byte (property_order="any"). The other way round, texts
that the automaton writes at random are read, and must be valid. Ends with code 1 if there is a disagreement that is not
one of the narrowings of docs/json-schema.md, an exception that is not typed, or a dead end. Each is listed, made smaller.
"""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Annotated

from comparing import Plan, Tally, examine
from machine import describe, peak_memory_mib
from maskbench import progress
from report import wide_console
from typer import Exit, Option
from typer import run as run_command

PACKAGES = ("latticework", "jsonschema", "jsonschema-rs")


def main(
    pairs: Annotated[int, Option(min=1, help="Compare so many values with schemas that compile.")] = 10_000,
    seed: Annotated[int, Option(help="Of everything that is drawn.")] = 0,
    values: Annotated[int, Option(min=1, help="Values for each schema.")] = 10,
    texts: Annotated[int, Option(min=0, help="Texts that the automaton writes for each schema.")] = 3,
    draft: Annotated[int | None, Option(help="4, 6, 7, 2019 or 2020; all if not given.")] = None,
    shrink: Annotated[bool, Option(help="Make each disagreement smaller.")] = True,
    most: Annotated[int, Option(min=1, help="Stop after so many disagreements.")] = 50,
    output: Annotated[Path | None, Option(help="Write the counts, and what went wrong, as JSON.")] = None,
) -> None:
    """Compare random schemas and values with jsonschema."""
    tally = Tally()
    console = wide_console()
    with progress() as bar:
        task = bar.add_task("pairs", total=pairs)
        index = 0
        while tally.pairs < pairs and len(tally.found) < most:
            known = len(tally.found)
            examine(Random(f"{seed} {index}"), tally, Plan(values, texts, draft, shrink))
            for found in tally.found[known:]:
                bar.console.print(json.dumps(found, ensure_ascii=False), markup=False, highlight=False, soft_wrap=True)
            index += 1
            bar.update(task, completed=tally.pairs)
    settings = {"pairs": pairs, "seed": seed, "values": values, "texts": texts, "draft": draft}
    record = {"benchmark": "differential", **describe(PACKAGES), "settings": settings, **tally.figures()}
    record["peak_memory_mib"] = peak_memory_mib()
    console.print_json(json.dumps(tally.figures(), ensure_ascii=False))
    if output is not None:
        output.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    if tally.found:
        raise Exit(1)


if __name__ == "__main__":
    run_command(main)
