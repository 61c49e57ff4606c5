"""MaskBench: drives engines over real JSON schemas and their instances in one run, and compares them.

    python benchmarks/maskbench.py --sample 300 --output benchmarks/records/today-maskbench-300.json

For each schema and engine: compile, then every instance token by token (mask, is the token allowed, commit), then once
more with what the engine keeps (warm). See README.md beside this file for what the figures mean.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import closing
from itertools import groupby
from pathlib import Path
from typing import Annotated, Any

from corpus import END_TOKEN, MASKBENCH_FILE, TOKENIZER_FILE, Case, cases, choose, read_rows
from engines import ENGINES, load_tokenizer, package_version
from findings import FindingsFile
from machine import describe
from race import Race, Result, Rules
from report import plot, show, wide_console
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress
from summary import disagreements, ratios, summarise
from typer import BadParameter, Option
from typer import run as run_command

DATA = Path(__file__).resolve().parents[1] / "../shared/data"
STANDARD = ("latticework", "llguidance", "xgrammar")
PACKAGES = ("latticework", "llguidance", "xgrammar", "jsonschema", "tokenizers", "transformers", "torch", "numpy")


def main(
    data: Annotated[Path, Option(envvar="LATTICEWORK_DATA", help="Folder with maskbench/ and tokenizers/.")] = DATA,
    engines: Annotated[
        str, Option(help="Comma-separated, the first compared with the others; default: installed ones.")
    ] = "",
    sample: Annotated[int | None, Option(min=1, help="Draw so many schemas at random.")] = None,
    seed: Annotated[int, Option(help="Of the sample.")] = 0,
    limit: Annotated[int | None, Option(min=1, help="Take only the first so many.")] = None,
    datasets: Annotated[str, Option(help="Comma-separated names; all if empty.")] = "",
    ids: Annotated[str, Option(help="Comma-separated schema ids; all if empty.")] = "",
    timeout: Annotated[float, Option(help="CPU seconds per engine and schema.")] = 10.0,
    threads: Annotated[int, Option(min=1, max=1, help="One schema at a time, one thread an engine.")] = 1,
    warm: Annotated[bool, Option(help="Walk every instance once more with the same compiled schema.")] = True,
    slow: Annotated[float, Option(help="List masks slower than so many microseconds.")] = 1000.0,
    quiet: Annotated[bool, Option(help="Drop what engines print to standard error.")] = True,
    output: Annotated[Path | None, Option(help="Write the figures (JSON), and a plot (PNG) beside it.")] = None,
    list_failures: Annotated[Path | None, Option(help="Write what to look at, one JSON object a line.")] = None,
) -> None:
    """Run MaskBench and print tables."""
    names = split(engines) or [name for name in STANDARD if package_version(name) != "absent"]
    if unknown := set(names) - set(ENGINES):
        raise BadParameter(f"no such engine: {', '.join(sorted(unknown))}; there are {', '.join(ENGINES)}")
    source, tokenizer_file = data / MASKBENCH_FILE, data / TOKENIZER_FILE
    for file in (source, tokenizer_file):
        if not file.exists():
            raise BadParameter(f"{file} is missing; give the data folder with --data or LATTICEWORK_DATA")
    rows = choose(read_rows(source), datasets=split(datasets), ids=split(ids), sample=sample, seed=seed, limit=limit)
    rules = Rules(str(tokenizer_file), END_TOKEN, timeout, slow, warm, quiet=quiet)
    settings: dict[str, Any] = {
        "sample": sample,
        "seed": seed,
        "limit": limit,
        "datasets": datasets,
        "schemas": len(rows),
    }
    settings |= {"timeout_cpu_s": timeout, "threads": threads, "tokenizer": TOKENIZER_FILE.stem, "data": source.name}
    tokenizer = load_tokenizer(rules.tokenizer_file, rules.end_token)
    console = wide_console()
    with closing(FindingsFile(list_failures, tokenizer)) as listed:
        results, about = run(names, rules, cases(rows, tokenizer), len(rows), listed)
    record = make_record(results, names, about, settings)
    show(record, console)
    if output is not None:
        write(record, results, names, output, console)


def run(
    names: list[str], rules: Rules, source: Iterable[Case], total: int, listed: FindingsFile
) -> tuple[list[Result], dict[str, dict[str, Any]]]:
    """All results, and what each engine says of itself. Interrupted, it goes on with what it has."""
    results: list[Result] = []
    with Race(names, rules) as race, progress() as bar:
        task = bar.add_task("walking", total=total)
        try:
            for result in race.run(source):
                results.append(result)
                listed.add(result)
                bar.advance(task)
        except KeyboardInterrupt:
            bar.console.print(f"interrupted after {len(results)} schemas")
        return results, race.about()


def progress() -> Progress:
    """A bar with the count, on standard error."""
    return Progress(*Progress.get_default_columns(), MofNCompleteColumn(), console=Console(stderr=True))


def make_record(
    results: list[Result], names: list[str], about: dict[str, dict[str, Any]], settings: dict[str, Any]
) -> dict[str, Any]:
    """The figures of a run as JSON values: aggregates only."""
    by_dataset = {dataset: list(group) for dataset, group in groupby(sorted(results, key=_dataset), key=_dataset)}
    return {
        "benchmark": "maskbench",
        **describe(PACKAGES),
        "settings": settings,
        "engines": {
            name: about[name]
            | {
                "overall": summarise(results, name),
                "datasets": {dataset: summarise(group, name) for dataset, group in by_dataset.items()},
            }
            for name in names
        },
        "ratios": {f"{names[0]}/{other}": ratios(results, names[0], other) for other in names[1:]},
        "label_disagrees_with_jsonschema": disagreements(results),
    }


def _dataset(result: Result) -> str:
    return result.case.dataset


def write(record: dict[str, Any], results: list[Result], names: list[str], output: Path, console: Console) -> None:
    """The record, and the plot if matplotlib is there."""
    output.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    console.print(f"wrote {output}")
    try:
        plot(results, names, output.with_suffix(".png"))
    except ImportError:
        console.print("no plot: matplotlib is not installed")


def split(text: str) -> list[str]:
    """The parts of a comma-separated option."""
    return [part.strip() for part in text.split(",") if part.strip()]


if __name__ == "__main__":
    run_command(main)
