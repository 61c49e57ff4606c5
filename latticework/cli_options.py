"""What the commands share: where text and vocabularies come from, exit codes, messages."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import typer
from rich.console import Console

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

_TOKENIZER = "a tokenizer.json, a .tiktoken file, a SentencePiece .model, a Hugging Face folder or name, or 'builtin'"
Tokenizer: TypeAlias = Annotated[str, typer.Option(metavar="PATH|builtin", help=f"The vocabulary: {_TOKENIZER}.")]
OptionalTokenizer: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--tokenizer", metavar="PATH|builtin", help=f"Tell which tokens could stand there, too: {_TOKENIZER}."
    ),
]
EndToken: TypeAlias = Annotated[
    list[str] | None, typer.Option(help="A token that ends a text, where the tokenizer does not tell.")
]


class UsageError(Exception):
    """The command was called in a way that makes no sense; the message says how to call it."""


class ModelError(Exception):
    """A model, tokenizer or vocabulary cannot be loaded."""


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
        with _warnings_shown():
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


@contextmanager
def _warnings_shown() -> Iterator[None]:
    """Print what is suspicious in a grammar on standard error, once, with its place; other warnings go their way."""
    from .grammar import GrammarWarning

    with warnings.catch_warnings():
        warnings.simplefilter("default", GrammarWarning)
        usual = warnings.showwarning

        def show(message: Warning | str, category: type[Warning], *place: Any) -> None:
            if issubclass(category, GrammarWarning):
                errors.print(f"[bold yellow]warning:[/] {escape(str(message))}")
            else:
                usual(message, category, *place)

        warnings.showwarning = show  # type: ignore[assignment]
        yield


def stop(code: Exit, message: str) -> None:
    """Print the message and leave with the code."""
    errors.print(f"[bold red]error:[/] {escape(message)}")
    raise typer.Exit(int(code))


def escape(text: str) -> str:
    """Text as it stands, for a console that reads markup."""
    from rich.markup import escape as escape_markup

    return escape_markup(text)
