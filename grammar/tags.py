"""Constrained segments in free text: `tags` switches from one to the other where a tag begins, and back where it ends."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from .composition import Part, as_constraint
from .composition_rules import Assembly
from .composition_texts import free_text
from .constraint import Constraint
from .constraint_options import check_bool, check_bounds, check_text, compact_json
from .errors import GrammarError
from .ir import Grammar
from .limits import DEFAULT_LIMITS, Limits
from .tags_dispatch import Dispatch, triggers_of
from .tags_reading import TagReader, TagValue


@dataclass(frozen=True)
class Tag:
    """A segment of a text: exactly `begin`, a text of `content`, exactly `end`."""

    begin: str
    content: Part
    end: str = ""


AnyTag: TypeAlias = "Tag | tuple[str, Part, str]"
Between: TypeAlias = "bool | Part"


class Tags(Constraint):
    """A constraint made by `tags`; its parts are the contents of the tags, and then what stands around them."""

    def grammar(self, limits: Limits = DEFAULT_LIMITS) -> Grammar:
        """As `Constraint.grammar`."""
        assembly = Assembly(limits)
        data: dict[str, Any] = json.loads(self.source)
        nodes = [assembly.part(part) for part in self.parts]
        contents = [(begin, node, end) for (begin, end), node in zip(data["tags"], nodes, strict=False)]
        before, between, after = (None if part is None else nodes[part] for part in data["around"])
        dispatch = Dispatch(contents, tuple(data["triggers"]), tuple(data["special_tokens"]))
        return assembly.grammar(dispatch.node(assembly, (before, between, after), data["at_least"], data["at_most"]))

    def parse(self, text: str) -> list[str | TagValue]:
        """Free text and tags in their order. Raises `ValueError` if the text is not complete."""
        data: dict[str, Any] = json.loads(self.source)
        contents = [(begin, part, end) for (begin, end), part in zip(data["tags"], self.parts, strict=False)]
        around = [None if part is None else self.parts[part] for part in data["around"]]
        return TagReader(contents, data["triggers"], around, data["at_least"], data["at_most"]).read(text)


def tags(
    tags: Sequence[AnyTag],
    triggers: Sequence[str] | None = None,
    *,
    at_least: int = 0,
    at_most: int | None = None,
    before: Between = True,
    between: Between = True,
    after: Between = True,
    stop_after_first: bool = False,
    special_tokens: Sequence[str] = (),
) -> Constraint:
    """Free text until a trigger, then the rest of a tag that begins with it, then free text again, and so on.

    A trigger never stands in free text, but as the beginning of a tag: where one has been written, a tag goes on.

        made = tags([("<year>", regex("[0-9]{4}"), "</year>")], triggers=["<year"])
        made.parse("It was <year>1665</year>.")  # ["It was ", TagValue("<year>", "1665"), "."]

    Args:
        tags: `Tag(begin, content, end)`, or the three as a tuple.
        triggers: beginnings of the tags; several tags may share one. By default each tag's whole beginning.
        at_least, at_most: how many tags there are.
        before, between, after: what stands before the first tag, between two, and after the last: True is free text,
            False nothing, a constraint or a text exactly that. A text without tags is all `before`.
        stop_after_first: the text ends with its first tag: `at_most=1, after=False`.
        special_tokens: texts in the beginnings and ends of tags that may be one special token each, where the vocabulary
            has it. A special token is a trigger by itself where a tag begins with it.

    Raises:
        TypeError, ValueError: an argument is wrong.
        GrammarError: there is no tag, a tag without trigger, a trigger without tag, a special token that stands in no
            tag, or a trigger inside another, so that free text would end before the longer one is complete.
    """
    check_bounds("at_least", at_least, "at_most", at_most)
    check_bool("stop_after_first", stop_after_first)
    if stop_after_first:
        at_most, after = 1, False
        check_bounds("at_least", at_least, "at_most", at_most)
    read = [_tag(f"tags[{index}]", tag) for index, tag in enumerate(tags)]
    if not read:
        raise GrammarError("tags: the list is empty; free_text() is free text without any tag")
    begins = [begin for begin, _, _ in read]
    parts = [content for _, content, _ in read]
    around = (("before", before), ("between", between), ("after", after))
    data = {
        "tags": [(begin, end) for begin, _, end in read],
        "triggers": triggers_of(begins, begins if triggers is None else _texts("triggers", triggers)),
        "special_tokens": _special_tokens(special_tokens, [text for begin, _, end in read for text in (begin, end)]),
        "around": [_gap(name, gap, parts) for name, gap in around],
        "at_least": at_least,
        "at_most": at_most,
    }
    return Tags("tags", compact_json(data), parts=tuple(parts))


def _tag(place: str, tag: object) -> tuple[str, Constraint, str]:
    if isinstance(tag, Tag):
        tag = (tag.begin, tag.content, tag.end)
    if not isinstance(tag, tuple) or len(tag) != 3:
        raise TypeError(f"{place}: a Tag, or a tuple of begin, content and end expected, not {tag!r:.60}")
    begin, content, end = tag
    begin = check_text(f"{place}: begin", begin, allow_empty=False)
    return begin, as_constraint(f"{place}: content", content), check_text(f"{place}: end", end)


def _texts(option: str, texts: Sequence[str]) -> list[str]:
    if isinstance(texts, str) or not isinstance(texts, Sequence):
        raise TypeError(f"{option}: a list of texts expected, not {type(texts).__name__}")
    return [check_text(f"{option}[{index}]", text, allow_empty=False) for index, text in enumerate(texts)]


def _special_tokens(names: Sequence[str], places: list[str]) -> list[str]:
    read = _texts("special_tokens", names)
    for name in read:
        if not any(name in text for text in places):
            raise GrammarError(f"special_tokens: {name!r} stands neither in the beginning nor in the end of a tag")
    return list(dict.fromkeys(read))


_NOTHING = free_text(max_chars=0)


def _gap(name: str, gap: object, parts: list[Constraint]) -> int | None:
    """The number of the part that fills the gap, None for free text."""
    if gap is True:
        return None
    parts.append(_NOTHING if gap is False else as_constraint(name, gap))
    return len(parts) - 1
