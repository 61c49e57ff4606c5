"""JSON schemas of Python types that say exactly what the types are read from.

The schemas that Pydantic writes are documentation: in many places they allow JSON that Pydantic then refuses (any text for
a `dict[int, ...]` key, a date before a lower bound, leap seconds, a tagged union without its tag). A constraint needs the
opposite, so `ReadableSchema` writes schemas that allow only what can be read, or refuses the type. Differences:

- Undeclared properties are not written, unless the type keeps them (`extra="allow"`).
- Texts with a structure of their own are given by the patterns of `python_patterns.py`.
- A set may be written with repeated items, except when it has a minimal size; its items must be hashable.
- Decimals with a limit on their digits are written as strings.
- Defaults are left out: a property that has one may be left out of the output.

What functions decide (validators of models and fields) is not known to a schema; they run when the text is parsed.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Hashable
from datetime import timedelta
from typing import Any, Literal

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema

from . import python_patterns as patterns
from .errors import UnsupportedSchemaError
from .python_schema_finish import finish
from .python_sets import HASHABLE_TYPES, are_told_apart, is_hashable

Json = dict[str, Any]
CoreSchema = Any
_BOUNDS = ("le", "ge", "lt", "gt")


class ReadableSchema(GenerateJsonSchema):
    """Writes the JSON schema of what a type is read from; given to `TypeAdapter.json_schema`."""

    ignored_warning_kinds = {"skipped-choice", "non-serializable-default"}

    def generate(self, schema: CoreSchema, mode: Literal["validation", "serialization"] = "validation") -> Json:
        """The whole schema, references resolved where they cannot stay."""
        return finish(super().generate(schema, mode))

    # ------------------------------------------------------------------------------------------------------- objects

    def model_schema(self, schema: CoreSchema) -> Json:
        """A Pydantic model."""
        return _closed(super().model_schema(schema))

    def dataclass_schema(self, schema: CoreSchema) -> Json:
        """A dataclass."""
        return _closed(super().dataclass_schema(schema))

    def typed_dict_schema(self, schema: CoreSchema) -> Json:
        """A TypedDict."""
        return _closed(super().typed_dict_schema(schema))

    def field_is_present(self, field: CoreSchema) -> bool:
        """Whether a field is read at all: those of a dataclass with `init=False` are not."""
        return super().field_is_present(field) and field.get("init", True)

    def default_schema(self, schema: CoreSchema) -> Json:
        """A field with a default, whose value is of no interest here."""
        return self.generate_inner(schema["schema"])

    def generate_inner(self, schema: CoreSchema) -> Json:
        """Any schema. The validators of some of Pydantic's own types say no to much that their schemas allow."""
        name = _own_function(schema)
        if name in _REFUSED_FUNCTIONS:
            raise _unsupported(f"{_REFUSED_FUNCTIONS[name]} cannot be described by a schema")
        if name == "ByteSize._validate":
            return {"anyOf": [{"type": "integer", "minimum": 0}, _text(patterns.BYTE_SIZE)]}
        result = super().generate_inner(schema)
        return {**result, "contentMediaType": "text/plain"} if name == "EncodedStr.decode_str" else result

    def _get_alias_name(self, field: CoreSchema, name: str) -> str:
        """The name under which the field is read."""
        alias = field.get("validation_alias", name)
        if getattr(self._config, "validate_by_alias", True) is False:
            return name
        if isinstance(alias, str):
            return alias
        for path in [alias] if isinstance(alias[0], str) else alias:
            if len(path) == 1 and isinstance(path[0], str):
                return str(path[0])
        raise _unsupported(f"the field {name} is read from a path of names ({alias}), which a schema cannot say")

    def tagged_union_schema(self, schema: CoreSchema) -> Json:
        """A union whose member is chosen by a field, which must then be there."""
        if callable(schema["discriminator"]):
            raise _unsupported("a union whose member is chosen by a function cannot be described by a schema")
        result = super().tagged_union_schema(schema)
        if "discriminator" not in result:
            raise _unsupported("a union whose members name their discriminator differently")
        return result

    def dict_schema(self, schema: CoreSchema) -> Json:
        """A mapping; `finish` turns the schema of its names into properties and patterns."""
        values = self.generate_inner(schema["values_schema"]) if "values_schema" in schema else {}
        names = self.generate_inner(schema["keys_schema"]) if "keys_schema" in schema else {}
        result = {"type": "object", "additionalProperties": values or True, "propertyNames": names}
        self.update_with_validations(result, schema, self.ValidationsMapping.object)
        return result

    _common_dict_schema = dict_schema

    # ------------------------------------------------------------------------------------------------------- arrays

    def set_schema(self, schema: CoreSchema) -> Json:
        """A set: repeated items are read as one, except where a minimal size counts them."""
        return self._set(schema, super().set_schema(schema))

    def frozenset_schema(self, schema: CoreSchema) -> Json:
        """A frozenset, as a set."""
        return self._set(schema, super().frozenset_schema(schema))

    def _set(self, schema: CoreSchema, result: Json) -> Json:
        items = schema.get("items_schema", {"type": "any"})
        if schema.get("min_length") is None or schema["min_length"] <= 1:
            result.pop("uniqueItems", None)
        elif not are_told_apart(items):
            raise _unsupported("a set of at least 2 items that may be equal although they are spelled differently")
        if not is_hashable(items):
            raise _unsupported("a set of items that Python cannot hash")
        return {**result, "items": {"type": HASHABLE_TYPES}} if items["type"] == "any" else result

    def chain_schema(self, schema: CoreSchema) -> Json:
        """Steps of which the first reads the JSON; `Hashable` takes what is not a list or dict."""
        if schema["steps"][-1] == {"type": "is-instance", "cls": Hashable}:
            return {"type": HASHABLE_TYPES}
        return super().chain_schema(schema)

    # ------------------------------------------------------------------------------------------------ enumerated values

    def enum_schema(self, schema: CoreSchema) -> Json:
        """An Enum, by the values of its members."""
        result = super().enum_schema(schema)
        _check_read_back(schema["cls"], result["enum"])
        return result

    def literal_schema(self, schema: CoreSchema) -> Json:
        """A Literal."""
        result = super().literal_schema(schema)
        if any(type(value) not in {str, int, bool, type(None)} for value in schema["expected"]):
            _check_read_back(Literal[tuple(schema["expected"])], result.get("enum", [result.get("const")]))
        return result

    def is_subclass_schema(self, schema: CoreSchema) -> Json:
        """A class: not something that JSON can name."""
        return self.handle_invalid_for_json_schema(schema, "a type")

    # ------------------------------------------------------------------------------------------------------- numbers

    def float_schema(self, schema: CoreSchema) -> Json:
        """A float; if it must be finite, it is written without exponent and within +-1e100."""
        result = super().float_schema(schema)
        result = {
            name: value for name, value in result.items() if value is not None and value not in (math.inf, -math.inf)
        }
        return result if schema.get("allow_inf_nan", True) else _finite(result)

    def decimal_schema(self, schema: CoreSchema) -> Json:
        """A number within +-1e100 or a text of digits; the text alone where the digits are limited."""
        bounds = {name: schema[name] for name in _BOUNDS if schema.get(name) is not None}
        digits, places, multiple = (schema.get(name) for name in ("max_digits", "decimal_places", "multiple_of"))
        if digits is None and places is None:
            step = {} if multiple is None else {"multiple_of": float(multiple)}
            limits = {name: float(value) for name, value in bounds.items()}
            number = self.float_schema({"type": "float", "allow_inf_nan": False, **limits, **step})
            return number if bounds or step else {"anyOf": [number, _text(patterns.NUMBER)]}
        if multiple is not None or bounds not in ({}, {"ge": 0}, {"gt": 0}):
            raise _unsupported("a Decimal with bounds other than 0 together with max_digits or decimal_places")
        return _text(patterns.decimal(digits, places, negative=not bounds, zero="gt" not in bounds))

    def fraction_schema(self, schema: CoreSchema) -> Json:  # noqa: ARG002 - Pydantic's signature
        """A fraction, as text or as a number."""
        return {"anyOf": [_finite({"type": "number"}), _text(patterns.FRACTION)]}

    def complex_schema(self, schema: CoreSchema) -> Json:  # noqa: ARG002 - Pydantic's signature
        """A complex number, in Python's spelling."""
        return _text(patterns.COMPLEX)

    # ------------------------------------------------------------------------------------------------------- texts

    def str_schema(self, schema: CoreSchema) -> Json:
        """A text, with guards where the schema's dialect of patterns and Pydantic's would disagree."""
        result = super().str_schema(schema)
        flags = getattr(schema.get("pattern"), "flags", re.UNICODE.value)
        if flags & ~re.UNICODE:
            raise _unsupported(f"the pattern {result['pattern']!r} has flags")
        guards = _pattern_guards(result["pattern"]) if "pattern" in result else []
        if schema.get("ascii_only"):
            guards.append(_ASCII)
        if schema.get("strip_whitespace") or getattr(self._config, "str_strip_whitespace", False):
            guards += [_STRIPPED] if {"pattern", "minLength"} & {*result} else []
        return {**result, "allOf": [{"pattern": guard} for guard in guards]} if guards else result

    def bytes_schema(self, schema: CoreSchema) -> Json:
        """Bytes, read from the UTF-8 of a text; where their length counts, from ASCII."""
        if getattr(self._config, "val_json_bytes", "utf8") != "utf8":
            raise _unsupported(f"bytes spelled in {self._config.val_json_bytes}")
        result = super().bytes_schema(schema)
        result.pop("format", None)
        return {**result, "pattern": _ASCII} if {"minLength", "maxLength"} & {*result} else result

    def date_schema(self, schema: CoreSchema) -> Json:
        """A date of the years 1 to 9999, between bounds."""
        bounds = _date_bounds(schema)
        others = {name: value for name, value in schema.items() if name not in _BOUNDS}
        result = _temporal(others, patterns.DATE)
        return {**result, "allOf": [{"pattern": patterns.whole(bound)} for bound in bounds]} if bounds else result

    def time_schema(self, schema: CoreSchema) -> Json:
        """A time of day."""
        return _temporal(schema, patterns.TIME)

    def datetime_schema(self, schema: CoreSchema) -> Json:
        """A date and time: with an offset, as RFC 3339 has it, unless the type wants none."""
        zone = schema.get("tz_constraint")
        if isinstance(zone, int):
            raise _unsupported("a datetime with one given offset")
        return _temporal(schema, patterns.NAIVE_DATETIME if zone == "naive" else patterns.AWARE_DATETIME)

    def timedelta_schema(self, schema: CoreSchema) -> Json:
        """A duration in the spelling of ISO 8601, positive or not negative if that is the only bound."""
        bounds = {name: schema[name] for name in _BOUNDS if schema.get(name) is not None}
        if len(bounds) != 1 or bounds not in ({"ge": timedelta(0)}, {"gt": timedelta(0)}):
            return _temporal(schema, patterns.DURATION)
        not_zero = {"allOf": [{"pattern": "[1-9]"}]} if "gt" in bounds else {}
        return {**_text(patterns.POSITIVE_DURATION), **not_zero}

    def uuid_schema(self, schema: CoreSchema) -> Json:
        """A UUID."""
        return _text(patterns.uuid(schema.get("version")))

    def url_schema(self, schema: CoreSchema) -> Json:
        """A URL of the allowed schemes; http and https if there is no limit."""
        schemes = schema.get("allowed_schemes") or ["http", "https"]
        result = _text(patterns.url(schemes))
        if schema.get("max_length") is not None:
            result["maxLength"] = schema["max_length"] - 1  # reading it may add the path "/"
        return result

    def multi_host_url_schema(self, schema: CoreSchema) -> Json:
        """A URL that may have several hosts; one is written."""
        return self.url_schema(schema)

    def json_schema(self, schema: CoreSchema) -> Json:  # noqa: ARG002 - Pydantic's signature
        """A text that holds JSON."""
        raise _unsupported("JSON inside a text (Json[...])")


# ---------------------------------------------------------------------------------------------------------- details

_REFUSED_FUNCTIONS = {
    "PathType.validate_new": "a path that must not exist",
    "PathType.validate_socket": "a path that must exist",
    "PaymentCardNumber.validate": "the number of a card, whose last digit checks the others,",
    "import_string": "the name of a Python object",
}

_ASCII = "^[\\x00-\\x7f]*$"
_SPACES = "\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000"
_STRIPPED = f"^(?:[^{_SPACES}](?:[\\s\\S]*[^{_SPACES}])?)?$"
_NO_DISPUTED_SPACE = "^[^\\x1c-\\x1f\\x85\\ufeff]*$"
_DISPUTED_SPACE = re.compile(r"\\[sS]")
_DISPUTED_WORD = re.compile(r"\\[DWbB]|\[\^[^\]]*\\[dw]")
_FOREIGN_CLASS = re.compile(r"\[\[:|&&|--|~~")


def _pattern_guards(pattern: str) -> list[str]:
    r"""Patterns for the texts on which ECMA-262, Rust's regex and Python's re agree about `pattern`.

    ECMA's `\d` and `\w` are ASCII; the others' are not, which matters where they are negated. What counts as a space
    differs in a few characters.
    """
    if found := _FOREIGN_CLASS.search(pattern):
        raise _unsupported(f"the pattern {pattern!r} may mean something else in JSON Schema because of {found[0]!r}")
    guards = [_NO_DISPUTED_SPACE] if _DISPUTED_SPACE.search(pattern) else []
    return [*guards, _ASCII] if _DISPUTED_WORD.search(pattern) else guards


def _closed(result: Json) -> Json:
    if result.get("type") == "object" and "properties" in result:
        result.setdefault("additionalProperties", False)
    return result


def _finite(result: Json) -> Json:
    """Bounds on both sides, because Pydantic reads 1e999 as an infinity."""
    low = {} if {"minimum", "exclusiveMinimum"} & {*result} else {"minimum": -1e100}
    high = {} if {"maximum", "exclusiveMaximum"} & {*result} else {"maximum": 1e100}
    return {**result, **low, **high}


def _text(pattern: str) -> Json:
    return {"type": "string", "pattern": patterns.whole(pattern)}


def _temporal(schema: CoreSchema, pattern: str) -> Json:
    given = [name for name in (*_BOUNDS, "now_op") if schema.get(name) is not None]
    if given:
        raise _unsupported(f"a {schema['type']} with the bound {given[0]}")
    return _text(pattern)


def _date_bounds(schema: CoreSchema) -> list[str]:
    """Patterns of the dates that a date's bounds allow."""
    given = {name: schema[name] for name in _BOUNDS if schema.get(name) is not None}
    day = timedelta(1)
    try:
        first = [given["ge"] for name in given if name == "ge"] + [given["gt"] + day for name in given if name == "gt"]
        last = [given["le"] for name in given if name == "le"] + [given["lt"] - day for name in given if name == "lt"]
    except OverflowError:
        raise _unsupported("a date before the first or after the last one") from None
    lower = [patterns.not_before(date.isoformat()) for date in first]
    return lower + [patterns.not_after(date.isoformat()) for date in last]


def _check_read_back(kind: Any, values: list[Any]) -> None:
    """Refuse enumerated values that cannot be read from JSON, such as tuples and bytes."""
    adapter: TypeAdapter[Any] = TypeAdapter(kind)
    for value in values:
        try:
            adapter.validate_json(json.dumps(value, allow_nan=False))
        except ValueError:
            raise _unsupported(f"the value {value!r} of {kind!r} cannot be read from JSON") from None


def _own_function(schema: CoreSchema) -> str:
    """The name of the function of a validator, if it is one of Pydantic's."""
    function = schema.get("function", {}).get("function")
    is_own = str(getattr(function, "__module__", "")).startswith("pydantic.")
    return str(getattr(function, "__qualname__", "")) if is_own else ""


def _unsupported(reason: str) -> UnsupportedSchemaError:
    return UnsupportedSchemaError("", "", reason)
