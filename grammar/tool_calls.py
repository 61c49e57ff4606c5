"""Calls of tools in the format that a model was trained for, alone or with free text: `tool_calls`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Literal, TypeAlias

from .composition import Part
from .composition import reasoning as reasoned
from .composition_rules import Assembly
from .constraint import Constraint
from .constraint_options import INDENT, MAX_WHITESPACE, check_bool, check_natural, compact_json, layout_options
from .errors import GrammarError
from .ir import Choice, Grammar, JsonLayout, Node
from .limits import DEFAULT_LIMITS, Limits
from .tool_arguments import Kinds, argument_kinds, check_tool_names, written_arguments
from .tool_definitions import read_tools
from .tool_formats import ToolFormat, tool_format
from .tool_grammar import calls_of, free_text_of
from .tool_messages import ToolMessage
from .tool_reading import read_message

ToolChoice: TypeAlias = Literal["auto", "required", "none"] | Mapping[str, Any]

_LAYOUT = {"whitespace": "flexible", "max_whitespace": MAX_WHITESPACE, "indent": INDENT}


class ToolCalls(Constraint):
    """A constraint made by `tool_calls`; its parts are the arguments of the tools that may be called."""

    def grammar(self, limits: Limits = DEFAULT_LIMITS) -> Grammar:
        """As `Constraint.grammar`."""
        assembly = Assembly(limits)
        data = json.loads(self.source)
        form = tool_format(data["format"])
        ways: list[Node] = [] if data["must_call"] else [free_text_of(form)]
        if self.parts:
            tools = {name: _arguments(assembly, form, name, part, limits) for name, part in self._tools(data)}
            layout = JsonLayout(**data["layout"])
            calls = calls_of(assembly, form, tools, data["most"], layout, is_list=form.is_list(data["parallel"]))
            ways.append(calls.triggered if form.text == "before" and data["free_text"] else calls.tags)
        return assembly.grammar(Choice(tuple(ways)))

    def parse(self, text: str) -> ToolMessage:
        """The free text and the calls. Raises `ValueError` if the text is not complete."""
        data = json.loads(self.source)
        form = tool_format(data["format"])
        if not self.parts:
            return ToolMessage(text)
        kinds = {name: _kinds(part) if form.values == "text" else {} for name, part in self._tools(data)}
        return read_message(text, form, kinds, is_list=form.is_list(data["parallel"]))

    def _tools(self, data: dict[str, Any]) -> list[tuple[str, Constraint]]:
        return list(zip(data["tools"], self.parts, strict=True))


def _arguments(assembly: Assembly, form: ToolFormat, name: str, part: Constraint, limits: Limits) -> Node:
    """The arguments of a tool in this format."""
    if not form.argument:
        return assembly.part(part)
    return assembly.inlined(written_arguments(form, name, part, limits))


@lru_cache(256)
def _kinds(part: Constraint) -> Kinds:
    return argument_kinds(part)


def tool_calls(
    tools: Sequence[Any],
    *,
    style: str | Mapping[str, Any],
    choice: ToolChoice = "auto",
    parallel: bool = True,
    max_calls: int | None = None,
    free_text: bool | None = None,
    reasoning: bool | tuple[Part, Part] = False,
    schema_options: Mapping[str, Any] | None = None,
) -> Constraint:
    """A message in which tools may be called; `parse` gives a `ToolMessage` of its text and calls.

    Every call is of a tool that was given, with arguments that are valid against its schema. Free text holds no beginning
    of a call (its *trigger*), so what looks like a call is one. After the calls, the message ends.

    Args:
        tools: function objects, as `{"type": "function", "function": {"name": ..., "parameters": ...}}` or the inner
            object alone; `parameters` is a JSON schema, a Python type, or made by `json_schema`.
        style: how the model writes calls: a name ("hermes", "llama3", "mistral", ... `tool_formats.toml` describes all),
            or a table of the same fields.
        choice: "auto" leaves it to the model whether to call, "required" demands a call, "none" forbids it, and
            `{"name": ...}` demands exactly one call, of this tool. The `tool_choice` objects of chat interfaces are
            taken too.
        parallel: allow several calls in one message.
        max_calls: how many there may be.
        free_text: whether free text may stand before the calls, where the style has a place for it; by default only
            with "auto".
        reasoning: a span of reasoning comes first, between `<think>` and `</think>`, or two other texts or special
            tokens; the first is "" where the prompt has opened the span.
        schema_options: keywords for `json_schema`: property_order, whitespace, ...; white space goes for the object of
            name and arguments too.

    Raises:
        TypeError, ValueError: an argument is wrong.
        GrammarError: a tool, the style, or the choice is wrong, or there is no tool to call.
    """
    form = tool_format(style)
    check_bool("parallel", parallel)
    options = dict(schema_options or {})
    arguments, must_call, is_one = _chosen(read_tools(tools, options), choice)
    check_tool_names(form, arguments)
    several = parallel and not is_one
    _check_options(max_calls, free_text, several=several)
    layout = layout_options(**{name: options.get(name, usual) for name, usual in _LAYOUT.items()})
    data = {
        "format": form.as_data(),
        "tools": list(arguments),
        "must_call": must_call,
        "parallel": several,
        "most": max_calls if several else 1,
        "free_text": not must_call if free_text is None else free_text,
        "layout": dict(layout),
    }
    message = ToolCalls("tool_calls", compact_json(data), parts=tuple(arguments.values()))
    return _reasoned(message, reasoning)


def _check_options(max_calls: int | None, free_text: bool | None, *, several: bool) -> None:
    if max_calls is not None:
        check_natural("max_calls", max_calls)
        if max_calls == 0:
            raise ValueError("max_calls=0: choice='none' forbids calls")
        if not several:
            raise ValueError(f"max_calls={max_calls} has no effect where only one call is allowed")
    if free_text is not None:
        check_bool("free_text", free_text)


def _chosen(tools: dict[str, Constraint], choice: object) -> tuple[dict[str, Constraint], bool, bool]:
    """The tools that may be called, whether one must be, and whether exactly one call is asked for."""
    match choice:
        case "none":
            return {}, False, False
        case "auto" | "required":
            if not tools and choice == "required":
                raise GrammarError("choice: a call is required, but there are no tools")
            return tools, choice == "required", False
        case {"function": {"name": str(name)}} | {"name": str(name)}:
            if name not in tools:
                raise GrammarError(f"choice: there is no tool of the name {name!r}")
            return {name: tools[name]}, True, True
    expected = "'auto', 'required', 'none' or {'name': ...}"
    if isinstance(choice, str):
        raise ValueError(f"choice: {expected} expected, not {choice!r:.60}")
    raise TypeError(f"choice: {expected} expected, not {choice!r:.60}")


def _reasoned(message: Constraint, reasoning: object) -> Constraint:
    if reasoning is False:
        return message
    if reasoning is True:
        return reasoned(message)
    if not isinstance(reasoning, tuple) or len(reasoning) != 2:
        raise TypeError(f"reasoning: a bool or a tuple of two texts or special tokens expected, not {reasoning!r:.60}")
    return reasoned(message, begin=reasoning[0], end=reasoning[1])
