"""Bounds on lengths and numbers of items as an automaton counts them: in 31 bits."""

from __future__ import annotations

from typing import Final

from .errors import UnsupportedSchemaError
from .json_places import Part

LARGEST: Final = 2**31 - 1


def at_most(maximum: int | None) -> int | None:
    """An upper bound; None, which is no bound, for what is beyond the texts that an automaton can walk."""
    return None if maximum is None or maximum > LARGEST else maximum


def at_least(minimum: int | None, keyword: str, part: Part) -> int:
    """A lower bound. Raises UnsupportedSchemaError for one beyond the texts that an automaton can walk."""
    if minimum is not None and minimum > LARGEST:
        raise UnsupportedSchemaError(part.pointer(keyword), keyword, f"bounds go up to {LARGEST}, not {minimum}")
    return minimum or 0
