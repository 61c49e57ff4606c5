"""Validity: every finished output of a model under a schema is valid, on real schemas, judged by `jsonschema`.

    python benchmarks/validity.py --schemas 200 --samples 5 --output benchmarks/records/today-validity.json

The schemas are MaskBench's: a seeded sample that takes from its data sets in turn, of those that compile. Each gets one
greedy output and `samples - 1` drawn at temperature 1; outputs of several schemas and prompts share a batch. Ends with
code 1 if `jsonschema` refuses an output, an unfinished one is no possible beginning, or there was an exception.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import islice, zip_longest
from pathlib import Path
from typing import Annotated, Any, cast, get_args

import torch
from corpus import END_TOKEN, MASKBENCH_FILE, TOKENIZER_FILE, read_rows
from machine import describe, give_back_large_blocks, peak_memory_mib
from maskbench import DATA, progress
from report import wide_console
from rich.table import Table
from subjects import Subject, builtin, random_llama
from typer import BadParameter, Exit, Option
from typer import run as run_command
from verdicts import FAILURES, Verdict, unchecked_formats, verdict

import latticework as lw
from latticework.grammar.constraint_options import Whitespace

PACKAGES = ("latticework", "jsonschema", "jsonschema-rs", "transformers", "torch", "tokenizers")
PROMPTS = (
    "Anna Schmidt is 34 years old and lives in Berlin.\nJSON: ",
    "Write a record as JSON.\nThe order 1207 of Tom Baker, tom@example.com, costs 99.5 and is paid.\nJSON: ",
    "JSON: ",
)
SMALL_TOKENIZER_FILE = Path("tokenizers/phi3-mini.tokenizer.json")
SMALL_END_TOKEN = "<|endoftext|>"
TOGETHER = 5  # schemas in one batch
SHOWN = 2000  # characters of a failing output


class Which(StrEnum):
    """The models to run."""

    random = "random-llama3"
    small_vocabulary = "random-phi3"
    builtin = "builtin"
    both = "both"


@dataclass(frozen=True, slots=True)
class Entry:
    """A schema that compiled."""

    id: str
    dataset: str
    schema: Any
    constraint: lw.Constraint
    grammar: lw.CompiledGrammar


@dataclass(frozen=True, slots=True)
class Output:
    """One generation, or the error in its place."""

    entry: Entry
    is_greedy: bool
    generation: lw.Generation | None
    error: str = ""


@dataclass(slots=True)
class Tally:
    """Counts of one model, and everything to look at."""

    refused: Counter[str] = field(default_factory=Counter)
    exceptions: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    finished: Counter[str] = field(default_factory=Counter)
    outputs: Counter[str] = field(default_factory=Counter)
    schemas: Counter[str] = field(default_factory=Counter)
    reached: set[str] = field(default_factory=set)
    tokens: int = 0
    listed: list[dict[str, Any]] = field(default_factory=list)

    def add(self, output: Output, judged: Verdict | None) -> None:
        """Count one output; `judged` is None if there was an error instead."""
        mode = "greedy" if output.is_greedy else "sampled"
        place = {"schema": output.entry.id, "mode": mode}
        self.outputs.update([mode, output.entry.dataset])
        if output.generation is None or judged is None:
            self.exceptions[output.error.partition(":")[0]] += 1
            self.listed.append({"kind": "exception", **place, "message": output.error[:SHOWN]})
            return
        self.kinds[judged.kind] += 1
        self.tokens += len(output.generation.token_ids)
        if output.generation.finished:
            self.finished.update([mode, output.entry.dataset])
            self.reached.add(output.entry.id)
        if judged.kind not in ("valid", "viable"):
            found = {"kind": judged.kind, **place, "keyword": judged.keyword, "message": judged.message[:SHOWN]}
            self.listed.append(found | {"text": output.generation.text[:SHOWN]})

    def figures(self) -> dict[str, Any]:
        """The counts as JSON values."""
        modes = {mode: _share(self.finished[mode], self.outputs[mode]) for mode in ("greedy", "sampled")}
        total = sum(self.outputs[mode] for mode in modes)
        finished = sum(self.finished[mode] for mode in modes)
        return {
            "schemas": self.schemas.total(),
            "schemas_with_a_finished_output": len(self.reached),
            "not_compiled": dict(self.refused),
            "outputs": total,
            "tokens": self.tokens,
            "finished": finished,
            "finished_share": _share(finished, total),
            "finished_share_by_mode": modes,
            "unfinished": total - finished - self.exceptions.total(),
            "valid": self.kinds["valid"],
            "unfinished_but_viable": self.kinds["viable"],
            **{kind: self.kinds[kind] for kind in (*FAILURES, "unjudged")},
            "exceptions": dict(self.exceptions),
            "datasets": {
                name: {"schemas": count, "outputs": self.outputs[name], "finished": self.finished[name]}
                for name, count in sorted(self.schemas.items())
            },
            "to_look_at": self.listed,
        }

    @property
    def has_failed(self) -> bool:
        """Whether a promise was broken: exceptions and disputed outputs count."""
        return bool(self.exceptions) or any(self.kinds[kind] for kind in FAILURES)


def _share(part: int, whole: int) -> float:
    return round(part / whole, 4) if whole else 0.0


def main(
    data: Annotated[Path, Option(envvar="LATTICEWORK_DATA", help="Folder with maskbench/ and tokenizers/.")] = DATA,
    schemas: Annotated[int, Option(min=1, help="So many schemas that compile.")] = 200,
    samples: Annotated[int, Option(min=1, help="Outputs for each schema; the first is greedy.")] = 5,
    model: Annotated[Which, Option(help="Which models.")] = Which.both,
    seed: Annotated[int, Option(help="Of the choice of schemas, the random weights and the sampling.")] = 0,
    max_new_tokens: Annotated[int, Option(min=1, help="Of each output.")] = 300,
    whitespace: Annotated[str, Option(help="compact, flexible or indent.")] = "compact",
    closing_bias: Annotated[
        float, Option(help="Added to the random model's logits of tokens with a quote, ] or }, and of the end.")
    ] = 6.0,
    output: Annotated[Path | None, Option(help="Write the counts, and what went wrong, as JSON.")] = None,
) -> None:
    """Generate under real schemas, and validate what comes out."""
    if whitespace not in get_args(Whitespace):
        raise BadParameter(f"whitespace: {', '.join(get_args(Whitespace))} expected, not {whitespace}")
    rows = in_turn(read_rows(present(data / MASKBENCH_FILE)), seed)
    settings: dict[str, Any] = {"schemas": schemas, "samples": samples, "seed": seed, "max_new_tokens": max_new_tokens}
    settings |= {"whitespace": whitespace, "closing_bias_of_random_model": closing_bias, "data": MASKBENCH_FILE.name}
    settings |= {"formats_not_checked": list(unchecked_formats())}
    torch.set_num_threads(1)
    give_back_large_blocks()
    tallies = {}
    for name in [model] if model != Which.both else [Which.random, Which.builtin]:
        subject = load(name, data, seed, closing_bias)
        job = Job(subject, schemas, samples, seed, max_new_tokens, cast(Whitespace, whitespace))
        tallies[str(name)] = run(job, rows, str(name))
    record = {"benchmark": "validity", **describe(PACKAGES), "settings": settings}
    record["peak_memory_mib"] = peak_memory_mib()
    record["models"] = {name: tally.figures() for name, tally in tallies.items()}
    wide_console().print(table(record["models"]))
    if output is not None:
        output.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    if any(tally.has_failed for tally in tallies.values()):
        raise Exit(1)


def present(file: Path) -> Path:
    """The file itself. Raises `BadParameter` if it is missing."""
    if not file.exists():
        raise BadParameter(f"{file} is missing; give the data folder with --data or LATTICEWORK_DATA")
    return file


def load(name: Which, data: Path, seed: int, closing_bias: float) -> Subject:
    """One of the models; the bias is for the random one alone."""
    if name == Which.builtin:
        return builtin()
    file, end_token = (TOKENIZER_FILE, END_TOKEN) if name == Which.random else (SMALL_TOKENIZER_FILE, SMALL_END_TOKEN)
    return random_llama(present(data / file), end_token=end_token, seed=seed, closing_bias=closing_bias)


@dataclass(frozen=True, slots=True)
class Job:
    """What one model is to do."""

    subject: Subject
    schemas: int
    samples: int
    seed: int = 0
    max_new_tokens: int = 300
    whitespace: Whitespace = "compact"


def in_turn(rows: list[dict[str, Any]], seed: int) -> list[dict[str, Any]]:
    """All rows: one of each data set, then another of each, and so on; within a data set in random order."""
    by_dataset: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        by_dataset.setdefault(row["dataset"], []).append(row)
    for name, group in by_dataset.items():
        random.Random(f"{seed} {name}").shuffle(group)
    return [row for turn in zip_longest(*by_dataset.values()) for row in turn if row is not None]


def run(job: Job, rows: list[dict[str, Any]], title: str) -> Tally:
    """Outputs for the first `job.schemas` of `rows` that compile."""
    tally = Tally()
    entries = islice(compiled(job, rows, tally), job.schemas)
    with progress() as bar:
        task = bar.add_task(title, total=job.schemas)
        batch = 0
        while together := list(islice(entries, TOGETHER)):
            known = len(tally.listed)
            for output in outputs(job, together, job.seed + batch):
                tally.add(output, judged(output))
            for found in tally.listed[known:]:
                bar.console.print(json.dumps(found, ensure_ascii=False), markup=False, highlight=False, soft_wrap=True)
            batch += 1
            bar.advance(task, len(together))
        bar.update(task, total=tally.schemas.total())
    return tally


def compiled(job: Job, rows: list[dict[str, Any]], tally: Tally) -> Iterator[Entry]:
    """Those of `rows` that compile, one by one; the others are counted by the type of their error."""
    for row in rows:
        try:
            constraint = lw.json_schema(row["schema"], whitespace=job.whitespace)
            grammar = job.subject.compiler.compile(constraint)
        except lw.ConstraintError as error:
            tally.refused[type(error).__name__] += 1
        except Exception as error:  # noqa: BLE001 - whatever it is, it must be listed
            tally.exceptions[type(error).__name__] += 1
            tally.listed.append({"kind": "exception", "schema": row["id"], "message": f"compile: {error!r}"[:SHOWN]})
        else:
            tally.schemas[row["dataset"]] += 1
            yield Entry(row["id"], row["dataset"], row["schema"], constraint, grammar)


def outputs(job: Job, entries: list[Entry], seed: int) -> Iterator[Output]:
    """`job.samples` outputs for each entry: a batch of greedy ones, and a batch of drawn ones."""
    yield from _batch(job, entries, {})
    drawn = [entry for entry in entries for _ in range(job.samples - 1)]
    if drawn:
        yield from _batch(job, drawn, {"temperature": 1.0, "seed": seed})


def _batch(job: Job, entries: list[Entry], drawing: dict[str, Any]) -> list[Output]:
    """One batch. If it raises, each of its rows by itself, so that the error finds its schema."""
    rows = [(PROMPTS[index % len(PROMPTS)], entry) for index, entry in enumerate(entries)]
    made = _attempt(job, rows, drawing)
    if made[0].error and len(rows) > 1:
        apart = [output for row in rows for output in _attempt(job, [row], drawing)]
        return apart if any(output.error for output in apart) else made
    return made


def _attempt(job: Job, rows: list[tuple[str, Entry]], drawing: dict[str, Any]) -> list[Output]:
    """One call of `complete` for pairs of prompt and entry."""
    is_greedy = not drawing
    try:
        generations = lw.complete(
            job.subject.model,
            job.subject.tokenizer,
            [prompt for prompt, _ in rows],
            constraint=[entry.constraint for _, entry in rows],
            compiler=job.subject.compiler,
            max_new_tokens=job.max_new_tokens,
            finish=all(entry.grammar.distance(entry.grammar.start) <= job.max_new_tokens for _, entry in rows),
            **drawing,
        )
    except Exception as error:  # noqa: BLE001 - whatever it is, it must be listed
        return [Output(entry, is_greedy, None, f"{type(error).__name__}: {error}") for _, entry in rows]
    return [Output(entry, is_greedy, made) for (_, entry), made in zip(rows, generations, strict=True)]


def judged(output: Output) -> Verdict | None:
    """The verdict, None if there is an error instead."""
    if output.generation is None:
        return None
    return verdict(output.generation, output.entry.grammar, output.entry.schema)


def table(models: dict[str, dict[str, Any]]) -> Table:
    """One row a figure, one column a model."""
    shown = Table(title="validity of outputs", title_justify="left")
    shown.add_column("")
    for name in models:
        shown.add_column(name, justify="right")
    names = [name for name in next(iter(models.values())) if name not in ("datasets", "to_look_at")]
    for name in names:
        shown.add_row(name.replace("_", " "), *(_cell(figures[name]) for figures in models.values()))
    return shown


def _cell(value: Any) -> str:
    return ", ".join(f"{key} {part}" for key, part in value.items()) or "-" if isinstance(value, dict) else str(value)


if __name__ == "__main__":
    run_command(main)
