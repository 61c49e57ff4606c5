"""Checks of the options of constraints: each says which option is wrong, and what it may be."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Literal, TypeAlias, get_args

from .errors import GrammarError
from .json_reading import draft_name
from .schema_source import plain_registry

PropertyOrder: TypeAlias = Literal["declared", "any"]
Whitespace: TypeAlias = Literal["flexible", "compact", "indent"]
Dialect: TypeAlias = Literal["python", "ecma"]
Options: TypeAlias = tuple[tuple[str, str | int | bool | None], ...]

MAX_WHITESPACE = 40
INDENT = 2


def layout_options(whitespace: str, max_whitespace: int, indent: int) -> Options:
    """The layout of JSON, without what has no effect in this style."""
    check_one_of("whitespace", whitespace, Whitespace)
    check_natural("max_whitespace", max_whitespace)
    check_natural("indent", indent)
    if max_whitespace != MAX_WHITESPACE and whitespace != "flexible":
        raise ValueError(f"max_whitespace={max_whitespace} has a meaning only with whitespace='flexible'")
    if indent != INDENT and whitespace != "indent":
        raise ValueError(f"indent={indent} has a meaning only with whitespace='indent'")
    style: Options = (("style", whitespace),)
    match whitespace:
        case "flexible":
            return (*style, ("max_whitespace", max_whitespace))
        case "indent":
            return (*style, ("indent", indent))
        case _:
            return style


def reading_options(
    draft: object, formats: str, unknown_formats: str, registry: Mapping[str, object] | None, integers: str
) -> Options:
    """How to read the schema, without what is so by default; the registry as JSON text, so that equal ones are equal."""
    name = draft_name(draft)
    options: list[tuple[str, str | int | bool | None]] = [] if name is None else [("draft", name)]
    if formats != "assertion":
        options.append(("formats", formats))
    if unknown_formats != "ignore":
        options.append(("unknown_formats", unknown_formats))
    if integers != "plain":
        options.append(("integers", integers))
    if registry:
        options.append(("registry", compact_json(plain_registry(registry))))
    return tuple(options)


def check_one_of(option: str, value: object, allowed: object) -> None:
    """`allowed` is a `Literal` type. Raises `TypeError` or `ValueError`."""
    names = get_args(allowed)
    if not isinstance(value, str):
        raise TypeError(f"{option}: str expected, not {type(value).__name__}")
    if value not in names:
        raise ValueError(f"{option}: {' or '.join(map(repr, names))} expected, not {value!r}")


def check_natural(option: str, value: object) -> None:
    """An integer from 0. Raises `TypeError` or `ValueError`."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{option}: int expected, not {type(value).__name__}")
    if value < 0:
        raise ValueError(f"{option}: must not be negative, is {value}")


def check_max_tokens(value: int | None) -> Options:
    """How many tokens may take part in a terminal, as an option; none if any number may.

    Raises `TypeError` or `ValueError`.
    """
    if value is None:
        return ()
    check_natural("max_tokens", value)
    if value == 0:
        raise ValueError("max_tokens: must be at least 1")
    return (("max_tokens", value),)


def check_bounds(lower: str, minimum: object, upper: str, maximum: object) -> None:
    """Two naturals, the second of which may be None. Raises `TypeError` or `ValueError`."""
    check_natural(lower, minimum)
    if maximum is not None:
        check_natural(upper, maximum)
        if isinstance(maximum, int) and isinstance(minimum, int) and maximum < minimum:
            raise ValueError(f"{upper}={maximum} is less than {lower}={minimum}")


def check_bool(option: str, value: object) -> None:
    """Raises `TypeError`."""
    if not isinstance(value, bool):
        raise TypeError(f"{option}: bool expected, not {value!r:.60}")


def check_text(option: str, value: object, *, allow_empty: bool = True) -> str:
    """The text as a plain `str`. Raises `TypeError`, or `GrammarError` for what no text can spell."""
    if not isinstance(value, str):
        raise TypeError(f"{option}: str expected, not {type(value).__name__}")
    if any("\ud800" <= char <= "\udfff" for char in value):
        raise GrammarError(f"{option}: {value!r:.60} holds a surrogate, which no text can spell")
    if not value and not allow_empty:
        raise GrammarError(f"{option}: the text is empty")
    return str(value)


def compact_json(value: object) -> str:
    """JSON text without spaces."""
    return json.dumps(value, separators=(",", ":"))
