"""What an output must look like, as a value: `json_schema(...)`, `regex(...)` and `choice(...)` make a `Constraint`.

A constraint is cheap: it keeps its source and its options. The grammar is built when a `Compiler` asks for it, and the
same object later turns the finished text into what the caller wants (`parse`). Grammar texts and everything that is
composed of other constraints are subclasses, in the files of their subjects.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, TypeAlias

from .constraint_options import (
    INDENT,
    MAX_WHITESPACE,
    Dialect,
    Options,
    PropertyOrder,
    Whitespace,
    check_bool,
    check_max_tokens,
    check_one_of,
    check_text,
    compact_json,
    layout_options,
    reading_options,
)
from .errors import GrammarError
from .ir import CountedTerminal, Grammar, JsonLayout, Regex, SpecialToken, Terminal, TextSet
from .json_reading import Formats, Integers, Reading, UnknownFormats
from .json_schema import from_json_schema
from .limits import DEFAULT_LIMITS, Limits
from .python_types import PythonType
from .regex import from_regex
from .schema_source import json_text, parsed, reread_text

Kind: TypeAlias = Literal[
    "json_schema", "regex", "choice", "lark", "gbnf", "ebnf", "until", "free_text", "substring", "sequence", "either",
    "repeat", "reasoning", "tags", "tool_calls", "special_token"
]  # fmt: skip

CONSTRAINT_EXPECTED = (
    "a constraint expected, made by json_schema(...), regex(...), choice(...), lark(...), tags(...) or the like"
)
_MAX_DEPTH = 64
_MAX_PARTS = 100_000


@dataclass(frozen=True)
class Constraint:
    """A set of texts, and how to read one; hashable, comparable, picklable.

    Attributes:
        kind: the name of the function that made it.
        source: what the constraint says: a schema or other data as JSON text (members in their order, which decides the
            order of the output), a pattern, a grammar text, ...
        options: the options by name, without those that have no effect here.
        python_type: the Python type that `parse` returns an instance of, if the schema was made from one.
        parts: the constraints that it is composed of.
    """

    kind: Kind
    source: str
    options: Options = ()
    python_type: PythonType | None = None
    parts: tuple[Constraint, ...] = ()

    def __post_init__(self) -> None:
        depth, count = self._extent
        if depth > _MAX_DEPTH:
            raise GrammarError(f"{self.kind}: constraints are composed more than {_MAX_DEPTH} levels deep")
        if count > _MAX_PARTS:
            raise GrammarError(f"{self.kind}: more than {_MAX_PARTS} constraints are composed")

    @cached_property
    def _extent(self) -> tuple[int, int]:
        """How deep the constraint is composed, and of how many, a part counted wherever it stands."""
        inner = [part._extent for part in self.parts]  # noqa: SLF001 - of the same class
        return 1 + max((depth for depth, _ in inner), default=0), 1 + sum(count for _, count in inner)

    @cached_property
    def key(self) -> tuple[object, ...]:
        """Equal keys mean equal grammars: what a cache of compiled grammars is keyed by."""
        return self.kind, self.source, self.options, *(part.key for part in self.parts)

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
            case "special_token":
                return Grammar(SpecialToken(self.source))
            case "json_schema":
                return _schema_grammar(self.source, options, limits)
        raise TypeError(f"a constraint of the kind {self.kind!r} is made by the function of that name")

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
    max_whitespace: int = MAX_WHITESPACE,
    indent: int = INDENT,
    draft: int | str | None = None,
    formats: Formats = "assertion",
    unknown_formats: UnknownFormats = "ignore",
    registry: Mapping[str, object] | None = None,
    integers: Integers = "plain",
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
        integers: "plain" writes whole numbers that the schema asks for as digits, "any" also with a fraction of zeros
            (`1.0`), for schemas only: Python's types do not all take such a number for an integer.

    Raises:
        TypeError, ValueError: an option or the kind of `schema` is wrong.
        GrammarSyntaxError, SchemaError: the JSON text does not parse, or a value in the schema is not JSON. Whether the
            schema can be enforced is decided when it is compiled.
    """
    check_one_of("property_order", property_order, PropertyOrder)
    check_one_of("formats", formats, Formats)
    check_one_of("unknown_formats", unknown_formats, UnknownFormats)
    check_one_of("integers", integers, Integers)
    reading = reading_options(draft, formats, unknown_formats, registry, integers)
    layout = layout_options(whitespace, max_whitespace, indent)
    python_type: PythonType | None = None
    if isinstance(schema, str):
        source = reread_text(schema)
    elif isinstance(schema, (bool, Mapping)):
        source = json_text(schema)
    else:
        if integers != "plain":
            raise ValueError(f"integers={integers!r} has a meaning only for schemas, not for Python types")
        python_type = PythonType(_not_a_value(schema))
        source = json_text(python_type.schema())
    if source[0] not in "{tf":
        raise TypeError(f"a JSON schema is an object or a boolean, not {source[:40]}")
    options = (("property_order", property_order), *layout, *reading)
    return Constraint("json_schema", source, options, python_type)


def regex(
    pattern: str, *, dialect: Dialect = "python", search: bool = False, max_tokens: int | None = None
) -> Constraint:
    """Text that matches a regular expression.

    Args:
        pattern: the expression. `dialect` says how it is spelled: "python" as for the module `re`, "ecma" as in
            ECMA-262 with the flag `u` (the spelling of JSON Schema).
        search: allow any text before and after a match; otherwise the whole text matches.
        max_tokens: how many tokens may take part in the text, where it is a part of another constraint: those that spell
            a byte of it, be it the last of a token that begins before or goes on behind. If the vocabulary cannot spell a
            match with so few tokens, compiling it is a `VocabularyError`.

    Raises `TypeError` or `ValueError` for a wrong option; a wrong pattern is a `GrammarSyntaxError` at compile time.
    """
    if not isinstance(pattern, str):
        raise TypeError(
            f"pattern: str expected, not {type(pattern).__name__} (give flags inside the pattern: '(?i)...')"
        )
    check_one_of("dialect", dialect, Dialect)
    check_bool("search", search)
    return Constraint("regex", pattern, (("dialect", dialect), ("search", search), *check_max_tokens(max_tokens)))


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
    return Constraint("choice", compact_json(list(seen)))


def special_token(name: str) -> Constraint:
    """The special token of this name, as a part of compositions: `sequence(special_token("[ARGS]"), json_schema(True))`.

    In free text, JSON and all other constraints special tokens are never allowed. Where text is generated, and where
    `parse` reads it, the name stands for the token. In a vocabulary without such a token (or if it ends the text), no
    text goes on this way; a constraint that then has no text at all is a `VocabularyError` when it is compiled.

    Raises `TypeError` if the name is no text, `GrammarError` if it is empty or not valid Unicode.
    """
    return Constraint("special_token", check_text("special_token", name, allow_empty=False))


def _not_a_value(schema: object) -> object:
    if schema is None or isinstance(schema, (int, float, bytes, list, tuple, set)):
        raise TypeError(f"schema: a JSON schema or a Python type expected, not {type(schema).__name__} {schema!r:.40}")
    return schema


def _regex_grammar(pattern: str, options: Mapping[str, Any]) -> Grammar:
    regex = from_regex(pattern, dialect=options["dialect"], search=options["search"])
    return Grammar(terminal(regex, options.get("max_tokens")))


def terminal(regex: Regex, max_tokens: int | None, enough: int | None = None) -> Terminal | CountedTerminal:
    """A terminal in which only so many tokens may take part, if there is such a bound."""
    return Terminal(regex) if max_tokens is None else CountedTerminal(regex, max_tokens, enough)


def _schema_grammar(source: str, options: Mapping[str, Any], limits: Limits) -> Grammar:
    layout = {name: options[name] for name in ("style", "max_whitespace", "indent") if name in options}
    registry = json.loads(options.get("registry", "{}"))
    given = {name: options[name] for name in ("draft", "formats", "unknown_formats", "integers") if name in options}
    reading = Reading(registry=registry, **given)
    return from_json_schema(
        parsed(source),
        property_order=options["property_order"],
        layout=JsonLayout(**layout),
        limits=limits,
        reading=reading,
    )
