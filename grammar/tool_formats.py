"""The formats in which models write calls of tools: read from `tool_formats.toml`, or given as data in the same form."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from functools import cache
from importlib.resources import files
from typing import Any

from .constraint_options import check_text
from .errors import GrammarError
from .tags_dispatch import may_overlap, triggers_of

_PLACES = re.compile(r"\{(call|name|number|arguments)\}")
_CALLS = (("call",), ("name", "arguments"), ("name", "number", "arguments"))
_ARGUMENT = re.compile(r"\{(key|value)\}")
_VALUES = ("json", "python", "text")
NUMBER = "0|[1-9][0-9]{0,8}"
_LISTS = ("always", "parallel", "never")
_TEXTS = ("before", "instead")


@dataclass(frozen=True)
class ToolFormat:
    """One format; `tool_formats.toml` says what the fields mean."""

    call: str
    trigger: tuple[str, ...]
    keys: tuple[str, ...] = ("name", "arguments")
    list: str = "never"
    begin: tuple[str, ...] = ("",)
    between: str = ""
    end: str = ""
    text: str = "before"
    special: tuple[str, ...] = ()
    argument: str = ""
    arguments_between: str = ""
    values: str = "json"
    reserved: tuple[str, ...] = ()

    @property
    def argument_pieces(self) -> tuple[str, str, str]:
        """What stands before the name of an argument, between it and its value, and behind that."""
        before, _, middle, _, after = _ARGUMENT.split(self.argument)
        return before, middle, after

    @property
    def pieces(self) -> tuple[str, ...]:
        """The call in pieces: texts, at even places, and the names of what stands between them."""
        return tuple(_PLACES.split(self.call))

    @property
    def texts(self) -> tuple[str, ...]:
        """Everything that the format itself writes."""
        of_arguments = (*_ARGUMENT.split(self.argument)[::2], self.arguments_between)
        return (*self.begin, *self.pieces[::2], self.between, self.end, *of_arguments)

    def is_list(self, parallel: bool) -> bool:
        """Whether the calls are the items of a JSON array."""
        return self.list == "always" or (self.list == "parallel" and parallel)

    def as_data(self) -> dict[str, Any]:
        """The fields as JSON values."""
        return asdict(self)


def tool_format(style: str | Mapping[str, Any]) -> ToolFormat:
    """The format of that name, or of this data.

    Raises `TypeError` for what is neither, `GrammarError` for an unknown name or data that is no format.
    """
    if isinstance(style, str):
        if style not in _shipped():
            raise GrammarError(
                f"style: {', '.join(sorted(_shipped()))} are known, or a table of the same form; not {style!r}"
            )
        return _shipped()[style]
    if not isinstance(style, Mapping):
        raise TypeError(f"style: a name or a mapping expected, not {type(style).__name__}")
    return _read("style", style)


def styles() -> dict[str, str]:
    """Every style by name (without other names for the same), and what it is."""
    return {name: table["about"] for name, table in _tables().items()}


@cache
def _shipped() -> dict[str, ToolFormat]:
    found: dict[str, ToolFormat] = {}
    for name, table in _tables().items():
        found |= dict.fromkeys((name, *table.get("also", ())), _read(name, table))
    return found


@cache
def _tables() -> dict[str, dict[str, Any]]:
    return tomllib.loads(files(__package__).joinpath("tool_formats.toml").read_text(encoding="utf-8"))


def _read(name: str, table: Mapping[str, Any]) -> ToolFormat:
    known = {field.name for field in fields(ToolFormat)}
    if unknown := table.keys() - known - {"about", "also"}:
        raise GrammarError(f"{name}: no format has {', '.join(sorted(map(repr, unknown)))}")
    if missing := {"call", "trigger"} - table.keys():
        raise GrammarError(f"{name}: a format needs {', '.join(sorted(missing))}")
    given: dict[str, Any] = {field: _value(f"{name}: {field}", field, table[field]) for field in known & table.keys()}
    found = ToolFormat(**given)
    _check(name, found)
    return found


def _value(place: str, field: str, value: object) -> str | tuple[str, ...]:
    if field not in ("trigger", "keys", "begin", "special", "reserved"):
        return check_text(place, value)
    if not isinstance(value, (list, tuple)) or not (value or field in ("special", "reserved")):
        raise TypeError(f"{place}: a list of texts expected, not {value!r:.60}")
    return tuple(check_text(place, text, allow_empty=field == "begin") for text in value)


def _check(name: str, found: ToolFormat) -> None:
    """Raises `GrammarError` for what contradicts itself or could not be read back."""
    places = found.pieces[1::2]
    if places not in _CALLS:
        raise GrammarError(
            f"{name}: call: {{call}}, or {{name}}, perhaps {{number}}, and {{arguments}} expected, once each, in {found.call!r}"
        )
    if not all(found.pieces[2:-1:2]):
        raise GrammarError(f"{name}: call: nothing stands between {' and '.join(f'{{{place}}}' for place in places)}")
    _check_arguments(name, found)
    if found.list not in _LISTS or found.text not in _TEXTS:
        raise GrammarError(f"{name}: list is one of {_LISTS}, text one of {_TEXTS}")
    if found.list != "never" and found.call != "{call}":
        raise GrammarError(f"{name}: the items of a list are written as {{call}}, not {found.call!r}")
    for mark in found.special:
        if not any(mark in text for text in found.texts):
            raise GrammarError(f"{name}: special: {mark!r} stands nowhere in the format")
    if len(found.keys) != 2 or found.keys[0] == found.keys[1]:
        raise GrammarError(f"{name}: keys: two different names expected, not {found.keys!r}")
    head = found.pieces[0] or ("{" if places == ("call",) else "")
    heads = {"always": ("[",), "parallel": ("[", "{"), "never": (head,)}[found.list]
    triggers_of([begin + head for begin in found.begin for head in heads], found.trigger)
    if may_overlap(found.trigger):
        raise GrammarError(f"{name}: trigger: the end of one is the beginning of one, in {found.trigger!r}")


def _check_arguments(name: str, found: ToolFormat) -> None:
    if found.values not in _VALUES:
        raise GrammarError(f"{name}: values is one of {_VALUES}")
    if not found.argument:
        if found.values != "json" or found.arguments_between or found.reserved:
            raise GrammarError(
                f"{name}: values, arguments_between and reserved say how an argument is written: argument"
            )
        return
    pieces = _ARGUMENT.split(found.argument)
    if pieces[1::2] != ["key", "value"] or not pieces[2]:
        raise GrammarError(f"{name}: argument: {{key}}, a text, and {{value}} expected, in {found.argument!r}")
    if "name" not in found.pieces:
        raise GrammarError(f"{name}: argument: the call has no {{arguments}}")
    before, _, after = found.argument_pieces
    if not found.pieces[-1] or found.pieces[-1].startswith(before or tuple("_.")) or found.pieces[-1][0].isidentifier():
        raise GrammarError(f"{name}: call: what stands behind {{arguments}} may not begin as an argument does")
    if found.values == "text" and (not after or any(mark in after for mark in found.special)):
        raise GrammarError(f"{name}: argument: a text must stand behind {{value}} that is no special token")
    if found.reserved and found.values != "text":
        raise GrammarError(f"{name}: reserved: only values that are plain text can hold what is reserved")
