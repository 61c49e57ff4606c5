"""What the commands share: the options that say what a text must look like, where text comes from, exit codes."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

import typer
from rich.console import Console

if TYPE_CHECKING:
    from .grammar import Constraint

errors = Console(stderr=True, highlight=False, soft_wrap=True)


class Exit(IntEnum):
    """The exit codes of every command, for scripts."""

    OK = 0  # the text matches; the output is complete
    MISMATCH = 1  # the text does not match, or the output is incomplete
    USAGE = 2  # the options or the constraint are wrong, or a limit was reached
    MODEL = 3  # the model, its tokenizer or the vocabulary cannot be loaded or used


EXIT_CODES = (
    "Exit codes: 0 the text matches or the output is complete; 1 it does not match or is not complete; "
    "2 the options or the constraint are wrong, or a limit was reached; 3 the model, tokenizer or vocabulary cannot be used."
)

_PANEL = "The constraint (exactly one of --schema, --regex, --choice)"

Schema: TypeAlias = Annotated[
    str | None,
    typer.Option(help="JSON Schema: a file, '-' for standard input, or the JSON text itself.", rich_help_panel=_PANEL),
]
Regex: TypeAlias = Annotated[
    str | None, typer.Option(help="Regular expression that the whole text matches.", rich_help_panel=_PANEL)
]
Choice: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(help="One of the allowed texts; give the option once for each.", rich_help_panel=_PANEL),
]
PropertyOrder: TypeAlias = Annotated[
    Literal["declared", "any"],
    typer.Option(help="With --schema: order of the properties of an object.", rich_help_panel=_PANEL),
]
Whitespace: TypeAlias = Annotated[
    Literal["flexible", "compact", "indent"],
    typer.Option(
        help="With --schema: white space between JSON tokens; a bounded amount, none, or two columns for each level.",
        rich_help_panel=_PANEL,
    ),
]
Dialect: TypeAlias = Annotated[
    Literal["python", "ecma"],
    typer.Option(help="With --regex: its spelling, as in Python's `re` or as in ECMA-262.", rich_help_panel=_PANEL),
]
Tokenizer: TypeAlias = Annotated[
    str,
    typer.Option(
        metavar="PATH|builtin",
        help="A tokenizer.json, a .tiktoken file, a SentencePiece .model, a Hugging Face folder or name, or 'builtin'.",
    ),
]


class UsageError(Exception):
    """The command was called in a way that makes no sense; the message says how to call it."""


class ModelError(Exception):
    """A model, tokenizer or vocabulary cannot be loaded."""


def read_constraint(
    schema: str | None,
    regex: str | None,
    choices: list[str] | None,
    *,
    property_order: Literal["declared", "any"] = "declared",
    whitespace: Literal["flexible", "compact", "indent"] = "flexible",
    dialect: Literal["python", "ecma"] = "python",
) -> Constraint:
    """The constraint that the options describe. Raises `UsageError` unless it is exactly one."""
    from .grammar import constraint as constraints

    if (schema is not None) + (regex is not None) + bool(choices) != 1:
        raise UsageError("say what the text must look like: exactly one of --schema, --regex and --choice")
    if schema is not None:
        return constraints.json_schema(schema_text(schema), property_order=property_order, whitespace=whitespace)
    if (property_order, whitespace) != ("declared", "flexible"):
        raise UsageError("--property-order and --whitespace have a meaning only with --schema")
    if regex is not None:
        return constraints.regex(regex, dialect=dialect)
    return constraints.choice(choices or [])


def schema_text(source: str) -> str:
    """The JSON text behind `--schema`: standard input, the argument itself, or a file."""
    if source == "-":
        return read_bytes("-", what="the schema").decode()
    if source.lstrip()[:1] in {"{", "["} or source.strip() in {"true", "false"}:
        return source
    return read_bytes(source, what="the schema").decode()


def read_bytes(source: str, *, what: str) -> bytes:
    """The content of a file, or of standard input for "-". Raises `UsageError` if it cannot be read."""
    if source == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(source).read_bytes()
    except OSError as error:
        raise UsageError(f"{what}: cannot read {source}: {error.strerror}") from None


@contextmanager
def exit_codes() -> Iterator[None]:
    """Turn the errors that a user can mend into one message on standard error and an exit code, without a traceback."""
    try:
        yield
    except UsageError as error:
        stop(Exit.USAGE, str(error))
    except ModelError as error:
        stop(Exit.MODEL, str(error))
    except UnicodeDecodeError as error:
        stop(Exit.USAGE, f"the input is not UTF-8 text: byte {error.start}: {error.reason}")
    except Exception as error:
        from .grammar import ConstraintError, VocabularyError

        if not isinstance(error, ConstraintError):
            raise
        stop(Exit.MODEL if isinstance(error, VocabularyError) else Exit.USAGE, f"{type(error).__name__}: {error}")


def stop(code: Exit, message: str) -> None:
    """Print the message and leave with the code."""
    errors.print(f"[bold red]error:[/] {escape(message)}")
    raise typer.Exit(int(code))


def escape(text: str) -> str:
    """Text as it stands, for a console that reads markup."""
    from rich.markup import escape as escape_markup

    return escape_markup(text)
