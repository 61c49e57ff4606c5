"""Micro benchmark: mask, law and draw of one step in separate torch operations, and in one pass over the logits.

    python benchmarks/step_kernels.py --output benchmarks/records/today-step-kernels.json

Three ways to a step are timed, for logits of each dtype and batch: "separate" is what a loop does with torch alone
(log-softmax, mask, softmax, inversion, figures), "fused" is `draw_allowed`, and "mask" only puts -inf into the logits. A
wide mask allows three tokens of four, as inside a string; a narrow one allows 64.

On a CUDA device the logits of consecutive steps lie in different memory, together larger than its cache, and each time
is compared with the least time in which that memory could be read (for "mask": written where it is forbidden), at
the bandwidth that a copy on the same device reaches. On a CPU "fused" is the path in torch operations.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Iterator
from itertools import cycle, islice
from pathlib import Path
from time import perf_counter
from typing import Annotated, Any, NamedTuple

import torch
from machine import describe
from report import wide_console
from rich.table import Table
from torch import Tensor
from typer import Option
from typer import run as run_command

from latticework.decoding import Sampling, draw, probabilities
from latticework.decoding.bitmask import apply_mask_rows_
from latticework.decoding.fused_sampling import draw_allowed

PACKAGES = ("latticework", "torch", "triton")
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
STATES = 64  # different masks
NARROW = 64  # tokens that a narrow mask allows
APART = 256 << 20  # bytes of logits before the first are used again: more than a GPU caches


class Step(NamedTuple):
    """What one step is given: logits [B, V], a table of masks, row numbers, uniform numbers, a temperature."""

    logits: Tensor
    table: Tensor
    numbers: Tensor
    uniform: Tensor
    temperature: float


def main(
    device: Annotated[str, Option(help="cpu or cuda; by default cuda where there is one.")] = "",
    vocabulary: Annotated[int, Option(help="How many logits a row has.")] = 128_256,
    batches: Annotated[str, Option(help="Comma-separated.")] = "1,16,64,256",
    dtypes: Annotated[str, Option(help="Comma-separated.")] = "float32,bfloat16",
    repeats: Annotated[int, Option(help="Timed steps; the median counts.")] = 50,
    output: Annotated[Path | None, Option(help="Write the figures as JSON.")] = None,
) -> None:
    """Time the steps and print a table, in microseconds."""
    torch.manual_seed(0)
    where = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    record: dict[str, Any] = {"benchmark": "kernels", **describe(PACKAGES), "device": name_of(where)}
    record["settings"] = {"vocabulary": vocabulary, "repeats": repeats, "threads": torch.get_num_threads()}
    bandwidth = measured_bandwidth(where, repeats) if where.type == "cuda" else None
    record["copy_gb_per_s"] = bandwidth and round(bandwidth / 1e9, 1)
    record["steps"] = [
        figures(steps(where, int(batch), vocabulary, dtype, kind, temperature), dtype, kind, repeats, bandwidth)
        for batch in batches.split(",")
        for dtype in dtypes.split(",")
        for kind in ("wide", "narrow")
        for temperature in (0.0, 1.0, 0.7)
    ]
    wide_console().print(table_of(record["steps"]))
    if output is not None:
        output.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def name_of(device: torch.device) -> str:
    """The accelerator's own name, or "cpu"."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"


def steps(device: torch.device, batch: int, vocabulary: int, dtype: str, kind: str, temperature: float) -> list[Step]:
    """Steps that differ in nothing but the memory that their logits lie in; one on a CPU."""
    logits = (torch.randn(batch, vocabulary) * 3).to(device, DTYPES[dtype])
    table, numbers = masks(vocabulary, kind).to(device), torch.randint(STATES, (batch,)).to(device)
    uniform = torch.rand(batch, dtype=torch.float64).to(device)
    copies = 1 if device.type == "cpu" else APART // logits.nbytes + 2
    return [Step(logits.clone(), table, numbers, uniform, temperature) for _ in range(copies)]


def masks(vocabulary: int, kind: str) -> Tensor:
    """int32[STATES, words]."""
    allowed = torch.zeros(STATES, -(-vocabulary // 32) * 32, dtype=torch.bool)
    if kind == "narrow":
        allowed.scatter_(1, torch.randint(vocabulary, (STATES, NARROW)), 1)
    else:
        allowed[:, :vocabulary] = torch.rand(STATES, vocabulary) < 0.75
    words = allowed.view(STATES, -1, 32).long() << torch.arange(32)
    return words.sum(dim=-1).to(torch.int32)  # the highest bit wraps to the sign


def separate(step: Step) -> Tensor:
    """A step of a loop with torch alone; the logits stay."""
    free = step.logits.float().log_softmax(dim=-1)
    apply_mask_rows_(free, step.table, step.numbers)
    if step.temperature == 0:
        tokens = free.argmax(dim=-1, keepdim=True)
    else:
        tokens = draw(probabilities(free, Sampling(step.temperature)), step.uniform)[:, None]
    return torch.cat([tokens, free.gather(-1, tokens), free.logsumexp(dim=-1, keepdim=True)], dim=-1)


def fused(step: Step) -> Any:
    """The same in one pass."""
    uniform = None if step.temperature == 0 else step.uniform
    return draw_allowed(step.logits, step.table, step.numbers, temperature=step.temperature, uniform=uniform)


def mask(step: Step) -> None:
    """-inf into the logits. What is -inf already is written again."""
    apply_mask_rows_(step.logits, step.table, step.numbers)


def figures(given: list[Step], dtype: str, kind: str, repeats: int, bandwidth: float | None) -> dict[str, Any]:
    """Microseconds of each way, and how many times the bound that is."""
    step = given[0]
    right = separate(step)[:, 0].long()
    found: dict[str, Any] = {"batch": len(step.logits), "dtype": dtype, "mask": kind, "temperature": step.temperature}
    found["same_tokens"] = int((fused(step).tokens == right).sum())
    ways: dict[str, Callable[[Step], object]] = {"separate": separate, "fused": fused, "mask": mask}
    turns = cycle(given)  # goes on from way to way, so that none finds what the one before has read
    for name, way in ways.items():  # the mask comes last, since it writes
        found[f"{name}_us"] = round(timed(way, turns, repeats) * 1e6, 2)
    if bandwidth is not None:
        bits = step.logits.shape[0] * step.table.shape[1] * step.table.element_size()
        mask(step)
        share = (step.logits[0] == -torch.inf).float().mean().item()  # of the logits that a mask writes
        found["fused_of_bound"] = round(found["fused_us"] / ((step.logits.nbytes + bits) / bandwidth * 1e6), 2)
        found["mask_of_bound"] = round(found["mask_us"] / ((step.logits.nbytes * share + bits) / bandwidth * 1e6), 2)
    return found


def timed(way: Callable[[Step], object], turns: Iterator[Step], repeats: int) -> float:
    """The median of seconds, after three rounds that do not count."""
    found = []
    for step in islice(turns, repeats + 3):
        clock = _on_device if step.logits.device.type == "cuda" else _on_host
        found.append(clock(way, step))
    return statistics.median(found[3:])


def _on_host(way: Callable[[Step], object], step: Step) -> float:
    began = perf_counter()
    way(step)
    return perf_counter() - began


def _on_device(way: Callable[[Step], object], step: Step) -> float:
    """Between two events, with work ahead of them that covers the launches."""
    begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    torch.cuda._sleep(2_000_000)  # noqa: SLF001 - cycles; torch has no public way to keep a device busy
    begin.record()
    way(step)
    end.record()
    end.synchronize()
    return begin.elapsed_time(end) / 1e3


def measured_bandwidth(device: torch.device, repeats: int) -> float:
    """Bytes a second, read and written, of a copy of one GiB."""
    source = torch.zeros(1 << 28, dtype=torch.float32, device=device)
    target = torch.empty_like(source)
    step = Step(source, source, source, source, 0.0)
    return 2 * source.nbytes / timed(lambda _: target.copy_(source), cycle([step]), repeats)


def table_of(found: list[dict[str, Any]]) -> Table:
    """One row for each step."""
    shown = Table(title="microseconds of one step", title_justify="left")
    for column in found[0]:
        shown.add_column(column, justify="right")
    for row in found:
        shown.add_row(*(str(value) for value in row.values()))
    return shown


if __name__ == "__main__":
    run_command(main)
