"""Shows a record of figures as tables, and draws the distributions behind it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from race import Result
from rich.console import Console
from rich.table import Table
from summary import first_mask

Figures: TypeAlias = dict[str, Any]

COUNTS = ("schemas", "compiled", "timeouts", "crashes", "passing", "tests", "false_rejects", "false_accepts")
TIMES = (
    ("time to first mask, ms", "first_mask_ms", ("p25", "p50", "p75", "p90", "p99", "max")),
    ("mask, us", "mask_us", ("mean", "p50", "p90", "p99", "p99.9", "max")),
    ("commit, us", "commit_us", ("mean", "p50", "p99")),
    ("mask + commit, us", "step_us", ("mean", "p50", "p99")),
    ("warm mask, us", "warm_mask_us", ("mean", "p50", "p99", "max")),
)


def show(record: Figures, console: Console) -> None:
    """The overall table, the table by data set, and the ratios."""
    console.print(overall_table(record))
    console.print(dataset_table(record))
    if record["ratios"]:
        console.print(ratio_table(record))
    disputed = len(record["label_disagrees_with_jsonschema"])
    console.print(f"{disputed} instances have a label that jsonschema contradicts; they are not counted.")


def wide_console() -> Console:
    """The terminal, or 170 columns where the output is not a terminal."""
    console = Console()
    return console if console.is_terminal else Console(width=170)


def overall_table(record: Figures) -> Table:
    """One column an engine; times are CPU time."""
    engines = record["engines"]
    table = _table("overall (CPU time)", "", *engines)
    overall = [engines[name]["overall"] for name in engines]
    for key in COUNTS:
        table.add_row(key.replace("_", " "), *(f"{figures[key]:,}" for figures in overall))
    for kind in overall[0]["refused"]:
        table.add_row(f"refused: {kind}", *(f"{figures['refused'][kind]:,}" for figures in overall))
    table.add_row("unsatisfiable, yet valid", *(str(figures["unsatisfiable_but_valid"]) for figures in overall))
    for title, key, points in TIMES:
        for point in points:
            table.add_row(f"{title}: {point}", *(_number(figures[key]["cpu"].get(point)) for figures in overall))
    return table


def dataset_table(record: Figures) -> Table:
    """One row a data set and engine."""
    columns = (
        "compiled",
        "passing",
        "false rejects",
        "false accepts",
        "first mask p50, ms",
        "mask mean, us",
        "mask p99",
    )
    table = _table("by data set (CPU time)", "data set", "engine", *columns)
    for dataset in sorted({name for engine in record["engines"].values() for name in engine["datasets"]}):
        for engine, figures in record["engines"].items():
            table.add_row(dataset, engine, *_dataset_cells(figures["datasets"][dataset]))
    return table


def _dataset_cells(figures: Figures) -> list[str]:
    counts = [f"{figures['compiled']}/{figures['schemas']}"]
    counts += [str(figures[key]) for key in ("passing", "false_rejects", "false_accepts")]
    times = [("first_mask_ms", "p50"), ("mask_us", "mean"), ("mask_us", "p99")]
    return counts + [_number(figures[key]["cpu"].get(point)) for key, point in times]


def ratio_table(record: Figures) -> Table:
    """One row a figure; CPU time and wall time."""
    points = ("mean", "p50", "p90", "p99", "p99.9", "max")
    table = _table("ratios, below 1 is faster", "", "clock", *points)
    for pair, figures in record["ratios"].items():
        for kind in ("first_mask", "mask", "warm_mask"):
            for clock in ("cpu", "wall"):
                cells = (_number(figures[clock][kind].get(point)) for point in points)
                table.add_row(f"{pair}: {kind.replace('_', ' ')}", clock, *cells)
    return table


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left")
    for column in columns:
        table.add_column(column, justify="left" if column in ("", "data set", "engine", "clock") else "right")
    return table


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


# --------------------------------------------------------------------------------------------------------------- plots


def plot(results: Sequence[Result], engines: Sequence[str], path: Path) -> None:
    """Two panels, log-log: the share of schemas (masks) that took longer than t, for each engine; CPU time.

    Raises `ImportError` if matplotlib is not installed.
    """
    pyplot: Any = import_module("matplotlib.pyplot")
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(12, 4.5))
    _exceedance(left, results, engines, _first_masks)
    left.set(title="time to first mask", xlabel="milliseconds", ylabel="share of schemas slower than this")
    _exceedance(right, results, engines, _mask_times)
    right.set(title="mask, first visit", xlabel="microseconds", ylabel="share of masks slower than this")
    for axes in (left, right):
        axes.set(xscale="log", yscale="log")
        axes.grid(alpha=0.3)
        axes.legend(loc="lower left")
    figure.tight_layout()
    figure.savefig(path, dpi=120)
    pyplot.close(figure)


def _exceedance(
    axes: Any, results: Sequence[Result], engines: Sequence[str], values: Callable[[Sequence[Result], str], Any]
) -> None:
    for engine in engines:
        ordered = np.sort(values(results, engine))
        if len(ordered):
            axes.plot(ordered, 1 - np.arange(len(ordered)) / len(ordered), label=engine, drawstyle="steps-post")


def _first_masks(results: Sequence[Result], engine: str) -> Any:
    outcomes = (result.cold[engine] for result in results)
    return np.array([first_mask(outcome, "cpu") for outcome in outcomes if outcome.status == "ok"]) / 1e6


def _mask_times(results: Sequence[Result], engine: str) -> Any:
    masks = [walk.masks.cpu for result in results for walk in result.cold[engine].walks]
    return np.concatenate(masks) / 1e3 if masks else np.zeros(0)
