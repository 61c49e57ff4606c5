"""Tool calls: models with random weights write messages in every style; every call must be read back and be valid.

    python benchmarks/tool_calls.py --outputs 500 --output benchmarks/records/DATE-tool-calls.json

For each style, outputs are drawn at temperature 1 in turn with calls required, left to the model, and (where the style
has a place for text) required behind free text. The model leans towards beginning a call, or it never would. Of each
finished message: `parse` reads it, `jsonschema` takes the arguments of every call, the text is what stands before the
first trigger, and at each of its tokens the mask forbade nothing but what would complete a trigger. Ends with code 1 if
any of this fails, an unfinished message is no possible beginning, or there was an exception.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import cycle, islice, pairwise
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import torch
from machine import describe, give_back_large_blocks, peak_memory_mib
from maskbench import DATA, progress
from report import wide_console
from rich.table import Table
from subjects import Subject, random_llama
from typer import Exit, Option
from typer import run as run_command
from validity import SMALL_END_TOKEN, SMALL_TOKENIZER_FILE, present
from verdicts import validate

import latticework as lw
from latticework.grammar.tool_formats import ToolFormat, styles, tool_format

PACKAGES = ("latticework", "jsonschema", "jsonschema-rs", "transformers", "torch", "tokenizers")
PROMPT = "What is the weather in Zürich, and who wrote order 1207?\n"
SHOWN = 2000  # characters of a failing output
COMPARED = 60  # tokens of free text whose masks are compared

Mode = Literal["required", "auto", "after text"]

SCHEMAS: dict[str, dict[str, Any]] = {
    "get_weather": {
        "type": "object",
        "properties": {
            "city": {"type": "string", "minLength": 1, "maxLength": 30},
            "unit": {"enum": ["celsius", "</tool_call>", "fahrenheit"]},
            "days": {"type": "integer", "minimum": 1, "maximum": 14},
        },
        "required": ["city"],
        "additionalProperties": False,
    },
    "get": {"type": "object", "properties": {"at": {"type": "string", "format": "date"}}, "maxProperties": 1},
    "get_order": {
        "type": "object",
        "properties": {"id": {"type": "integer", "minimum": 0, "maximum": 9999}, "lines": {"$ref": "#/$defs/lines"}},
        "required": ["id", "lines"],
        "additionalProperties": False,
        "$defs": {"lines": {"type": "array", "items": {"$ref": "#/$defs/line"}, "minItems": 1, "maxItems": 3},
                  "line": {"anyOf": [{"type": "string", "pattern": "^[A-Z]{2}-[0-9]{3}$"}, {"type": "null"}]}},
    },
    "tree": {
        "type": "object",
        "properties": {"kids": {"type": "array", "maxItems": 2, "items": {"$ref": "#"}}, "leaf": {"type": "boolean"}},
        "required": ["leaf"],
        "additionalProperties": False,
    },
    "now": {"type": "object", "additionalProperties": False},
}  # fmt: skip


def schemas_for(form: ToolFormat) -> dict[str, dict[str, Any]]:
    """`SCHEMAS` without the listed strings that the format cannot write."""
    schemas: dict[str, dict[str, Any]] = json.loads(json.dumps(SCHEMAS))
    unit = schemas["get_weather"]["properties"]["unit"]
    unit["enum"] = [text for text in unit["enum"] if text not in form.reserved]
    return schemas


@dataclass(slots=True)
class Tally:
    """Counts of one style, and everything to look at."""

    counts: Counter[str] = field(default_factory=Counter)
    listed: list[dict[str, Any]] = field(default_factory=list)

    def fail(self, kind: str, mode: Mode, message: str, text: str = "") -> None:
        """One output that is not what was promised."""
        self.counts["failures"] += 1
        self.listed.append({"kind": kind, "mode": mode, "message": message[:SHOWN], "text": text[:SHOWN]})

    def figures(self) -> dict[str, Any]:
        """The counts as JSON values."""
        names = ("outputs", "finished", "with_calls", "text_only", "text_before_calls", "calls", "valid_calls")
        names += ("unfinished_but_viable", "tokens", "text_masks_compared", "failures")
        return {**{name: self.counts[name] for name in names}, "to_look_at": self.listed}


@dataclass(frozen=True, slots=True)
class Job:
    """What is asked of a model in one style."""

    subject: Subject
    form: ToolFormat
    schemas: dict[str, dict[str, Any]]
    any_text: lw.CompiledGrammar
    constraints: dict[Mode, lw.Constraint]
    max_new_tokens: int

    def grammar(self, mode: Mode) -> lw.CompiledGrammar:
        """The automaton of one constraint."""
        return self.subject.compiler.compile(self.constraints[mode])


def main(
    data: Annotated[Path, Option(envvar="LATTICEWORK_DATA", help="Folder with tokenizers/.")] = DATA,
    outputs: Annotated[int, Option(min=1, help="For each style.")] = 500,
    style: Annotated[list[str] | None, Option(help="Only this style; may be given several times.")] = None,
    together: Annotated[int, Option(min=1, help="Outputs in one batch.")] = 50,
    seed: Annotated[int, Option(help="Of the random weights and the sampling.")] = 0,
    max_new_tokens: Annotated[int, Option(min=1, help="Of each output.")] = 250,
    closing_bias: Annotated[float, Option(help="Added to the logits of tokens with a quote, ] or }.")] = 6.0,
    leaning: Annotated[
        float, Option(help="Added to the logits of what begins a call; a third of it, to those of the end.")
    ] = 9.0,
    output: Annotated[Path | None, Option(help="Write the counts, and what went wrong, as JSON.")] = None,
) -> None:
    """Generate messages with calls of tools, and read and validate what comes out."""
    torch.set_num_threads(1)
    give_back_large_blocks()
    file = present(data / SMALL_TOKENIZER_FILE)
    subject = random_llama(file, end_token=SMALL_END_TOKEN, seed=seed, closing_bias=closing_bias)
    names = sorted(style or styles())
    tallies: dict[str, Tally] = {}
    with progress() as bar:
        task = bar.add_task("tool calls", total=outputs * len(names))
        for name in names:
            tallies[name] = Tally()
            job = make_job(subject, name, max_new_tokens)
            with leaning_to_calls(subject, job.form, leaning):
                turns = islice(cycle(job.constraints), outputs)
                for number in range(-(-outputs // together)):
                    modes = list(islice(turns, together))
                    write(job, modes, seed + number, tallies[name])
                    bar.advance(task, len(modes))
    settings = {"outputs": outputs, "together": together, "seed": seed, "max_new_tokens": max_new_tokens}
    settings |= {"closing_bias": closing_bias, "leaning": leaning, "temperature": 1.0, "tokenizer": file.name}
    record = {"benchmark": "tool_calls", **describe(PACKAGES), "settings": settings}
    record |= {"peak_memory_mib": peak_memory_mib(), "styles": {name: t.figures() for name, t in tallies.items()}}
    wide_console().print(table(record["styles"]))
    if output is not None:
        output.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    if any(tally.counts["failures"] for tally in tallies.values()):
        raise Exit(1)


def make_job(subject: Subject, style: str, max_new_tokens: int) -> Job:
    """The constraints of one style."""
    form = tool_format(style)
    schemas = schemas_for(form)
    tools = [{"name": name, "parameters": schema} for name, schema in schemas.items()]
    constraints: dict[Mode, lw.Constraint] = {
        "required": lw.tool_calls(tools, style=style, choice="required"),
        "auto": lw.tool_calls(tools, style=style),
    }
    if form.text == "before":
        constraints["after text"] = lw.tool_calls(tools, style=style, choice="required", free_text=True)
    any_text = subject.compiler.compile(lw.regex(r"[\s\S]*"))
    return Job(subject, form, schemas, any_text, constraints, max_new_tokens)


# ------------------------------------------------------------------------------------------------------------ the model


@contextmanager
def leaning_to_calls(subject: Subject, form: ToolFormat, amount: float) -> Iterator[None]:
    """The model ends its text, or begins a call, more often; what it has begun of a trigger it goes on with."""
    chains = [spelled(subject.compiler.vocabulary, trigger) for trigger in form.trigger]
    always = torch.zeros(subject.compiler.vocabulary.size)
    always[list(subject.compiler.vocabulary.eos_token_ids)] = amount / 3
    always[[chain[0] for chain in chains]] = amount
    following: dict[int, set[int]] = {}
    for chain in chains:
        for token, after in pairwise(chain):
            following.setdefault(token, set()).add(after)

    def lean(_: Any, __: Any, arguments: dict[str, Any], result: Any) -> None:
        result.logits[:, -1] += always
        for row, token in enumerate(arguments["input_ids"][:, -1].tolist()):
            result.logits[row, -1, list(following.get(token, ()))] += 2 * amount

    handle = subject.model.register_forward_hook(lean, with_kwargs=True)
    try:
        yield
    finally:
        handle.remove()


def spelled(vocabulary: lw.Vocabulary, text: str) -> list[int]:
    """Tokens that spell a text, each the longest that fits."""
    known = {vocabulary.token_bytes(token): token for token in reversed(range(vocabulary.size))}
    data, tokens = text.encode(), []
    while data:
        length = next(length for length in range(len(data), 0, -1) if data[:length] in known)
        tokens.append(known[data[:length]])
        data = data[length:]
    return tokens


def write(job: Job, modes: list[Mode], seed: int, tally: Tally) -> None:
    """One batch of outputs, judged."""
    try:
        made = lw.complete(
            job.subject.model,
            job.subject.tokenizer,
            [PROMPT] * len(modes),
            constraint=[job.constraints[mode] for mode in modes],
            compiler=job.subject.compiler,
            max_new_tokens=job.max_new_tokens,
            temperature=1.0,
            seed=seed,
        )
    except Exception as error:  # noqa: BLE001 - whatever it is, it must be listed
        tally.fail("exception", modes[0], f"a batch of {len(modes)}: {type(error).__name__}: {error}")
        return
    for mode, generation in zip(modes, made, strict=True):
        tally.counts["outputs"] += 1
        tally.counts["tokens"] += len(generation.token_ids)
        if generation.finished:
            tally.counts["finished"] += 1
            judge(job, mode, generation, tally)
        else:
            look_at_unfinished(job, mode, generation, tally)


# --------------------------------------------------------------------------------------------------------- the judgement


def judge(job: Job, mode: Mode, generation: lw.Generation, tally: Tally) -> None:
    """One finished message."""
    text = generation.text
    try:
        message: lw.ToolMessage = job.constraints[mode].parse(text)
    except ValueError as error:
        return tally.fail("parse", mode, str(error), text)
    place = first_trigger(text, job.form)
    if message.text != text[:place] or bool(message.calls) != (place < len(text)):
        return tally.fail("text", mode, "the text is not what stands before the first trigger", text)
    if mode != "auto" and not message.calls:
        return tally.fail("no call", mode, "a call was required", text)
    for call in message.calls:
        verdict = validate(json.dumps(call.arguments, ensure_ascii=False), job.schemas[call.name])
        if verdict.kind != "valid":
            return tally.fail("arguments", mode, f"{call.name}: {verdict.keyword}: {verdict.message}", text)
    if mode != "required" and (wrong := touched(job, mode, generation, len(message.text.encode()), tally)):
        return tally.fail("mask of text", mode, wrong, text)
    calls = len(message.calls)
    tally.counts.update(calls=calls, valid_calls=calls, with_calls=bool(calls), text_only=not calls)
    tally.counts["text_before_calls"] += bool(calls and message.text)
    return None


def first_trigger(text: str, form: ToolFormat) -> int:
    """Where the first trigger begins, or the length of the text."""
    if form.text == "instead":
        return 0 if text.startswith(form.trigger) else len(text)
    return min((place for trigger in form.trigger if (place := text.find(trigger)) >= 0), default=len(text))


def touched(job: Job, mode: Mode, generation: lw.Generation, length: int, tally: Tally) -> str:
    """What the mask forbade within the first `length` bytes without need; "" if nothing."""
    grammar, vocabulary = job.grammar(mode), job.subject.compiler.vocabulary
    state, free, written = grammar.start, job.any_text.start, b""
    for token in generation.token_ids[:COMPARED]:
        if len(written) > length:
            break
        needless = [
            one for one in forbidden(grammar, state, job.any_text, free) - set(vocabulary.eos_token_ids)
            if not begins_call(written + vocabulary.token_bytes(one), job.form)
        ]  # fmt: skip
        tally.counts["text_masks_compared"] += 1
        if needless:
            return f"behind {written!r}: {[vocabulary.token_bytes(one) for one in needless[:5]]}"
        may_end = mode == "auto" and job.any_text.is_accepting(free) and not begins_call(written, job.form)
        if may_end and not grammar.is_accepting(state):
            return f"behind {written!r}: the end"
        state, free = grammar.step(state, token), job.any_text.step(free, token)
        written += vocabulary.token_bytes(token)
    return ""


def begins_call(data: bytes, form: ToolFormat) -> bool:
    """Whether free text cannot be written like this."""
    triggers = [trigger.encode() for trigger in form.trigger]
    if form.text == "instead":
        return any(data.startswith(trigger) for trigger in triggers)
    return any(trigger in data for trigger in triggers)


def forbidden(one: lw.CompiledGrammar, state: int, other: lw.CompiledGrammar, free: int) -> set[int]:
    """The tokens that only the mask of the other allows."""
    rows = np.zeros((2, one.vocabulary.bitmask_words), dtype=np.int32)
    one.fill_bitmask([state], rows[:1])
    other.fill_bitmask([free], rows[1:])
    bits = np.unpackbits((rows[1:] & ~rows[:1]).view(np.uint8), bitorder="little")
    return {int(token) for token in np.flatnonzero(bits)}


def look_at_unfinished(job: Job, mode: Mode, generation: lw.Generation, tally: Tally) -> None:
    """A message that was cut off: it must be possible to go on."""
    grammar = job.grammar(mode)
    state = grammar.start
    for token in generation.token_ids:
        state = grammar.step(state, token) if state >= 0 else state
    if state < 0 or not grammar.allowed_tokens(state):
        tally.fail("dead", mode, "not possible to go on", generation.text)
    else:
        tally.counts["unfinished_but_viable"] += 1


def table(figures: dict[str, dict[str, Any]]) -> Table:
    """One row a style."""
    shown = Table(title="calls of tools", title_justify="left")
    shown.add_column("style")
    names = [name for name in next(iter(figures.values())) if name != "to_look_at"]
    for name in names:
        shown.add_column(name.replace("_", " "), justify="right")
    for style, row in figures.items():
        shown.add_row(style, *(str(row[name]) for name in names))
    return shown


if __name__ == "__main__":
    run_command(main)
