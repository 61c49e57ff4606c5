"""Definitions of tools as chat interfaces take them, and what of each a grammar needs: its name and its arguments."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from .constraint import Constraint, json_schema
from .constraint_options import check_text
from .errors import GrammarError, SchemaError
from .schema_source import json_text

_NO_ARGUMENTS = {"type": "object", "properties": {}, "additionalProperties": False}


def read_tools(tools: Sequence[Any], schema_options: Mapping[str, Any]) -> dict[str, Constraint]:
    """The arguments of each tool by its name.

    A tool is `{"type": "function", "function": {"name": ..., "parameters": ...}}`, or the inner object alone. Without
    `parameters` it takes no arguments. They are a JSON schema, a Python type, or a constraint made by `json_schema`. What
    else the object says (description, strict) is for the model: arguments are always exactly as the schema says.

    Raises `TypeError` for what is no tool, `GrammarError` for one without a name or of another type, or a name that
    stands twice, and what `json_schema` raises.
    """
    if isinstance(tools, (str, Mapping)) or not isinstance(tools, Sequence):
        raise TypeError(f"tools: a list of function objects expected, not {type(tools).__name__}")
    found: dict[str, Constraint] = {}
    for index, tool in enumerate(tools):
        place = f"tools[{index}]"
        function = _function(place, tool)
        name = check_text(f"{place}: name", function.get("name"), allow_empty=False)
        if name in found:
            raise GrammarError(f"{place}: a tool of the name {name!r} stands in the list already")
        found[name] = _arguments(place, function.get("parameters"), schema_options)
    return found


def _function(place: str, tool: object) -> Mapping[str, Any]:
    if not isinstance(tool, Mapping):
        raise TypeError(f"{place}: a function object expected, not {type(tool).__name__}")
    if tool.get("type", "function") != "function":
        raise GrammarError(f"{place}: tools of the type 'function' are known, not {tool['type']!r:.60}")
    function = tool.get("function", tool)
    if not isinstance(function, Mapping):
        raise TypeError(f"{place}: function: an object expected, not {type(function).__name__}")
    return function


def _arguments(place: str, parameters: object, options: Mapping[str, Any]) -> Constraint:
    if isinstance(parameters, Constraint):
        if parameters.kind != "json_schema":
            raise GrammarError(f"{place}: parameters: a constraint made by json_schema expected, not {parameters.kind}")
        return replace(parameters, source=json_text(_of_object(place, json.loads(parameters.source))))
    if parameters is None:
        parameters = _NO_ARGUMENTS
    if isinstance(parameters, Mapping):
        parameters = _of_object(place, parameters)
    try:
        return json_schema(parameters, **options)
    except SchemaError as error:
        raise type(error)(error.pointer, error.keyword, f"{error.reason} ({place})") from None


def _of_object(place: str, schema: Mapping[str, Any] | bool) -> Mapping[str, Any] | bool:
    """The schema, for objects only: arguments are an object, whether the schema says so or not."""
    if schema is False:
        return schema
    given: Mapping[str, Any] = {} if schema is True else schema
    if given.get("type", "object") != "object":
        raise GrammarError(f"{place}: parameters: a schema of an object expected, not of {given['type']!r:.60}")
    return {"type": "object", **given}
