"""Decoding: forward passes and time for each token of an output, with and without a constraint, drafts, and peers.

    python benchmarks/decoding.py --schemas 40 --output benchmarks/records/today-decoding.json --plot today-decoding.png
    python benchmarks/decoding.py --model random-8b --device cuda --batches 1,16,64     # needs a GPU

MaskBench's schemas (a seeded sample of those that every engine compiles and that fit the budget) are written by the
built-in model, or by a random-weight model of 8B shape in bfloat16. The ways are taken in turn for each schema:

- `free`: transformers' own `generate` without a constraint, for as many tokens as `plain` has written;
- `plain`: our loop without drafts; `forced`, `canonical`, `counts`, `copy`, `recycle`, `all`: with these drafts;
- `hf-NAME`: transformers' `generate` with a logits processor that asks engine NAME for the mask of each row.

Each way of ours starts with a grammar of its own and meets every schema twice: the first request has another prompt
(`first request` are its passes), so that the second, which is timed, finds masks warm and what drafters have learned.
Greedy outputs of `plain` and of all drafts (but `canonical`) are compared: they must be equal. Ends with code 1 if not.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from time import perf_counter
from typing import Annotated, Any

import torch
from corpus import END_TOKEN, MASKBENCH_FILE, TOKENIZER_FILE, choose, read_rows
from engines import ENGINES, Refusal, load_tokenizer
from machine import describe
from maskbench import DATA
from report import wide_console
from rich.console import Console
from rich.progress import track
from rich.table import Table
from subjects import Subject, builtin, make_subject
from transformers import LlamaConfig, LlamaForCausalLM, LogitsProcessor
from typer import BadParameter, Exit, Option
from typer import run as run_command

import latticework as lw
from latticework.decoding import apply_token_bitmask_

PACKAGES = ("latticework", "torch", "transformers", "llguidance", "xgrammar")
PROMPTS = (
    "Anna Schmidt is 34 years old and lives in Berlin.\nJSON: ",
    "The order 1207 of Tom Baker, tom@example.com, costs 99.5 and is paid.\nJSON: ",
    "JSON: ",
)
OTHER_PROMPT = "The blue bicycle of Maria Lopez was sold on 3 May 2021 for 250 euros in Lyon.\nJSON: "
OURS: dict[str, dict[str, Any]] = {
    "plain": {"drafts": None},
    "forced": {"drafts": "forced"},
    "canonical": {"drafts": None, "canonical": True},
    "counts": {"drafts": "counts"},
    "copy": {"drafts": "copy"},
    "recycle": {"drafts": "recycle"},
    "all": {"drafts": "all"},
}


@dataclass(slots=True)
class Way:
    """What one way of decoding took, over all schemas."""

    tokens: int = 0  # of all rows
    first_tokens: int = 0  # of the first requests
    first_passes: int = 0
    passes: int = 0  # of the model, of all rows
    drafted: int = 0
    accepted: int = 0
    seconds: list[float] = field(default_factory=list)  # of each schema, for each token
    parts: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Case:
    """A schema, and how every engine that takes part begins a text of it."""

    id: str
    schema: Any
    constraint: lw.Constraint


def main(
    data: Annotated[Path, Option(envvar="LATTICEWORK_DATA", help="Folder with maskbench and tokenizers.")] = DATA,
    model: Annotated[str, Option(help="builtin, or random-8b.")] = "builtin",
    device: Annotated[str, Option(help="cpu or cuda.")] = "cpu",
    batches: Annotated[str, Option(help="Comma-separated sizes of the batch.")] = "1,8",
    schemas: Annotated[int, Option(help="How many schemas.")] = 40,
    tokens: Annotated[int, Option(help="The budget of an output.")] = 96,
    ways: Annotated[str, Option(help="Comma-separated; by default all.")] = "",
    peers: Annotated[str, Option(help="Engines under transformers' generate.")] = "latticework,llguidance,xgrammar",
    seed: Annotated[int, Option(help="Of the sample of schemas.")] = 0,
    output: Annotated[Path | None, Option(help="Write the figures as JSON.")] = None,
    plot: Annotated[Path | None, Option(help="Draw the figures as PNG.")] = None,
) -> None:
    """Forward passes and time for each token."""
    subject = _subject(model, data, device)
    rows = choose(read_rows(data / MASKBENCH_FILE), sample=12 * schemas, seed=seed)
    names = [name for name in peers.split(",") if name]
    engines = {name: ENGINES[name](subject.tokenizer) for name in names}
    cases = _cases(rows, subject, engines, schemas, tokens)
    wanted = ways.split(",") if ways else ["free", *OURS, *(f"hf-{name}" for name in names)]
    figures: dict[str, Any] = {}
    for batch in map(int, batches.split(",")):
        figures[str(batch)] = _run(cases, subject, engines, wanted, batch, tokens)
    record = describe(PACKAGES) | {
        "settings": {"model": model, "device": device, "schemas": len(cases), "tokens": tokens, "seed": seed},
        "batches": figures,
    }
    _show(record)
    if output is not None:
        output.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    if plot is not None:
        _plot(record, plot)
    if any(batch["different"] for batch in figures.values()):
        raise Exit(1)


def _subject(name: str, data: Path, device: str) -> Subject:
    if name == "builtin":
        return builtin()
    if name != "random-8b":
        raise BadParameter(f"--model: builtin or random-8b expected, not {name}")
    tokenizer = load_tokenizer(str(data / TOKENIZER_FILE), END_TOKEN)
    config = LlamaConfig(
        vocab_size=128_256,
        hidden_size=4096,
        intermediate_size=14_336,
        num_hidden_layers=32,
        num_attention_heads=32,
        num_key_value_heads=8,
        max_position_embeddings=8192,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.eos_token_id,
    )
    with torch.device(device):
        torch.manual_seed(0)
        model: Any = LlamaForCausalLM(config).to(torch.bfloat16)
    return make_subject(model.eval(), tokenizer)


def _cases(
    rows: list[dict[str, Any]], subject: Subject, engines: dict[str, Any], count: int, tokens: int
) -> list[Case]:
    """The first schemas that every engine compiles, and whose shortest text takes between 8 and half of the tokens."""
    cases: list[Case] = []
    for row in rows:
        constraint = lw.json_schema(row["schema"], whitespace="compact")
        try:
            grammar = subject.compiler.compile(constraint)
            least = grammar.distance(grammar.start)
        except lw.ConstraintError:
            continue
        if not 8 <= least <= tokens // 2:
            continue
        if any(isinstance(engine.compile(row["schema"]), Refusal) for engine in engines.values()):
            continue
        cases.append(Case(row["id"], row["schema"], constraint))
        if len(cases) == count:
            break
    return cases


# --------------------------------------------------------------------------------------------------------- the ways


def _run(
    cases: Sequence[Case], subject: Subject, engines: dict[str, Any], wanted: Sequence[str], batch: int, tokens: int
) -> dict[str, Any]:
    ways = {name: Way() for name in wanted}
    different: list[str] = []
    prompts = [PROMPTS[index % len(PROMPTS)] for index in range(batch)]
    for case in track(cases, f"batch {batch}", console=Console(stderr=True)):
        written = _ours(case, subject, prompts, tokens, Way(), OURS["plain"])
        longest = max(map(len, written))
        for name, way in ways.items():
            if name in OURS:
                own = Subject(subject.model, subject.tokenizer, lw.Compiler(subject.compiler.vocabulary))
                first = Way()
                _ours(case, own, [OTHER_PROMPT] * batch, tokens, first, OURS[name])
                way.first_tokens, way.first_passes = way.first_tokens + first.tokens, way.first_passes + first.passes
                found = _ours(case, own, prompts, tokens, way, OURS[name])
                if name != "canonical" and found != written:
                    different.append(f"{case.id}: {name}")
            elif name == "free":
                _transformers(subject, prompts, longest, way, None)
            else:
                engine = engines[name.removeprefix("hf-")]
                _transformers(subject, prompts, tokens, way, EngineProcessor(engine, case.schema, batch, subject))
    return {
        "ways": {name: _figures(way, ways) for name, way in ways.items()},
        "overhead": _overhead(cases, subject, batch, tokens),
        "different": different,
    }


def _ours(
    case: Case, subject: Subject, prompts: list[str], tokens: int, way: Way, options: dict[str, Any]
) -> list[tuple[int, ...]]:
    began = perf_counter()
    found = lw.complete(
        subject.model,
        subject.tokenizer,
        prompts,
        constraint=case.constraint,
        compiler=subject.compiler,
        max_new_tokens=tokens,
        **options,
    )
    _synchronise(subject)
    seconds = perf_counter() - began
    count = sum(len(generation.token_ids) for generation in found)
    way.tokens += count
    way.seconds.append(seconds * len(found) / count)
    for generation in found:
        way.passes += generation.report.forward_passes
        way.drafted += generation.report.drafted
        way.accepted += generation.report.accepted
    longest = max(found, key=lambda generation: generation.report.forward_passes).report
    for part, spent in longest.seconds.items():
        way.parts[part] = way.parts.get(part, 0.0) + spent
    return [generation.token_ids for generation in found]


def _transformers(
    subject: Subject, prompts: list[str], tokens: int, way: Way, processor: EngineProcessor | None
) -> None:
    """As users run it; every token of a row until its end takes a pass."""
    encoded = subject.tokenizer(prompts, return_tensors="pt", padding=True, padding_side="left")
    encoded = {name: encoded[name].to(subject.model.device) for name in ("input_ids", "attention_mask")}
    options: dict[str, Any] = {"do_sample": False, "max_new_tokens": tokens, "pad_token_id": 0}
    if processor is None:
        options["min_new_tokens"] = tokens
    else:
        options["logits_processor"] = [processor]
    began = perf_counter()
    with torch.inference_mode():
        found = subject.model.generate(**encoded, **options)[:, encoded["input_ids"].shape[1] :].tolist()
    _synchronise(subject)
    seconds = perf_counter() - began
    end = subject.tokenizer.eos_token_id
    lengths = [row.index(end) + 1 if end in row else len(row) for row in found]
    way.tokens += sum(lengths)
    way.passes += sum(lengths)
    way.seconds.append(seconds * len(prompts) / sum(lengths))


class EngineProcessor(LogitsProcessor):
    """Any engine of `engines.py` as a logits processor: a session for each row, moved on by the newest token."""

    def __init__(self, engine: Any, schema: Any, batch: int, subject: Subject) -> None:
        self._sessions = [engine.compile(schema) for _ in range(batch)]
        self._ends = set(subject.compiler.vocabulary.eos_token_ids)
        self._done = [False] * batch
        self._is_first = True
        for session in self._sessions:
            session.reset()

    def __call__(self, input_ids: torch.LongTensor, scores: torch.FloatTensor) -> torch.FloatTensor:
        """-inf for what the engine's mask forbids; rows that have ended are left alone."""
        newest = [] if self._is_first else input_ids[:, -1].tolist()
        self._is_first = False
        for row, token_id in enumerate(newest):
            self._done[row] = self._done[row] or token_id in self._ends
            if not self._done[row]:
                self._sessions[row].commit(token_id)
        rows = [row for row, done in enumerate(self._done) if not done]
        masks = []
        for row in rows:
            self._sessions[row].compute_mask()
            masks.append(torch.as_tensor(self._sessions[row].bitmask).reshape(1, -1).clone())
        if rows:
            width = -(-scores.shape[1] // 32)
            apply_token_bitmask_(scores, torch.cat(masks)[:, :width].to(scores.device), rows=rows)
        return scores


def _synchronise(subject: Subject) -> None:
    if subject.model.device.type == "cuda":
        torch.cuda.synchronize()


def _overhead(cases: Sequence[Case], subject: Subject, batch: int, tokens: int) -> dict[str, float]:
    """What a constraint costs a step of the whole batch, apart from everything else: medians in microseconds.

    Mask, application and advance of all rows along the outputs, once they are known, against one pass of the model
    for one token of each row with as long a cache.
    """
    steps = []
    for case in cases:
        prompts = [PROMPTS[index % len(PROMPTS)] for index in range(batch)]
        written = _ours(case, subject, prompts, tokens, Way(), OURS["plain"])
        grammar = subject.compiler.compile(case.constraint)
        matchers = [lw.Matcher(grammar) for _ in written]
        bitmask = torch.zeros((batch, grammar.vocabulary.bitmask_words), dtype=torch.int32)
        logits = torch.zeros((batch, subject.model.config.vocab_size), device=subject.model.device)
        for column in zip(*written, strict=False):
            began = perf_counter()
            grammar.fill_bitmask([matcher.state for matcher in matchers], bitmask)
            apply_token_bitmask_(logits, bitmask.to(logits.device))
            for matcher, token_id in zip(matchers, column, strict=True):
                matcher.accept_token(token_id)
            steps.append(perf_counter() - began)
    step = statistics.median(steps)
    forward = _forward_seconds(subject, batch)
    return {"constraint_us": step * 1e6, "forward_us": forward * 1e6, "share": step / forward}


@torch.inference_mode()
def _forward_seconds(subject: Subject, batch: int) -> float:
    ids = torch.ones((batch, 64), dtype=torch.int64, device=subject.model.device)
    cache = subject.model(ids, use_cache=True).past_key_values
    times = []
    for _ in range(30):
        _synchronise(subject)
        began = perf_counter()
        subject.model(ids[:, :1], past_key_values=cache, use_cache=True)
        _synchronise(subject)
        times.append(perf_counter() - began)
    return statistics.median(times)


# -------------------------------------------------------------------------------------------------------- the figures


def _figures(way: Way, ways: dict[str, Way]) -> dict[str, Any]:
    figures = {
        "tokens": way.tokens,
        "passes_per_token": way.passes / way.tokens,
        "first_request_passes_per_token": way.first_passes / way.first_tokens if way.first_tokens else None,
        "us_per_token": statistics.median(way.seconds) * 1e6,
        "drafted_per_token": way.drafted / way.tokens,
        "accepted_per_draft": way.accepted / way.drafted if way.drafted else None,
        "seconds": {part: round(spent, 3) for part, spent in way.parts.items()},
    }
    for other in ("free", "plain"):
        if other in ways:
            pairs = zip(way.seconds, ways[other].seconds, strict=True)
            figures[f"time_against_{other}"] = statistics.median(own / base for own, base in pairs)
    return figures


def _show(record: dict[str, Any]) -> None:
    console = wide_console()
    for batch, figures in record["batches"].items():
        table = Table(title=f"batch {batch}: {record['settings']['model']}", title_justify="left")
        columns = (
            "passes/token",
            "first request",
            "us/token",
            "time v. free",
            "time v. plain",
            "drafted/token",
            "accepted/draft",
        )
        for name in ("", *columns):
            table.add_column(name, justify="left" if not name else "right")
        keys = ("passes_per_token", "first_request_passes_per_token", "us_per_token", "time_against_free")
        for name, way in figures["ways"].items():
            cells = [way.get(key) for key in (*keys, "time_against_plain", "drafted_per_token", "accepted_per_draft")]
            table.add_row(name, *("-" if cell is None else f"{cell:.3g}" for cell in cells))
        console.print(table)
        overhead = figures["overhead"]
        console.print(
            f"a step's mask, application and advance: {overhead['constraint_us']:.1f} us, "
            f"{overhead['share']:.1%} of the model's {overhead['forward_us']:.0f} us"
        )
        for name in figures["different"]:
            console.print(f"[red]different output: {name}")


def _plot(record: dict[str, Any], path: Path) -> None:
    """Bars of passes and of time for each token. Raises `ImportError` if matplotlib is not installed."""
    pyplot: Any = import_module("matplotlib.pyplot")
    batches = record["batches"]
    figure, axes = pyplot.subplots(len(batches), 2, figsize=(12, 3.2 * len(batches)), squeeze=False)
    panels: tuple[tuple[str, Callable[[dict[str, Any]], float]], ...] = (
        ("forward passes per token", lambda way: way["passes_per_token"]),
        ("microseconds per token", lambda way: way["us_per_token"]),
    )
    for line, (batch, figures) in zip(axes, batches.items(), strict=True):
        for panel, (title, value) in zip(line, panels, strict=True):
            names = list(figures["ways"])
            panel.barh(names, [value(figures["ways"][name]) for name in names])
            panel.set(title=f"{title}, batch {batch}")
            panel.invert_yaxis()
    figure.tight_layout()
    figure.savefig(path, dpi=120)
    pyplot.close(figure)


if __name__ == "__main__":
    run_command(main)
