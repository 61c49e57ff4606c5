"""What an output must look like, as a value: `json_schema(...)`, `regex(...)` and `choice(...)` make a `Constraint`.

A constraint is cheap: it keeps its source and its options. The grammar is built when a `Compiler` asks for it, and the
same object later turns the finished text into what the caller wants (`parse`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

from .errors import GrammarError
from .ir import Grammar, JsonLayout, Terminal, TextSet
from .json_reading import Formats, Reading, UnknownFormats, draft_name
from .json_schema import from_json_schema
from .limits import DEFAULT_LIMITS, Limits
from .python_types import PythonType
from .regex import from_regex
from .schema_source import json_text, plain_registry, reread_text

PropertyOrder: TypeAlias = Literal["declared", "any"]
Whitespace: TypeAlias = Literal["flexible", "compact", "indent"]
Dialect: TypeAlias = Literal["python", "ecma"]
Kind: TypeAlias = Literal["json_schema", "regex", "choice"]

_MAX_WHITESPACE = 40
_INDENT = 2


@dataclass(frozen=True)
class Constraint:
    """A set of texts, and how to read one. Made by `json_schema`, `regex` and `choice`; hashable, comparable, picklable.

    Attributes:
        kind: which of the three functions made it.
        source: the schema or the list of choices as JSON text (members in their order, which decides the order of the
            output), or the pattern.
        options: the options by name, without those that have no effect here.
        python_type: the Python type that `parse` returns an instance of, if the schema was made from one.
    """

    kind: Kind
    source: str
    options: tuple[tuple[str, str | int | bool], ...] = ()
    python_type: PythonType | None = None

    @property
    def key(self) -> tuple[object, ...]:
        """Equal keys mean equal grammars: what a cache of compiled grammars is keyed by."""
        return self.kind, self.source, self.options

    def grammar(self, limits: Limits = DEFAULT_LIMITS) -> Grammar:
        """Build the grammar.

        Raises `GrammarError` if the constraint is wrong or cannot be enforced exactly, `LimitError` for one of the
        `limits` of schemas.
        """
        options = dict(self.options)
        match self.kind:
            case "choice":
                return Grammar(Terminal(TextSet(tuple(json.loads(self.source)))))
            case "regex":
                return _regex_grammar(self.source, options)
            case "json_schema":
                return _schema_grammar(self.source, options, limits)

    def parse(self, text: str) -> Any:
        """Read a finished text: the instance of the Python type, the JSON value of a schema, else the text itself.

        Raises `ValueError` (of `json` or of Pydantic) if the text is not complete, or if a validator of the Python type
        demands more than its JSON schema says.
        """
        if self.python_type is not None:
            return self.python_type.parse(text)
        return json.loads(text) if self.kind == "json_schema" else text


def json_schema(
    schema: object,
    *,
    property_order: PropertyOrder = "declared",
    whitespace: Whitespace = "flexible",
    max_whitespace: int = _MAX_WHITESPACE,
    indent: int = _INDENT,
    draft: int | str | None = None,
    formats: Formats = "assertion",
    unknown_formats: UnknownFormats = "ignore",
    registry: Mapping[str, object] | None = None,
) -> Constraint:
    """JSON text that is valid against `schema`.

    Args:
        schema: a JSON Schema as a mapping, as JSON text, or `True`/`False`; or a Python type: Pydantic model, dataclass,
            TypedDict, NamedTuple, Enum, Literal, a function (its parameters), anything `pydantic.TypeAdapter` takes.
        property_order: "declared" writes properties in the order of the schema, "any" allows every order.
        whitespace: "flexible" allows white space between tokens, "compact" none, "indent" exactly what
            `json.dumps(value, indent=indent)` writes.
        max_whitespace: how many white-space characters "flexible" allows in a row, so that a model cannot loop in them.
        indent: the width of "indent".
        draft: the dialect of schemas that do not name theirs by `$schema`: 4, 6, 7, "2019-09" or "2020-12" (the default;
            a schema that is malformed in it is tried as draft 7 and 4).
        formats: "assertion" enforces the formats of the specification, "annotation" takes them for remarks.
        unknown_formats: formats that the specification does not define are annotations by default; "refuse" makes them
            an `UnsupportedSchemaError` with their place.
        registry: the schemas that references may lead to, by URI; nothing is ever fetched. The values are schemas, or
            resources with `contents`, so that a `referencing.Registry` can be given. Meta-schemas need not be in it.

    Raises:
        TypeError, ValueError: an option or the kind of `schema` is wrong.
        GrammarSyntaxError, SchemaError: the JSON text does not parse, or a value in the schema is not JSON. Whether the
            schema can be enforced is decided when it is compiled.
    """
    _one_of("property_order", property_order, PropertyOrder)
    _one_of("formats", formats, Formats)
    _one_of("unknown_formats", unknown_formats, UnknownFormats)
    reading = _reading_options(draft, formats, unknown_formats, registry)
    layout = _layout_options(whitespace, max_whitespace, indent)
    python_type: PythonType | None = None
    if isinstance(schema, str):
        source = reread_text(schema)
    elif isinstance(schema, (bool, Mapping)):
        source = json_text(schema)
    else:
        python_type = PythonType(_not_a_value(schema))
        source = json_text(python_type.schema())
    if source[0] not in "{tf":
        raise TypeError(f"a JSON schema is an object or a boolean, not {source[:40]}")
    options = (("property_order", property_order), *layout, *reading)
    return Constraint("json_schema", source, options, python_type)


def regex(pattern: str, *, dialect: Dialect = "python", search: bool = False) -> Constraint:
    """Text that matches a regular expression.

    Args:
        pattern: the expression. `dialect` says how it is spelled: "python" as for the module `re`, "ecma" as in
            ECMA-262 with the flag `u` (the spelling of JSON Schema).
        search: allow any text before and after a match; otherwise the whole text matches.

    Raises `TypeError` or `ValueError` for a wrong option; a wrong pattern is a `GrammarSyntaxError` at compile time.
    """
    if not isinstance(pattern, str):
        raise TypeError(
            f"pattern: str expected, not {type(pattern).__name__} (give flags inside the pattern: '(?i)...')"
        )
    _one_of("dialect", dialect, Dialect)
    if not isinstance(search, bool):
        raise TypeError(f"search: bool expected, not {search!r}")
    return Constraint("regex", pattern, (("dialect", dialect), ("search", search)))


def choice(texts: Sequence[str]) -> Constraint:
    """Exactly one of `texts`.

    Raises `TypeError` if it is not a sequence of texts, `GrammarError` if there are none, one stands twice, or one is
    not valid Unicode.
    """
    if isinstance(texts, str) or not isinstance(texts, Sequence):
        raise TypeError(f"choice: a list of texts expected, not {type(texts).__name__}")
    if not texts:
        raise GrammarError("choice: the list is empty, so no text is allowed")
    seen: dict[str, int] = {}
    for index, text in enumerate(texts):
        if not isinstance(text, str):
            raise TypeError(f"choice[{index}]: str expected, not {type(text).__name__}")
        if any("\ud800" <= char <= "\udfff" for char in text):
            raise GrammarError(f"choice[{index}]: {text!r} holds a surrogate, which no text can spell")
        if text in seen:
            raise GrammarError(f"choice[{index}]: {text!r} stands in the list already, as choice[{seen[text]}]")
        seen[str(text)] = index
    return Constraint("choice", _dumps(list(seen)))


def _layout_options(whitespace: str, max_whitespace: int, indent: int) -> tuple[tuple[str, str | int | bool], ...]:
    _one_of("whitespace", whitespace, Whitespace)
    _natural("max_whitespace", max_whitespace)
    _natural("indent", indent)
    if max_whitespace != _MAX_WHITESPACE and whitespace != "flexible":
        raise ValueError(f"max_whitespace={max_whitespace} has a meaning only with whitespace='flexible'")
    if indent != _INDENT and whitespace != "indent":
        raise ValueError(f"indent={indent} has a meaning only with whitespace='indent'")
    style: tuple[tuple[str, str | int | bool], ...] = (("style", whitespace),)
    match whitespace:
        case "flexible":
            return (*style, ("max_whitespace", max_whitespace))
        case "indent":
            return (*style, ("indent", indent))
        case _:
            return style


def _reading_options(
    draft: object, formats: str, unknown_formats: str, registry: Mapping[str, object] | None
) -> tuple[tuple[str, str | int | bool], ...]:
    """How to read the schema, without what is so by default; the registry as JSON text, so that equal ones are equal."""
    name = draft_name(draft)
    options: list[tuple[str, str | int | bool]] = [] if name is None else [("draft", name)]
    if formats != "assertion":
        options.append(("formats", formats))
    if unknown_formats != "ignore":
        options.append(("unknown_formats", unknown_formats))
    if registry:
        options.append(("registry", _dumps(plain_registry(registry))))
    return tuple(options)


def _one_of(option: str, value: object, allowed: object) -> None:
    names = get_args(allowed)
    if not isinstance(value, str):
        raise TypeError(f"{option}: str expected, not {type(value).__name__}")
    if value not in names:
        raise ValueError(f"{option}: {' or '.join(map(repr, names))} expected, not {value!r}")


def _natural(option: str, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{option}: int expected, not {type(value).__name__}")
    if value < 0:
        raise ValueError(f"{option}: must not be negative, is {value}")


def _not_a_value(schema: object) -> object:
    if schema is None or isinstance(schema, (int, float, bytes, list, tuple, set)):
        raise TypeError(f"schema: a JSON schema or a Python type expected, not {type(schema).__name__} {schema!r:.40}")
    return schema


def _dumps(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


def _regex_grammar(pattern: str, options: Mapping[str, Any]) -> Grammar:
    return Grammar(Terminal(from_regex(pattern, **options)))


def _schema_grammar(source: str, options: Mapping[str, Any], limits: Limits) -> Grammar:
    layout = {name: options[name] for name in ("style", "max_whitespace", "indent") if name in options}
    registry = json.loads(options.get("registry", "{}"))
    reading = Reading(
        options.get("draft"), options.get("formats", "assertion"), registry, options.get("unknown_formats", "ignore")
    )
    return from_json_schema(
        json.loads(source),
        property_order=options["property_order"],
        layout=JsonLayout(**layout),
        limits=limits,
        reading=reading,
    )
