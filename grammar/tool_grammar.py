"""Messages with calls of tools as a grammar: the calls of a format, and the free text that may stand before or instead."""

from __future__ import annotations

from collections.abc import Mapping

from .composition_rules import Assembly, exactly, matching, spelled
from .composition_texts import without
from .ir import (
    ANY_TEXT,
    Array,
    Choice,
    Complement,
    Concat,
    Field,
    JsonLayout,
    JsonString,
    Node,
    Record,
    Sequence,
    Text,
    TextSet,
)
from .regex import from_regex
from .tags_dispatch import Dispatch
from .tool_formats import NUMBER, ToolFormat

_NUMBER = matching(from_regex(NUMBER))


def free_text_of(form: ToolFormat) -> Node:
    """Text without calls, and so without special tokens: no trigger is in it, or stands at its beginning."""
    if form.text == "before":
        return matching(without(form.trigger))
    return matching(Complement(Concat((TextSet(form.trigger), ANY_TEXT))))


def calls_of(
    assembly: Assembly,
    form: ToolFormat,
    tools: Mapping[str, Node],
    most: int | None,
    layout: JsonLayout,
    *,
    is_list: bool,
) -> Dispatch:
    """At least one call, at most so many, as a tag. `tools` are the arguments by the names of the tools."""
    calls: Node
    if is_list:
        head = ""
        calls = Array(rest=_objects(form, tools, layout), minimum=1, maximum=most, layout=layout)
    else:
        head, first = form.pieces[0], _call_without_head(form, tools, layout)
        following = Sequence((spelled(form.between + head, form.special), first))
        calls = Sequence((first, assembly.chain(following, 0, None if most is None else most - 1)))
    return Dispatch([(begin + head, calls, form.end) for begin in form.begin], form.trigger, form.special)


def _call_without_head(form: ToolFormat, tools: Mapping[str, Node], layout: JsonLayout) -> Node:
    if len(form.pieces) == 3:
        return Sequence((_objects(form, tools, layout), spelled(form.pieces[2], form.special)))
    *between, tail = form.pieces[2::2]
    rest = _around_number(*(spelled(text, form.special) for text in between))
    ways = [Sequence((exactly(name), rest, arguments)) for name, arguments in tools.items()]
    return Sequence((Choice(tuple(ways)), spelled(tail, form.special)))


def _around_number(*texts: Node) -> Node:
    """What stands between the name and the arguments: a text, or two with the number of the call between."""
    return texts[0] if len(texts) == 1 else Sequence((texts[0], _NUMBER, texts[1]))


def _objects(form: ToolFormat, tools: Mapping[str, Node], layout: JsonLayout) -> Node:
    """A JSON object of the name and the arguments of a tool."""
    name_key, arguments_key = form.keys
    ways = []
    for name, arguments in tools.items():
        written = matching(JsonString(Text(name)))
        fields = (Field(name_key, written, required=True), Field(arguments_key, arguments, required=True))
        ways.append(Record(fields, layout=layout))
    return Choice(tuple(ways))
