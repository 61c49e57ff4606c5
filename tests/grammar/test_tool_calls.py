"""Calls of tools: each style against a writer of its own, against random texts, and free text that stays as it is."""

from __future__ import annotations

import json
import pickle
import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from random_walks import random_text
from small_languages import accepts

from latticework.grammar import (
    Compiler,
    Constraint,
    GrammarError,
    SchemaError,
    ToolCall,
    ToolMessage,
    Vocabulary,
    json_schema,
    reasoning,
    regex,
    tool_calls,
)
from latticework.grammar.tool_formats import styles, tool_format

WEATHER = {
    "type": "object",
    "properties": {
        "city": {"type": "string", "maxLength": 12},
        "days": {"type": "integer", "minimum": 1, "maximum": 9},
        "unit": {"enum": ["C", "</tool_call>", "[TOOL_CALLS]"]},
    },
    "required": ["city"],
    "additionalProperties": False,
}
TREE = {
    "type": "object",
    "properties": {"kids": {"type": "array", "items": {"$ref": "#"}, "maxItems": 2}, "q": {"type": "number"}},
    "additionalProperties": False,
}
SCHEMAS: dict[str, Any] = {"get": WEATHER, "get_tree": TREE, "now": {"type": "object", "maxProperties": 0}}
TOOLS = [
    {
        "type": "function",
        "function": {"name": "get", "description": "The weather", "parameters": WEATHER, "strict": True},
    },
    {"name": "get_tree", "parameters": TREE},
    {"type": "function", "function": {"name": "now"}},
]
CALLS = [
    ToolCall("get", {"city": "Zürich", "unit": "</tool_call>"}),
    ToolCall("now", {}),
    ToolCall("get_tree", {"kids": [{"q": 1.5}, {}]}),
]


def objects(calls: Sequence[ToolCall], arguments: str = "arguments") -> list[str]:
    return [json.dumps({"name": call.name, arguments: call.arguments}, ensure_ascii=False) for call in calls]


def each(pattern: str, calls: Sequence[ToolCall], between: str = "") -> str:
    return between.join(pattern % (call.name, json.dumps(call.arguments, ensure_ascii=False)) for call in calls)


def listed(calls: Sequence[ToolCall]) -> str:
    return "[" + ", ".join(objects(calls)) + "]"


def keywords(call: ToolCall) -> str:
    return ", ".join(f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in call.arguments.items())


def tagged(call: ToolCall) -> str:
    texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in call.arguments.items()}
    inside = "".join(f"<parameter={name}>\n{text}\n</parameter>\n" for name, text in texts.items())
    return f"<tool_call>\n<function={call.name}>\n{inside}</function>\n</tool_call>"


def of_style(style: str) -> tuple[list[dict[str, Any]], list[ToolCall]]:
    """`TOOLS`, and `CALLS` as they are read back."""
    if style == "kimi_k2":
        return TOOLS, [replace(call, number=index) for index, call in enumerate(CALLS)]
    if style != "qwen3_coder":
        return TOOLS, CALLS
    tools = json.loads(json.dumps(TOOLS).replace("</tool_call>", "</b>"))  # it is what a string there may not hold
    return tools, [ToolCall("get", {"city": "Zürich", "unit": "</b>"}), *CALLS[1:]]


# How the models write calls, in words of our own beside the table.
WRITERS: dict[str, Callable[[Sequence[ToolCall]], str]] = {
    "openai": listed,
    "hermes": lambda calls: "\n".join(f"<tool_call>\n{one}\n</tool_call>" for one in objects(calls)),
    "llama3": lambda calls: "; ".join(objects(calls, "parameters")),
    "mistral": lambda calls: "[TOOL_CALLS] " + listed(calls),
    "mistral11": lambda calls: each("[TOOL_CALLS]%s[ARGS]%s", calls),
    "functionary": lambda calls: each("<function=%s>%s</function>", calls),
    "deepseek": lambda calls: (
        "<｜tool▁calls▁begin｜>"
        + each("<｜tool▁call▁begin｜>function<｜tool▁sep｜>%s\n```json\n%s\n```<｜tool▁call▁end｜>", calls, "\n")
        + "<｜tool▁calls▁end｜>"
    ),
    "deepseek_v31": lambda calls: (
        "<｜tool▁calls▁begin｜>"
        + each("<｜tool▁call▁begin｜>%s<｜tool▁sep｜>%s<｜tool▁call▁end｜>", calls)
        + "<｜tool▁calls▁end｜>"
    ),
    "granite": lambda calls: "<|tool_call|>" + listed(calls),
    "phi4_mini": lambda calls: "<|tool_call|>" + listed(calls) + "<|/tool_call|>",
    "jamba": lambda calls: "<tool_calls>" + listed(calls) + "</tool_calls>",
    "firefunction": lambda calls: "functools" + listed(calls),
    "pythonic": lambda calls: "[" + ", ".join(f"{call.name}({keywords(call)})" for call in calls) + "]",
    "qwen3_coder": lambda calls: "\n".join(map(tagged, calls)),
    "kimi_k2": lambda calls: (
        "<|tool_calls_section_begin|>"
        + "".join(
            f"<|tool_call_begin|>functions.{call.name}:{index}<|tool_call_argument_begin|>{json.dumps(call.arguments)}"
            "<|tool_call_end|>"
            for index, call in enumerate(calls)
        )
        + "<|tool_calls_section_end|>"
    ),
}
STYLES = sorted(WRITERS)
INSTEAD = {"openai", "llama3", "pythonic"}


@pytest.fixture(scope="module")
def byte_compiler(byte_vocabulary: Vocabulary) -> Compiler:
    return Compiler(byte_vocabulary)


@pytest.fixture(scope="module")
def phi3_compiler(data_dir: Path) -> Compiler:
    file = data_dir / "tokenizers" / "phi3-mini.tokenizer.json"
    return Compiler(Vocabulary.from_tokenizers(file, eos_token_ids="<|endoftext|>"))


def test_every_style_is_tested() -> None:
    assert set(styles()) == set(WRITERS)
    assert all(styles().values())


# ----------------------------------------------------------------------------------------------------- what is written


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("count", [1, 3])
def test_calls_are_taken_and_read(byte_compiler: Compiler, style: str, count: int) -> None:
    tools, calls = of_style(style)
    text = WRITERS[style](calls[:count])
    shorter = {WRITERS[style](calls[:fewer]) for fewer in range(1, count)}
    for choice in ("auto", "required"):
        made = tool_calls(tools, style=style, choice=choice)
        automaton = byte_compiler.compile(made)
        assert accepts(automaton, text)
        assert made.parse(text) == ToolMessage("", tuple(calls[:count]))
        trigger = next(trigger for trigger in tool_format(style).trigger if text.startswith(trigger))
        begun = {text[:length] for length in range(len(trigger), len(text))} - shorter
        wrong = {text + " ", text.replace("city", "City"), text.replace("get", "set"), text.replace("get", "get_")}
        assert not [other for other in begun | wrong if accepts(automaton, other)]


@pytest.mark.parametrize("style", STYLES)
def test_text_before_calls(byte_compiler: Compiler, style: str) -> None:
    tools, calls = of_style(style)
    text = WRITERS[style](calls)
    auto, required = (tool_calls(tools, style=style, choice=choice) for choice in ("auto", "required"))
    talkative = tool_calls(tools, style=style, choice="required", free_text=True)
    silent = tool_calls(tools, style=style, free_text=False)
    said = "Let me <b>see</b> [1] {x}.\n\n"
    taken = [accepts(byte_compiler.compile(made), said + text) for made in (auto, required, talkative, silent)]
    if style in INSTEAD:
        assert taken[1:3] == [False, False]
        assert auto.parse(said + text) == ToolMessage(said + text)
    else:
        assert taken == [True, False, True, False]
        assert auto.parse(said + text) == ToolMessage(said, tuple(calls))
    assert not accepts(byte_compiler.compile(talkative), said)
    assert accepts(byte_compiler.compile(silent), said)


@pytest.mark.parametrize("style", STYLES)
def test_how_many(byte_compiler: Compiler, style: str) -> None:
    tools, calls = of_style(style)
    write = WRITERS[style]
    single = tool_calls(tools, style=style, choice="required", parallel=False)
    one = objects(calls[:1])[0] if style == "openai" else write(calls[:1])
    assert accepts(byte_compiler.compile(single), one)
    assert single.parse(one).calls == tuple(calls[:1])
    assert not accepts(byte_compiler.compile(single), write(calls[:2]))
    two = byte_compiler.compile(tool_calls(tools, style=style, max_calls=2))
    assert [accepts(two, write(calls[:count])) for count in (1, 2, 3)] == [True, True, False]
    named = byte_compiler.compile(tool_calls(tools, style=style, choice={"name": "now"}))
    now = objects(calls[1:2])[0] if style == "openai" else write(calls[1:2])
    assert accepts(named, now)
    assert not accepts(named, one)
    assert not accepts(named, "")


@pytest.mark.parametrize("style", STYLES)
def test_random_outputs_are_valid(phi3_compiler: Compiler, style: str) -> None:
    tools, _ = of_style(style)
    functions = [tool.get("function", tool) for tool in tools]
    schemas = {one["name"]: one.get("parameters", SCHEMAS["now"]) for one in functions}
    made = tool_calls(tools, style=style, choice="required")
    single = tool_calls(tools, style=style, choice={"type": "function", "function": {"name": "get"}})
    auto = tool_calls(tools, style=style)
    trigger = tool_format(style).trigger[0]
    rng = random.Random(7)
    starts = [
        (made, ""),
        (made, ""),
        (single, ""),
        (auto, trigger),
        (auto, trigger if style in INSTEAD else "So: " + trigger),
    ]
    for constraint, begun in starts * 4:
        message = constraint.parse(random_text(phi3_compiler.compile(constraint), rng, begun))
        assert message.calls
        assert message.text == begun.removesuffix(trigger)
        for call in message.calls:
            jsonschema.validate(call.arguments, schemas[call.name])


@pytest.mark.parametrize("style", STYLES)
def test_random_free_text(phi3_compiler: Compiler, style: str) -> None:
    tools, _ = of_style(style)
    for choice in ("auto", "none"):
        made = tool_calls(tools, style=style, choice=choice)
        for seed in range(5):
            text = random_text(phi3_compiler.compile(made), random.Random(seed))
            message = made.parse(text)
            assert message.calls or message == ToolMessage(text)


# ---------------------------------------------------------------------------------------------------------- free text


@pytest.mark.parametrize("style", STYLES)
@given(data=st.data())
def test_free_text_is_untouched(byte_compiler: Compiler, style: str, data: st.DataObject) -> None:
    """Any text without a trigger, pieces of triggers included."""
    tools, _ = of_style(style)
    form = tool_format(style)
    pieces = [t[a:b] for t in form.trigger for a in range(len(t)) for b in range(a + 1, len(t) + 1)]
    text = "".join(data.draw(st.lists(st.sampled_from(pieces) | st.text(max_size=3), max_size=6)))
    has_trigger = text.startswith(form.trigger) if style in INSTEAD else any(t in text for t in form.trigger)
    for choice in ("auto", "none"):
        made = tool_calls(tools, style=style, choice=choice)
        assert accepts(byte_compiler.compile(made), text) != has_trigger
        if not has_trigger:
            assert made.parse(text) == ToolMessage(text)


def test_reasoning_before_calls(byte_compiler: Compiler) -> None:
    made = tool_calls(TOOLS, style="hermes", choice="required", reasoning=True)
    text = "<think>A <tool_call>?\n</think>\n\n" + WRITERS["hermes"](CALLS)
    assert accepts(byte_compiler.compile(made), text)
    assert not accepts(byte_compiler.compile(made), WRITERS["hermes"](CALLS))
    assert made.parse(text) == ToolMessage("", tuple(CALLS), "A <tool_call>?\n")
    opened = tool_calls(TOOLS, style="hermes", reasoning=("", "</t>"))
    assert accepts(byte_compiler.compile(opened), "So </t>\nHello")
    assert opened.parse("So </t>\nHello") == ToolMessage("Hello", (), "So ")
    optional = reasoning(tool_calls(TOOLS, style="hermes"), optional=True)
    assert optional.parse("Hello") == ToolMessage("Hello")


# -------------------------------------------------------------------------------------------------------------- tools


def test_where_arguments_come_from(byte_compiler: Compiler) -> None:
    def area(width: int, height: int = 1) -> int:
        return width * height

    tools = [
        {"name": "a", "parameters": {}},
        {"name": "b", "parameters": {"properties": {"x": {"type": "null"}}, "additionalProperties": False}},
        {"name": "c", "parameters": json_schema({"type": "object", "maxProperties": 0}, whitespace="compact")},
        {"name": "d", "parameters": area},
        {"name": "e", "parameters": None},
        {"name": "f", "parameters": json_schema(True)},
        {"name": "g", "parameters": json_schema({"anyOf": [{"type": "integer"}, {"required": ["x"]}]})},
    ]
    automaton = byte_compiler.compile(tool_calls(tools, style="mistral11", choice="required"))
    right = {"a": '{"z": [1]}', "b": '{ "x": null}', "c": "{}", "d": '{"width": 2}', "e": "{}"}
    right |= {"f": "{}", "g": '{"x": 1}'}
    wrong = {"a": "[1]", "b": "3", "c": "{ }", "d": '{"height": 2}', "e": '{"x": 1}', "f": "3", "g": "3"}
    for name, arguments in right.items():
        assert accepts(automaton, f"[TOOL_CALLS]{name}[ARGS]{arguments}")
    for name, arguments in wrong.items():
        assert not accepts(automaton, f"[TOOL_CALLS]{name}[ARGS]{arguments}")


def test_schema_options(byte_compiler: Compiler) -> None:
    options = {"whitespace": "indent", "indent": 1, "property_order": "any"}
    made = tool_calls(TOOLS, style="openai", choice="required", schema_options=options)
    automaton = byte_compiler.compile(made)
    for order in ({"days": 3, "city": "X"}, {"city": "X", "days": 3}):
        value = [{"name": "get", "arguments": order}]
        assert accepts(automaton, json.dumps(value, indent=1))
        assert not accepts(automaton, json.dumps(value))
        assert made.parse(json.dumps(value, indent=1)).calls == (ToolCall("get", order),)


def test_a_style_of_ones_own(byte_compiler: Compiler) -> None:
    style = {"call": "!{name} {arguments};", "begin": ["@"], "end": ".", "between": " ", "trigger": ["@!"]}
    made = tool_calls(TOOLS, style=style)
    text = 'a@b @!now {}; !get {"city": "x"};.'
    assert accepts(byte_compiler.compile(made), text)
    assert made.parse(text) == ToolMessage("a@b ", (ToolCall("now", {}), ToolCall("get", {"city": "x"})))
    for wrong in ("a@b !now {};.", "@!now {};", "@!now {} ;.", "@!nowx {};."):
        assert accepts(byte_compiler.compile(made), wrong) == ("@!" not in wrong)


def test_values() -> None:
    made = [
        tool_calls(TOOLS, style="hermes"), tool_calls(TOOLS, style="openai"), tool_calls(TOOLS[:2], style="hermes"),
        tool_calls(TOOLS, style="hermes", choice="required"), tool_calls(TOOLS, style="hermes", choice="none"),
        tool_calls(TOOLS, style="hermes", choice={"name": "get"}), tool_calls(TOOLS, style="hermes", parallel=False),
        tool_calls(TOOLS, style="hermes", max_calls=2), tool_calls(TOOLS, style="hermes", free_text=False),
        tool_calls(TOOLS, style="hermes", reasoning=True),
        tool_calls(TOOLS, style="hermes", schema_options={"whitespace": "compact"}),
    ]  # fmt: skip
    assert len({constraint.key for constraint in made}) == len(set(made)) == len(made)
    assert tool_calls(TOOLS, style="qwen") == made[0] == tool_calls(TOOLS, style=tool_format("hermes").as_data())
    for constraint in made:
        assert isinstance(constraint, Constraint)
        assert pickle.loads(pickle.dumps(constraint)) == constraint
    with pytest.raises(ValueError, match="no complete calls"):
        made[0].parse('<tool_call>\n{"name": "get"}\n</tool_call>')


def test_no_tools(byte_compiler: Compiler) -> None:
    made = tool_calls([], style="hermes")
    assert accepts(byte_compiler.compile(made), "text")
    assert not accepts(byte_compiler.compile(made), "<tool_call>")


BARE = {"name": "f", "parameters": {}}


@pytest.mark.parametrize(
    ("tools", "options", "error", "message"),
    [
        (BARE, {}, TypeError, "list"),
        (["f"], {}, TypeError, r"tools\[0\]"),
        ([{"parameters": {}}], {}, TypeError, r"tools\[0\]: name"),
        ([{"name": ""}], {}, GrammarError, r"tools\[0\]: name"),
        ([BARE, BARE], {}, GrammarError, r"tools\[1\].*already"),
        ([{"type": "web_search"}], {}, GrammarError, "web_search"),
        ([{"type": "function", "function": 3}], {}, TypeError, "function"),
        ([{"name": "f", "parameters": {"type": "array"}}], {}, GrammarError, "array"),
        ([{"name": "f", "parameters": json_schema({"type": "array"})}], {}, GrammarError, "array"),
        ([{"name": "f", "parameters": regex("a")}], {}, GrammarError, "json_schema"),
        ([{"name": "f", "parameters": {"const": {1}}}], {}, SchemaError, r"tools\[0\]"),
        ([BARE], {"style": "gpt"}, GrammarError, "hermes"),
        ([BARE], {"style": 3}, TypeError, "style"),
        ([BARE], {"style": {"call": "{call}"}}, GrammarError, "trigger"),
        ([BARE], {"style": {"call": "x", "trigger": ["x"]}}, GrammarError, "call"),
        ([BARE], {"style": {"call": "x{name}{arguments}", "trigger": ["x"]}}, GrammarError, "nothing stands"),
        ([BARE], {"style": {"call": "{call}", "trigger": ["x"]}}, GrammarError, "trigger"),
        ([BARE], {"style": {"call": "aba{call}", "trigger": ["aba"]}}, GrammarError, "beginning of one"),
        ([BARE], {"style": {"call": "{call}", "trigger": ["{"], "colour": "red"}}, GrammarError, "colour"),
        ([BARE], {"style": {"call": "{call}", "trigger": "{"}}, TypeError, "trigger"),
        ([BARE], {"choice": "maybe"}, ValueError, "choice"),
        ([BARE], {"choice": 3}, TypeError, "choice"),
        ([BARE], {"choice": {"name": "g"}}, GrammarError, "'g'"),
        ([], {"choice": "required"}, GrammarError, "no tools"),
        ([BARE], {"max_calls": 0}, ValueError, "max_calls"),
        ([BARE], {"max_calls": 2, "parallel": False}, ValueError, "max_calls"),
        ([BARE], {"parallel": 1}, TypeError, "parallel"),
        ([BARE], {"free_text": 1}, TypeError, "free_text"),
        ([BARE], {"reasoning": "<think>"}, TypeError, "reasoning"),
        ([BARE], {"schema_options": {"whitespace": "none"}}, ValueError, "whitespace"),
    ],
)
def test_what_is_refused(tools: Any, options: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        tool_calls(tools, **{"style": "hermes", **options})
