"""Arguments that are no JSON object: Python's literals judged by `ast`, tagged texts by brute force over short ones."""

from __future__ import annotations

import ast
import itertools
import json
import random
import re
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
    UnsatisfiableSchemaError,
    UnsupportedSchemaError,
    Vocabulary,
    json_schema,
    tool_calls,
)

LEAF = {"type": "object", "properties": {"on": {"type": "boolean"}}, "required": ["on"], "additionalProperties": False}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "text": {"type": "string", "maxLength": 6},
        "kind": {"enum": ["null", "True", 1.5, None, False, {"a": [True, "true"]}]},
        "any": {},
        "parts": {"type": "array", "maxItems": 2, "items": {"anyOf": [{"type": "string"}, {"$ref": "#/$defs/leaf"}]}},
        "free": {"type": "object", "additionalProperties": {"type": ["boolean", "null", "integer"]}, "maxProperties": 2},
        "count": {"type": ["integer", "null"], "minimum": -3},
    },
    "required": ["text", "kind"],
    "$defs": {"leaf": LEAF},
}  # fmt: skip


@pytest.fixture(scope="module")
def byte_compiler(byte_vocabulary: Vocabulary) -> Compiler:
    return Compiler(byte_vocabulary)


def calling(style: str, *schemas: dict[str, Any], **options: Any) -> Constraint:
    tools = [{"name": f"f{index}", "parameters": schema} for index, schema in enumerate(schemas)]
    return tool_calls(tools, style=style, choice="required", **options)


def as_python(value: Any) -> str:
    """A literal with strings as JSON spells them, but for the surrogates."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{as_python(name)}: {as_python(item)}" for name, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(as_python, value)) + "]"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)


def by_ast(text: str) -> list[tuple[str, dict[str, Any]]]:
    """The calls of a list as Python itself reads it."""
    tree = ast.parse(text, mode="eval").body
    assert isinstance(tree, ast.List)
    found = []
    for call in tree.elts:
        assert isinstance(call, ast.Call)
        assert not call.args
        arguments = {str(one.arg): ast.literal_eval(one.value) for one in call.keywords}
        assert len(arguments) == len(call.keywords)
        found.append((ast.unparse(call.func), arguments))
    return found


def as_tags(name: str, arguments: dict[str, str]) -> str:
    inside = "".join(f"<parameter={key}>\n{text}\n</parameter>\n" for key, text in arguments.items())
    return f"<tool_call>\n<function={name}>\n{inside}</function>\n</tool_call>"


def by_tags(text: str) -> dict[str, str]:
    """The texts of the arguments of a single call, as a reader of tags finds them."""
    match = re.fullmatch(r"<tool_call>\n<function=f0>\n(.*)</function>\n</tool_call>", text, re.DOTALL)
    assert match
    pieces = re.findall(r"<parameter=([^>]*)>\n(.*?)\n</parameter>\n", match[1], re.DOTALL)
    assert match[1] == "".join(f"<parameter={key}>\n{value}\n</parameter>\n" for key, value in pieces)
    return dict(pieces)


# ------------------------------------------------------------------------------------------------------------- Python

scalars = st.none() | st.booleans() | st.integers(-9, 9) | st.sampled_from([0.5, -1.25]) | st.text(max_size=5)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=5,
)
objects = st.fixed_dictionaries(
    {"text": st.text(max_size=7), "kind": st.sampled_from(SCHEMA["properties"]["kind"]["enum"])},
    optional={
        "any": values,
        "parts": st.lists(st.text(max_size=2) | st.fixed_dictionaries({"on": st.booleans()}), max_size=3),
        "free": st.dictionaries(st.text(max_size=2), scalars, max_size=3),
        "count": st.none() | st.integers(-5, 5),
    },
)


@given(objects)
def test_python_takes_what_is_valid(byte_compiler: Compiler, arguments: dict[str, Any]) -> None:
    made = calling("pythonic", SCHEMA, LEAF)
    ordered = {name: arguments[name] for name in SCHEMA["properties"] if name in arguments}
    text = "[f0(" + ", ".join(f"{name}={as_python(value)}" for name, value in ordered.items()) + ")]"
    assert by_ast(text) == [("f0", ordered)]
    is_valid = jsonschema.Draft202012Validator(SCHEMA).is_valid(ordered)
    assert accepts(byte_compiler.compile(made), text) == is_valid
    assert made.parse(text).calls == (ToolCall("f0", ordered),)


def test_python_writes_what_is_valid(byte_compiler: Compiler) -> None:
    made = calling("pythonic", SCHEMA, LEAF, {"properties": {}})
    automaton = byte_compiler.compile(made)
    rng = random.Random(5)
    for _ in range(60):
        text = random_text(automaton, rng)
        message = made.parse(text)
        assert [(call.name, call.arguments) for call in message.calls] == by_ast(text.removeprefix("<|python_start|>"))
        for call in message.calls:
            jsonschema.validate(call.arguments, {"f0": SCHEMA, "f1": LEAF, "f2": {}}[call.name])


def test_python_spells_as_python_reads(byte_compiler: Compiler) -> None:
    automaton = byte_compiler.compile(calling("pythonic", {"properties": {"a": True}}))
    for right in ("True", "[None, False]", '"\\n\\u0001\\\\é😀"', '{"x": {"y": 1e5}}', "-0", "[]", '"True"'):
        assert accepts(automaton, f"[f0(a={right})]"), right
        assert by_ast(f"[f0(a={right})]")
    for wrong in ("true", "[null]", '"\\/"', '"\\ud83d\\ude00"', '{"\\/": 1}', "NaN", "'x'", "(1,)", "1_0", "+1", "01"):
        assert not accepts(automaton, f"[f0(a={wrong})]"), wrong


# ---------------------------------------------------------------------------------------------------------- tagged text

SHORT: dict[str, Any] = {
    "a string": ({"type": "string"}, "a<\n1"),
    "or null": ({"type": ["string", "null"], "maxLength": 4}, "null"),
    "or a number": ({"type": ["string", "number"]}, "-.1e0"),
    "or a list": ({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "integer"}}]}, "[]1 "),
    "or anything": (True, '{}"1a'),
    "of a pattern": ({"type": ["string", "integer"], "pattern": "^[0-9]a*$"}, "1a0"),
    "given": ({"enum": ["a", 1, None, True, [1], "b"]}, "ab1[]"),
}


@pytest.mark.parametrize(("schema", "letters"), SHORT.values(), ids=SHORT.keys())
def test_all_short_values(byte_compiler: Compiler, schema: Any, letters: str) -> None:
    """What is written validates when it is read; of what validates, only strings are left out that look like more."""
    whole = {"type": "object", "properties": {"x": schema}}
    made = calling("qwen3_coder", whole)
    automaton = byte_compiler.compile(made)
    is_valid = jsonschema.Draft202012Validator(schema).is_valid
    taken = 0
    for size in range(6 if len(letters) < 5 else 5):
        for value in map("".join, itertools.product(letters, repeat=size)):
            text = as_tags("f0", {"x": value})
            try:
                other = json.loads(value)
            except ValueError:
                other = None if value == "null" else value
            is_other = not isinstance(other, str) and is_valid(other)
            as_text = is_valid(value)
            if accepts(automaton, text):
                taken += 1
                read = made.parse(text).calls[0].arguments
                assert is_valid(read["x"]), value
                assert read == {"x": value} or json.dumps(read["x"]) == json.dumps(other), value
                assert by_tags(text) == {"x": value}
            else:
                looks_else = other != value or value[:1] in ("[", "{")
                assert not is_other or value != value.strip(), value
                assert not as_text or looks_else or '"' in value, value
    assert taken > 0


def test_tags_write_what_is_valid(byte_compiler: Compiler) -> None:
    kind = {"enum": ["x", 1.5, None, False, {"a": [True]}]}
    some = {"type": ["string", "boolean", "array"], "maxLength": 5, "maxItems": 2}
    schema = SCHEMA | {"properties": SCHEMA["properties"] | {"kind": kind, "any": some}}
    made = calling("qwen3_coder", schema, parallel=False)
    automaton = byte_compiler.compile(made)
    rng = random.Random(6)
    for _ in range(60):
        text = random_text(automaton, rng)
        (call,) = made.parse(text).calls
        jsonschema.validate(call.arguments, schema)
        assert list(by_tags(text)) == list(call.arguments)


@pytest.mark.parametrize("mark", ["</parameter>", "<parameter=", "</function>", "</tool_call>", "\n</parameter>\n"])
def test_what_readers_look_for_is_in_no_string(byte_compiler: Compiler, mark: str) -> None:
    automaton = byte_compiler.compile(calling("qwen3_coder", {"properties": {"x": {"type": "string"}}}))
    assert not accepts(automaton, as_tags("f0", {"x": f"a{mark}b"}))
    assert accepts(automaton, as_tags("f0", {"x": f"a{mark[:-1]}" if mark != "\n</parameter>\n" else "\n\n"}))


def test_marks_that_overlap_their_own_end(byte_compiler: Compiler) -> None:
    style = {
        "call": "!{name}({arguments})", "argument": "{key}={value}aba", "values": "text", "trigger": ["!"],
    }  # fmt: skip
    made = calling(style, {"properties": {"x": {"type": "string"}}, "required": ["x"]})  # type: ignore[arg-type]
    automaton = byte_compiler.compile(made)
    for size in range(7):
        for value in map("".join, itertools.product("ab", repeat=size)):
            text = f"!f0(x={value}aba)"
            assert accepts(automaton, text) == ((value + "aba").find("aba") == size), value
            if accepts(automaton, text):
                assert made.parse(text).calls == (ToolCall("f0", {"x": value}),)


# ------------------------------------------------------------------------------------------------------ which arguments


@pytest.mark.parametrize("style", ["pythonic", "qwen3_coder"])
def test_how_many_and_which(byte_compiler: Compiler, style: str) -> None:
    """All subsets of four arguments, under bounds and cases that depend on each other."""
    number = {"type": "integer"}
    schema = {
        "properties": dict.fromkeys("abcd", number),
        "minProperties": 1,
        "maxProperties": 3,
        "anyOf": [{"required": ["a"]}, {"required": ["c", "d"], "properties": {"a": False}}],
        "additionalProperties": False,
    }
    for bounded in (
        schema,
        {**schema, "maxProperties": 2},
        {**schema, "minProperties": 2, "dependentRequired": {"b": ["a"]}},
    ):
        made = calling(style, bounded)
        automaton = byte_compiler.compile(made)
        for size in range(5):
            for names in itertools.combinations("abcd", size):
                arguments = {name: index for index, name in enumerate(names)}
                written = ", ".join(f"{name}={value}" for name, value in arguments.items())
                tagged = as_tags("f0", {name: str(value) for name, value in arguments.items()})
                text = f"[f0({written})]" if style == "pythonic" else tagged
                is_valid = jsonschema.Draft202012Validator({"type": "object", **bounded}).is_valid(arguments)
                assert accepts(automaton, text) == is_valid, names
                assert made.parse(text).calls == (ToolCall("f0", arguments),)


@pytest.mark.parametrize(
    ("style", "tool", "pointer", "message"),
    [
        ("pythonic", {"properties": {"a b": {}}}, "/properties", "'a b'"),
        ("pythonic", {"properties": {"class": {"type": "null"}}}, "/properties", "'class'"),
        ("pythonic", {"properties": {"ﬁ": {}}}, "/properties", "'ﬁ'"),
        ("qwen3_coder", {"properties": {"a>": {}}}, "/properties", "'a>'"),
        ("qwen3_coder", {"properties": {"a/b~": {"enum": ["</tool_call>", "x"]}}}, "/properties/a~1b~0", "</tool_call>"),
        ("qwen3_coder", {"properties": {"a": {"enum": ["1", 1]}}}, "/properties/a", "'1'"),
        ("qwen3_coder", {"properties": {"a": {"enum": ["null", None]}}}, "/properties/a", "'null'"),
        ("qwen3_coder", {"properties": {"a": {"type": "string", "pattern": "</function>"}}}, "/properties/a", "plain"),
    ],
)  # fmt: skip
def test_what_cannot_be_written(
    byte_compiler: Compiler, style: str, tool: dict[str, Any], pointer: str, message: str
) -> None:
    with pytest.raises(UnsupportedSchemaError, match=message) as caught:
        byte_compiler.compile(calling(style, {"properties": {"ok": {"type": "null"}}}, tool))
    assert caught.value.pointer == pointer
    assert "tool 'f1'" in str(caught.value)


def test_other_refusals(byte_compiler: Compiler) -> None:
    for name in ("get-it", "1a", "a.", "if", ""):
        with pytest.raises(GrammarError, match=r"tools"):
            tool_calls([{"name": name}], style="pythonic")
    with pytest.raises(GrammarError, match="'a>b'"):
        tool_calls([{"name": "a>b"}], style="qwen3_coder")
    with pytest.raises(UnsatisfiableSchemaError, match="does not declare"):
        byte_compiler.compile(calling("pythonic", {"minProperties": 1}))
    two = {"properties": {"a": {"type": "null"}, "b": {"type": "null"}}}
    with pytest.raises(SchemaError, match="order"):
        byte_compiler.compile(calling("pythonic", two, schema_options={"property_order": "any"}))
    dotted = tool_calls([{"name": "math.sqrt", "parameters": json_schema(True)}], style="pythonic", choice="required")
    assert accepts(byte_compiler.compile(dotted), "[math.sqrt()]")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"argument": ""}, "argument"),
        ({"argument": "{value}={key};"}, "argument"),
        ({"argument": "{key}{value};"}, "argument"),
        ({"values": "yaml"}, "values"),
        ({"values": "json"}, "reserved"),
        ({"argument": "<{key}>{value}"}, "behind"),
        ({"argument": "<{key}>{value}|x|", "special": ["|x|"]}, "special"),
        ({"call": "!{call}"}, "arguments"),
        ({"call": "!{name}:{arguments}<end>"}, "begin as an argument"),
        ({"argument": "{key}={value};", "call": "!{name}:{arguments}end"}, "begin as an argument"),
    ],
)
def test_formats_that_contradict_themselves(changed: dict[str, Any], message: str) -> None:
    style = {
        "call": "!{name}:{arguments}.", "argument": "<{key}>{value};", "values": "text", "reserved": ["?"], "trigger": ["!"],
    } | changed  # fmt: skip
    with pytest.raises(GrammarError, match=message):
        tool_calls([{"name": "f"}], style=style)
