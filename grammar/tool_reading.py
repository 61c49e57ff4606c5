"""Reads calls of tools back from a finished text: plain searches for what the format says, and a JSON parser between."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from .tool_arguments import Kinds
from .tool_formats import NUMBER, ToolFormat
from .tool_messages import ToolCall, ToolMessage
from .tool_texts import read_text
from .tool_values import read_python

_DECODER = json.JSONDecoder()


def read_message(text: str, form: ToolFormat, tools: Mapping[str, Kinds], *, is_list: bool) -> ToolMessage:
    """The free text and the calls of a message. Raises `ValueError` if what follows a trigger is no call.

    `tools`: the types that the arguments of each tool may have, where these are written as plain text.
    """
    place = _first_call(text, form)
    if place is None:
        return ToolMessage(text)
    reader = _Reader(text, form, tools)
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

    def __init__(self, text: str, form: ToolFormat, tools: Mapping[str, Kinds]) -> None:
        self._text = text
        self._form = form
        self._kinds = tools
        self._names = sorted(tools, key=len, reverse=True)

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
        head, tail = self._form.pieces[0], self._form.pieces[-1]
        if len(self._form.pieces) == 3:
            value, after = self._json(place + len(head))
            call = self._object(value)
        else:
            call, after = self._named_call(place)
        complete = self._text.startswith(head, place) and self._text.startswith(tail, after)
        return (call if complete else None), after + len(tail)

    def _named_call(self, place: int) -> tuple[ToolCall | None, int]:
        """A bare name, and then the arguments."""
        for name in self._names:
            if begun := self._head(name).match(self._text, place):
                written = self._arguments if self._form.argument else self._json
                value, after = written(begun.end(), self._kinds[name])
                number = int(begun["number"]) if "number" in begun.groupdict() else None
                return (ToolCall(name, value, number) if isinstance(value, dict) else None), after
        return None, place

    def _head(self, name: str) -> re.Pattern[str]:
        """What stands before the arguments in a call of a tool."""
        written = {"name": re.escape(name), "number": f"(?P<number>{NUMBER})"}
        pieces = self._form.pieces[:-2]
        return re.compile("".join(re.escape(one) if at % 2 == 0 else written[one] for at, one in enumerate(pieces)))

    def _arguments(self, place: int, kinds: Kinds) -> tuple[dict[str, Any] | None, int]:
        """Arguments one after the other, up to what stands behind the last."""
        found: dict[str, Any] = {}
        before, middle, after = self._form.argument_pieces
        while not self._text.startswith(self._form.pieces[-1], place):
            before_this = (self._form.arguments_between if found else "") + before
            key_end = self._text.find(middle, place)
            if key_end < 0 or not self._text.startswith(before_this, place):
                return None, place
            key = self._text[place + len(before_this) : key_end]
            try:
                found[key], end = self._value(key_end + len(middle), kinds.get(key))
            except ValueError:
                return None, place
            if not self._text.startswith(after, end):
                return None, place
            place = end + len(after)
        return found, place

    def _value(self, place: int, kinds: frozenset[str] | None) -> tuple[Any, int]:
        if self._form.values == "python":
            return read_python(self._text, place)
        if self._form.values == "text":
            return read_text(self._text, place, self._form.argument_pieces[2], kinds or frozenset())
        return _DECODER.raw_decode(self._text, place)

    def _object(self, value: Any) -> ToolCall | None:
        if not isinstance(value, dict) or tuple(value) != self._form.keys:
            return None
        name, arguments = value.values()
        return ToolCall(name, arguments) if name in self._names and isinstance(arguments, dict) else None

    def _json(self, place: int, _: Kinds | None = None) -> tuple[Any, int]:
        """A JSON value, and where it ends; None if there is none."""
        try:
            return _DECODER.raw_decode(self._text, place)
        except json.JSONDecodeError:
            return None, place
