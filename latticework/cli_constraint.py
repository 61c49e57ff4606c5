"""The options that say what a text must look like, the same for all commands, and the constraint that they describe."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias, get_type_hints

import typer

from .cli_options import UsageError, read_bytes

if TYPE_CHECKING:
    from .grammar import Constraint

# What a constraint is made of: exactly one of these options is given.
SOURCES = ("schema", "regex", "choice", "lark", "gbnf", "ebnf", "grammar", "tools")
_PANEL = f"The constraint (exactly one of {', '.join('--' + name for name in SOURCES)})"
_GRAMMARS = "arithmetic, c, csv, graphql, iso_date, json, python, regex, smiles, sql, url, xml"

# The options that change how one is read, and for which of them they have a meaning.
_BELONGS_TO = {
    "property_order": ("schema", "tools"),
    "whitespace": ("schema", "tools"),
    "dialect": ("regex",),
    "start": ("lark", "gbnf", "ebnf"),
    "lexer": ("lark",),
    "import_path": ("lark",),
    "notation": ("ebnf",),
    "style": ("tools",),
    "call": ("tools",),
}


def _option(words: str, **more: Any) -> Any:
    return typer.Option(help=words, rich_help_panel=_PANEL, **more)


_Source: TypeAlias = str | None
PropertyOrder: TypeAlias = Literal["declared", "any"]
Whitespace: TypeAlias = Literal["flexible", "compact", "indent"]


@dataclass(frozen=True, kw_only=True)
class ConstraintOptions:
    """One field for each option, in the order of `--help`. Raises `UsageError` if they are no constraint together."""

    schema: Annotated[_Source, _option("JSON Schema: a file, '-' for standard input, or the JSON text itself.")] = None
    regex: Annotated[_Source, _option("Regular expression that the whole text matches.")] = None
    choice: Annotated[list[str] | None, _option("One of the allowed texts; give the option once for each.")] = None
    lark: Annotated[_Source, _option("Grammar in the syntax of Lark: a file, or '-'.", metavar="FILE")] = None
    gbnf: Annotated[_Source, _option("Grammar in GBNF, as for llama.cpp: a file, or '-'.", metavar="FILE")] = None
    ebnf: Annotated[_Source, _option("Grammar in EBNF: a file, or '-'.", metavar="FILE")] = None
    grammar: Annotated[_Source, _option(f"A grammar that comes along: {_GRAMMARS}.", metavar="NAME")] = None
    tools: Annotated[
        _Source, _option("Messages that call tools, by their definitions: a JSON file, or '-'.", metavar="FILE")
    ] = None
    property_order: Annotated[
        PropertyOrder, _option("With --schema, --tools: order of the properties of an object.")
    ] = "declared"
    whitespace: Annotated[
        Whitespace,
        _option(
            "With --schema, --tools: white space between JSON tokens; a bounded amount, none, or two columns a level."
        ),
    ] = "flexible"
    dialect: Annotated[
        Literal["python", "ecma"], _option("With --regex: its spelling, as in Python's `re` or as in ECMA-262.")
    ] = "python"
    start: Annotated[
        _Source, _option("With --lark, --gbnf, --ebnf: the rule to start from, instead of start, root, the first.")
    ] = None
    lexer: Annotated[
        Literal["contextual", "basic"],
        _option("With --lark: the lexer tries the terminals that can be read at a place, or all of them."),
    ] = "contextual"
    import_path: Annotated[
        list[Path] | None,
        _option("With --lark: a folder that %import looks in, instead of the grammar's own; again for more."),
    ] = None
    notation: Annotated[
        Literal["w3c", "iso"], _option("With --ebnf: its spelling, as in W3C specifications or ISO 14977.")
    ] = "w3c"
    style: Annotated[
        str, _option("With --tools: how the model writes calls: openai, hermes, llama3, mistral, ...", metavar="NAME")
    ] = "hermes"
    call: Annotated[
        Literal["auto", "required", "none"], _option("With --tools: the model may call, has to, or must not.")
    ] = "auto"

    def __post_init__(self) -> None:
        given = [name for name in SOURCES if getattr(self, name) not in (None, [])]
        if len(given) != 1:
            names = ", ".join(f"--{name}" for name in SOURCES[:-1])
            raise UsageError(f"say what the text must look like: exactly one of {names} and --{SOURCES[-1]}")
        for field in fields(self):
            owners = _BELONGS_TO.get(field.name, given)
            if given[0] not in owners and getattr(self, field.name) not in (field.default, []):
                places = " and ".join(f"--{name}" for name in owners)
                raise UsageError(f"--{field.name.replace('_', '-')} has a meaning only with {places}")

    @property
    def from_stdin(self) -> str:
        """The option whose text comes from standard input, or nothing."""
        names = ("schema", "lark", "gbnf", "ebnf", "tools")
        return next((f"--{name}" for name in names if getattr(self, name) == "-"), "")

    def constraint(self) -> Constraint:
        """The constraint. Raises `UsageError` for what cannot be read, `GrammarError` for what is wrong in it."""
        from .grammar import constraint as constraints

        if self.schema is not None:
            source = _schema_text(self.schema)
            return constraints.json_schema(source, property_order=self.property_order, whitespace=self.whitespace)
        if self.regex is not None:
            return constraints.regex(self.regex, dialect=self.dialect)
        if self.choice:
            return constraints.choice(self.choice)
        if self.tools is not None:
            return self._tool_calls(self.tools)
        return self._grammar_text()

    def _grammar_text(self) -> Constraint:
        from .grammar.constraint_grammars import ebnf, gbnf, lark

        if self.lark is not None:
            paths = self.import_path or [Path() if self.lark == "-" else Path(self.lark).parent]
            text, names = _grammar_source(self.lark), [str(path) for path in paths]
            return lark(text, start=self.start or "start", lexer=self.lexer, import_paths=names)
        if self.gbnf is not None:
            return gbnf(_grammar_source(self.gbnf), start=self.start or "root")
        if self.ebnf is not None:
            return ebnf(_grammar_source(self.ebnf), start=self.start, notation=self.notation)
        return _shipped(self.grammar or "")

    def _tool_calls(self, source: str) -> Constraint:
        from .grammar.tool_calls import tool_calls

        options = {"property_order": self.property_order, "whitespace": self.whitespace}
        try:
            tools = json.loads(read_bytes(source, what="the tools"))
            return tool_calls(tools, style=self.style, choice=self.call, schema_options=options)
        except json.JSONDecodeError as error:
            raise UsageError(f"the tools: not JSON: {error}") from None
        except TypeError as error:
            raise UsageError(f"the tools: {error}") from None


def with_constraint(command: Callable[..., None]) -> Callable[..., None]:
    """The command with the options of `ConstraintOptions`; it receives them by name as its parameter `given`."""

    @wraps(command)
    def called(**arguments: Any) -> None:
        given = {field.name: arguments.pop(field.name) for field in fields(ConstraintOptions)}
        command(given=given, **arguments)

    parameters: list[inspect.Parameter] = []
    for parameter in inspect.signature(command, eval_str=True).parameters.values():
        parameters += _constraint_parameters() if parameter.name == "given" else [parameter]
    parameters = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in parameters]
    called.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # what Typer reads
    called.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return called


def _constraint_parameters() -> list[inspect.Parameter]:
    types = get_type_hints(ConstraintOptions, include_extras=True)
    kind = inspect.Parameter.KEYWORD_ONLY
    return [
        inspect.Parameter(field.name, kind, default=field.default, annotation=types[field.name])
        for field in fields(ConstraintOptions)
    ]


def _shipped(name: str) -> Constraint:
    from .grammar import lark, library

    if name not in library.names():
        raise UsageError(f"no grammar {name!r} comes along; there are {', '.join(library.names())}")
    return lark(library.text(name), lexer=library.lexer(name))


def _grammar_source(source: str) -> str:
    return read_bytes(source, what="the grammar").decode()


def _schema_text(source: str) -> str:
    """The JSON text behind `--schema`: standard input, the argument itself, or a file."""
    if source == "-":
        return read_bytes("-", what="the schema").decode()
    if source.lstrip()[:1] in {"{", "["} or source.strip() in {"true", "false"}:
        return source
    return read_bytes(source, what="the schema").decode()
