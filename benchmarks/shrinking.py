"""Makes a JSON value smaller, step by step, as long as something remains true of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

KEPT = "$schema"


def shrunk(value: Any, holds: Callable[[Any], bool], most_seconds: float = 30.0) -> Any:
    """A value of which `holds` is true, and of no smaller neighbour (or the time is up). It must hold of `value`."""
    until = time.process_time() + most_seconds
    while True:
        for smaller in neighbours(value):
            if time.process_time() > until:
                return value
            if holds(smaller):
                value = smaller
                break
        else:
            return value


def neighbours(value: Any) -> Iterator[Any]:
    """Values that are one step smaller, the much smaller ones first: a part in place of the whole, a part left out."""
    if isinstance(value, dict):
        yield from _objects(value)
    elif isinstance(value, list):
        yield from _lists(value)
    elif value not in (0, "", None, True, False) or value == 1:
        yield 0 if isinstance(value, (int, float)) else ""
        if isinstance(value, float) and value != int(value):
            yield int(value)
        elif isinstance(value, int) and abs(value) > 1:
            yield value // 2
        elif isinstance(value, str) and len(value) > 1:
            yield value[1:]


def _objects(value: dict[str, Any]) -> Iterator[Any]:
    kept = {KEPT: value[KEPT]} if KEPT in value else {}
    for part in value.values():
        if isinstance(part, dict):
            yield {**kept, **part}
        elif isinstance(part, list):
            yield from ({**kept, **inner} for inner in part if isinstance(inner, dict))
    for name in value:
        if name != KEPT:
            yield {other: part for other, part in value.items() if other != name}
    for name, part in value.items():
        if name != KEPT:
            yield from ({**value, name: smaller} for smaller in neighbours(part))


def _lists(value: list[Any]) -> Iterator[Any]:
    yield from value
    for index in range(len(value)):
        yield value[:index] + value[index + 1 :]
    for index, part in enumerate(value):
        yield from ([*value[:index], smaller, *value[index + 1 :]] for smaller in neighbours(part))
