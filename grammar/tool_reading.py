"""Reads calls of tools back from a finished text: plain searches for what the format says, and a JSON parser between."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from .tool_formats import ToolFormat
from .tool_messages import ToolCall, ToolMessage

_DECODER = json.JSONDecoder()


def read_message(text: str, form: ToolFormat, names: Iterable[str], *, is_list: bool) -> ToolMessage:
    """The free text and the calls of a message. Raises `ValueError` if what follows a trigger is no call."""
    place = _first_call(text, form)
    if place is None:
        return ToolMessage(text)
    reader = _Reader(text, form, sorted(names, key=len, reverse=True))
    for begin in form.begin:
        if text.startswith(begin, place) and (calls := reader.calls(place + len(begin), is_list)):
            return ToolMessage(text[:place], calls)
    raise ValueError(f"no complete calls of tools at position {place}: {text[place : place + 60]!r}")


def _first_call(text: str, form: ToolFormat) -> int | None:
    if form.text == "instead":
        return 0 if text.startswith(form.trigger) else None
    return min((text.find(trigger) for trigger in form.trigger if trigger in text), default=None)


class _Reader:
    """One text, read from places that a format expects something at; None means that it is not there."""

    def __init__(self, text: str, form: ToolFormat, names: list[str]) -> None:
        self._text = text
        self._form = form
        self._names = names

    def calls(self, place: int, is_list: bool) -> tuple[ToolCall, ...] | None:
        """The calls up to the end of the text."""
        found: list[ToolCall | None] = []
        if is_list:
            items, after = self._json(place)
            found = [self._object(item) for item in items] if isinstance(items, list) else []
        else:
            after = place
            while not found or (self._text.startswith(self._form.between, after) and not self._is_end(after)):
                call, after = self._call(after + len(self._form.between) * bool(found))
                found.append(call)
                if call is None:
                    return None
        if not self._is_end(after):
            return None
        return tuple(call for call in found if call is not None) if None not in found else None

    def _is_end(self, place: int) -> bool:
        return self._text[place:] == self._form.end

    def _call(self, place: int) -> tuple[ToolCall | None, int]:
        """A call that is no item of a list, and where it ends."""
        pieces = self._form.pieces
        if len(pieces) == 3:
            head, _, tail = pieces
            value, after = self._json(place + len(head))
            call = self._object(value)
        else:
            head, _, middle, _, tail = pieces
            heads = ((name, head + name + middle) for name in self._names)
            name, written = next((pair for pair in heads if self._text.startswith(pair[1], place)), ("", head))
            value, after = self._json(place + len(written))
            call = ToolCall(name, value) if name and isinstance(value, dict) else None
        complete = self._text.startswith(head, place) and self._text.startswith(tail, after)
        return (call if complete else None), after + len(tail)

    def _object(self, value: Any) -> ToolCall | None:
        if not isinstance(value, dict) or tuple(value) != self._form.keys:
            return None
        name, arguments = value.values()
        return ToolCall(name, arguments) if name in self._names and isinstance(arguments, dict) else None

    def _json(self, place: int) -> tuple[Any, int]:
        """A JSON value, and where it ends; None if there is none."""
        try:
            return _DECODER.raw_decode(self._text, place)
        except json.JSONDecodeError:
            return None, place
