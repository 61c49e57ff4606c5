"""The last pass over a schema that Pydantic wrote: what can be decided only when every definition is known.

Names of mappings become properties and patterns, tagged unions become plain ones whose tag is required, and formats that
only Pydantic knows become patterns, or are refused.
"""

from __future__ import annotations

import re
import zoneinfo
from typing import Any

from . import python_patterns as patterns
from .errors import UnsupportedSchemaError
from .schema_source import escape

Json = dict[str, Any]

_MAPS = ("properties", "patternProperties", "$defs")
_LISTS = ("anyOf", "oneOf", "allOf", "prefixItems")
_SINGLE = ("items", "additionalProperties", "not")


def finish(schema: Json) -> Json:
    """Rewrite a schema in place, and return it. Raises `UnsupportedSchemaError` with the place."""
    _visit(schema, schema, "")
    return schema


def _visit(schema: Any, root: Json, pointer: str) -> None:
    if not isinstance(schema, dict):
        return
    if "discriminator" in schema and "oneOf" in schema:
        _require_tag(schema, root, pointer)
    if "propertyNames" in schema and "properties" not in schema:
        _name_properties(schema, root, pointer)
    if "format" in schema:
        _replace_format(schema, pointer)
    for keyword in _MAPS:
        for name, child in schema.get(keyword, {}).items():
            _visit(child, root, f"{pointer}/{keyword}/{escape(name)}")
    for keyword in _LISTS:
        for index, child in enumerate(schema.get(keyword, ())):
            _visit(child, root, f"{pointer}/{keyword}/{index}")
    for keyword in _SINGLE:
        _visit(schema.get(keyword), root, f"{pointer}/{keyword}")


def _resolve(schema: Json, root: Json) -> Json:
    """Follow references into the definitions."""
    while "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2].replace("~1", "/").replace("~0", "~")
        schema = root["$defs"][name]
    return schema


# ------------------------------------------------------------------------------------------------------- tagged unions


def _require_tag(schema: Json, root: Json, pointer: str) -> None:
    """The tag has a default in a member on its own, but chooses between the members of a union."""
    tag = schema.pop("discriminator")["propertyName"]
    schema["anyOf"] = schema.pop("oneOf")
    for choice in schema["anyOf"]:
        _require(choice, tag, root, pointer)


def _require(choice: Json, tag: str, root: Json, pointer: str) -> None:
    choice = _resolve(choice, root)
    for inner in (*choice.get("oneOf", ()), *choice.get("anyOf", ())):
        _require(inner, tag, root, pointer)
    if tag in choice.get("properties", {}):
        choice["required"] = [
            name for name in choice["properties"] if name == tag or name in choice.get("required", ())
        ]
    elif "oneOf" not in choice and "anyOf" not in choice:
        raise UnsupportedSchemaError(pointer, "discriminator", f"a member of the union does not name {tag!r}")


# ------------------------------------------------------------------------------------------------------- mapping names


def _name_properties(schema: Json, root: Json, pointer: str) -> None:
    """{"propertyNames": N, "additionalProperties": V} -> the names as properties or as a pattern of properties."""
    names = _resolve(schema.pop("propertyNames"), root)
    _replace_format(names, pointer)
    value = schema.pop("additionalProperties", True)
    given = names.get("enum", [names["const"]] if "const" in names else None)
    if given is not None:
        if not all(isinstance(name, str) for name in given):
            raise UnsupportedSchemaError(pointer, "propertyNames", "names of a mapping that are not texts")
        schema["properties"] = dict.fromkeys(given, value)
        schema["additionalProperties"] = False
        return
    pattern = _name_pattern(names, pointer)
    if pattern is None:
        schema["additionalProperties"] = value
    else:
        schema["patternProperties"] = {pattern: value}
        schema["additionalProperties"] = False


_NAME_KINDS = {"integer": patterns.INTEGER, "number": patterns.NUMBER, "boolean": "true|false"}


def _name_pattern(names: Json, pointer: str) -> str | None:
    """The pattern of the names; None if every name is allowed."""
    _replace_format(names, pointer)
    rules = {keyword: value for keyword, value in names.items() if keyword not in ("title", "description", "examples")}
    kind = rules.pop("type", "string")
    if kind in _NAME_KINDS and not rules:
        return patterns.whole(_NAME_KINDS[kind])
    if names.get("anyOf") and [*rules] == ["anyOf"]:  # a Decimal: any of its spellings as text
        texts = [choice for choice in names["anyOf"] if choice.get("type") == "string"]
        if len(texts) == 1 and {choice.get("type") for choice in names["anyOf"]} == {"string", "number"}:
            return _name_pattern(texts[0], pointer)
    if names.get("anyOf") and [*rules] == ["anyOf"]:  # any of several; JSON has no null for a name
        found = [_name_pattern(choice, pointer) for choice in names["anyOf"] if choice.get("type") != "null"]
        known = [pattern for pattern in found if pattern is not None]
        return "|".join(f"(?:{pattern})" for pattern in known) if len(known) == len(found) else None
    if kind == "string" and rules == {"format": "ipv4"}:
        return patterns.whole(patterns.IPV4)
    if kind == "string" and not rules:
        return None
    if kind == "string" and [*rules] == ["pattern"]:
        return str(rules["pattern"])
    if kind == "string" and {*rules} <= {"minLength", "maxLength"}:
        return f"^[\\s\\S]{{{rules.get('minLength', 0)},{rules.get('maxLength', '')}}}$"
    raise UnsupportedSchemaError(pointer, "propertyNames", f"names of a mapping that are described by {names}")


# --------------------------------------------------------------------------------------------------------- formats

_PATTERN_OF_FORMAT = {
    "email": patterns.EMAIL,
    "name-email": f"{patterns.EMAIL}|{patterns.NAMED_EMAIL}",
    "base64": patterns.BASE64,
    "base64url": patterns.BASE64_URL,
    "ipvanyaddress": patterns.IPV4,
    "ipv4interface": patterns.IPV4_INTERFACE,
    "ipv6interface": patterns.IPV6_INTERFACE,
    "ipvanyinterface": f"{patterns.IPV4_INTERFACE}|{patterns.IPV6_INTERFACE}",
    "ipv4network": patterns.IPV4_NETWORK,
    "ipv6network": patterns.IPV6_NETWORK,
    "ipvanynetwork": f"{patterns.IPV4_NETWORK}|{patterns.IPV6_NETWORK}",
}
_ANY_TEXT = {"binary", "path", "password"}
_OF_TEXT = {"base64": patterns.BASE64_TEXT, "base64url": patterns.BASE64_URL_TEXT}
_REFUSED = {
    "directory-path": "a path that must exist",
    "file-path": "a path that must exist",
    "new-path": "a path that must not exist",
    "json-string": "JSON inside a text",
    "regex": "a regular expression",
}
_UUID_FORMAT = re.compile("uuid([1-8])")


def _replace_format(schema: Json, pointer: str) -> None:
    """Formats that only Pydantic knows become patterns; those of JSON Schema stay."""
    name = schema.get("format")
    if name in _REFUSED:
        raise UnsupportedSchemaError(pointer, "format", f"{name}: {_REFUSED[name]} cannot be described by a schema")
    if name in _ANY_TEXT:
        del schema["format"]
    elif name in _PATTERN_OF_FORMAT:
        del schema["format"]
        is_text = schema.pop("contentMediaType", None) == "text/plain"
        schema["pattern"] = patterns.whole((_OF_TEXT if is_text else _PATTERN_OF_FORMAT)[name])
    elif name == "zoneinfo":
        del schema["format"]
        schema["enum"] = sorted(zoneinfo.available_timezones()) or ["UTC"]
    elif isinstance(name, str) and (version := _UUID_FORMAT.fullmatch(name)):
        del schema["format"]
        schema["pattern"] = patterns.whole(patterns.uuid(int(version[1])))
