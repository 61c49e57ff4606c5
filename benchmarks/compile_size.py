"""Size benchmark: time and memory to compile large schemas, and what becomes of hostile ones.

    python benchmarks/compile_size.py --output benchmarks/records/today-compile-size.json

Compiling means what a server does with a schema it has not seen: `Compiler(vocabulary).compile(json_schema(schema))`,
the vocabulary being loaded. Each schema has a process of its own, forked from one that has compiled nothing, so that the
first compilation finds no warm tables (it is cold), and memory is counted from there. Times are CPU time.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from corpus import END_TOKEN, TOKENIZER_FILE
from hostile_schemas import HOSTILE
from large_schemas import LARGE
from machine import describe, peak_memory_mib
from maskbench import DATA
from report import wide_console
from rich.markup import escape
from rich.table import Table
from summary import Figures
from tokenizers import Tokenizer
from typer import BadParameter, Option
from typer import run as run_command

import latticework as lw

LIMIT_MS = {"large": 100.0, "hostile": 2000.0}
MEMORY_MIB = 500.0


def main(
    data: Annotated[Path, Option(envvar="LATTICEWORK_DATA", help="Folder with tokenizers/.")] = DATA,
    only: Annotated[str, Option(help="Schemas with this text in their name; all if empty.")] = "",
    repeats: Annotated[int, Option(min=1, help="Compilations of each large schema, the first of them cold.")] = 3,
    timeout: Annotated[float, Option(help="Seconds for one schema.")] = 60.0,
    output: Annotated[Path | None, Option(help="Write the figures as JSON.")] = None,
) -> None:
    """Compile every schema and print two tables; a figure beyond its limit is marked."""
    if not (data / TOKENIZER_FILE).exists():
        raise BadParameter(f"{data / TOKENIZER_FILE} is missing; give the data folder with --data or LATTICEWORK_DATA")
    tokenizer = Tokenizer.from_file(str(data / TOKENIZER_FILE))
    vocabulary = lw.Vocabulary.from_tokenizers(tokenizer, [END_TOKEN])
    large = {
        name: _apart(lambda make=make: _large(*make(), tokenizer, vocabulary, repeats), timeout)
        for name, make in LARGE.items()
        if only in name
    }
    hostile = {
        name: _apart(lambda make=make: _hostile(make(), vocabulary), timeout)
        for name, make in HOSTILE.items()
        if only in name
    }
    for shown in (_large_table(large), _hostile_table(hostile)):
        wide_console().print(shown)
    if output is not None:
        record = {"benchmark": "compile size", **describe(["latticework", "jsonschema-rs", "tokenizers"])}
        settings = {"repeats": repeats, "limits": "default", "time": "cpu"}
        record |= {"settings": settings, "large": large, "hostile": hostile}
        output.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


# ----------------------------------------------------------------------------------------------------------- measuring


def _apart(measure: Callable[[], Figures], timeout: float) -> Figures:
    """What `measure` finds in a forked process, and how much memory that process took."""
    context = get_context("fork")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_measured, args=(measure, theirs))
    process.start()
    theirs.close()
    try:
        found: Figures = ours.recv() if ours.poll(timeout) else {"outcome": f"longer than {timeout:g} s"}
    except EOFError:
        found = {"outcome": "crash"}
    process.kill()
    process.join()
    return found


def _measured(measure: Callable[[], Figures], to: Connection) -> None:
    before = peak_memory_mib()
    found = measure()
    to.send(found | {"memory_mib": round(peak_memory_mib() - before, 1)})


def _large(schema: Any, instance: Any, tokenizer: Tokenizer, vocabulary: lw.Vocabulary, repeats: int) -> Figures:
    times: list[float] = []
    found: Figures = {"schema_kb": round(len(json.dumps(schema)) / 1e3, 1)}
    for _ in range(repeats):
        began = time.process_time()
        try:
            grammar = lw.Compiler(vocabulary).compile(lw.json_schema(schema))
        except lw.ConstraintError as error:
            return found | {"outcome": _named(error), "compile_ms": _ms(began)}
        times.append(_ms(began))
    found |= {"outcome": "compiled", "compile_ms": min(times), "cold_ms": times[0]}
    tokens = tokenizer.encode(json.dumps(instance), add_special_tokens=False).ids
    return found | _walk(grammar, tokens)


def _walk(grammar: lw.CompiledGrammar, tokens: list[int]) -> Figures:
    """Mask and step along a text that the schema accepts."""
    matcher = lw.Matcher(grammar)
    row = np.zeros((1, grammar.vocabulary.bitmask_words), dtype=np.int32)
    masks: list[float] = []
    found: Figures = {"tokens": len(tokens)}
    try:
        for token in tokens:
            began = time.process_time()
            matcher.fill_bitmask(row, 0)
            masks.append(_ms(began))
            matcher.accept_token(token)
        found["accepted"] = matcher.is_accepting
    except lw.ConstraintError as error:
        found |= {"accepted": False, "stopped": f"token {len(masks)}: {_named(error)}"}
    found |= {"first_mask_ms": masks[0], "max_mask_ms": max(masks), "masks_ms": round(sum(masks), 3)}
    return found | {"state_mib": round(grammar.statistics()["state_bytes"] / 2**20, 1)}


def _hostile(schema: Any, vocabulary: lw.Vocabulary) -> Figures:
    began = time.process_time()
    try:
        grammar = lw.Compiler(vocabulary).compile(lw.json_schema(schema))
    except lw.ConstraintError as error:
        return {"outcome": _named(error), "message": str(error).split("\n")[0][:200], "compile_ms": _ms(began)}
    found: Figures = {"outcome": "compiled", "compile_ms": _ms(began)}
    began = time.process_time()
    try:
        lw.Matcher(grammar).fill_bitmask(np.zeros((1, vocabulary.bitmask_words), dtype=np.int32), 0)
    except lw.ConstraintError as error:
        found["outcome"] = f"compiled; the mask: {_named(error)}"
    return found | {"first_mask_ms": _ms(began)}


def _named(error: lw.ConstraintError) -> str:
    return f"LimitError({error.limit})" if isinstance(error, lw.LimitError) else type(error).__name__


def _ms(began: float) -> float:
    return round((time.process_time() - began) * 1e3, 3)


# ------------------------------------------------------------------------------------------------------------- showing


def _large_table(found: dict[str, Figures]) -> Table:
    shown = Table(title="large schemas; times in ms, memory in MiB", title_justify="left")
    for column in ("schema", "kB", "compile", "cold", "first mask", "max mask", "tokens", "memory", "outcome"):
        shown.add_column(column, justify="left" if column in ("schema", "outcome") else "right")
    for name, figures in found.items():
        cells = [_cell(figures, key) for key in ("schema_kb", "compile_ms", "cold_ms", "first_mask_ms", "max_mask_ms")]
        cells += [str(figures.get("tokens", "-")), _cell(figures, "memory_mib")]
        outcome = figures.get(
            "stopped", figures["outcome"] if figures.get("accepted", True) else "rejects its instance"
        )
        shown.add_row(escape(name), *cells, outcome + _marks(figures, "large"))
    return shown


def _hostile_table(found: dict[str, Figures]) -> Table:
    shown = Table(title="hostile schemas; times in ms, memory in MiB", title_justify="left")
    for column in ("schema", "compile", "first mask", "memory", "outcome"):
        shown.add_column(column, justify="left" if column in ("schema", "outcome") else "right")
    for name, figures in found.items():
        cells = [_cell(figures, key) for key in ("compile_ms", "first_mask_ms", "memory_mib")]
        shown.add_row(escape(name), *cells, figures["outcome"] + _marks(figures, "hostile"))
    return shown


def _cell(figures: Figures, key: str) -> str:
    return f"{figures[key]:.4g}" if key in figures else "-"


def _marks(figures: Figures, kind: str) -> str:
    marks = []
    if figures.get("compile_ms", float("inf")) > LIMIT_MS[kind]:
        marks.append("SLOW")
    if figures.get("memory_mib", float("inf")) > MEMORY_MIB:
        marks.append("LARGE")
    return "".join(f" [bold]{mark}[/bold]" for mark in marks)


if __name__ == "__main__":
    run_command(main)
