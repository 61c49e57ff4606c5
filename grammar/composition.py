"""Constraints put together out of others: `sequence`, `either`, `repeat`, and a `reasoning` span before an answer."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeAlias

from .composition_rules import Assembly
from .composition_texts import free_text, until
from .constraint import Constraint, choice
from .constraint_options import check_bool, check_bounds, check_natural, check_text
from .errors import GrammarError
from .ir import Choice, Grammar, Node, Repeat, Sequence, Terminal, Text
from .limits import DEFAULT_LIMITS, Limits
from .tool_messages import ToolMessage

Part: TypeAlias = Constraint | str


class Composition(Constraint):
    """A constraint made of others by `sequence`, `either`, `repeat` or `reasoning`."""

    def grammar(self, limits: Limits = DEFAULT_LIMITS) -> Grammar:
        """As `Constraint.grammar`."""
        assembly = Assembly(limits)
        return assembly.grammar(_NODES[self.kind](self, assembly))

    def parse(self, text: str) -> Any:
        """The text itself, but for `reasoning`: what its answer reads out of the text behind the span."""
        if self.kind != "reasoning":
            return text
        thought, answer = split_reasoning(self, text)
        value = self.parts[-1].parse(answer)
        return replace(value, reasoning=thought) if isinstance(value, ToolMessage) else value


def sequence(*parts: Part) -> Constraint:
    """A text of each of `parts`, one directly after the other. A `str` is exactly that text.

    Raises `TypeError` for a part that is neither a constraint nor a text.
    """
    return Composition(
        "sequence", "", parts=tuple(as_constraint(f"sequence[{i}]", part) for i, part in enumerate(parts))
    )


def either(*parts: Part) -> Constraint:
    """A text of any of `parts`. A `str` is exactly that text.

    Raises `TypeError` for a part that is neither a constraint nor a text, `GrammarError` if there is none.
    """
    if not parts:
        raise GrammarError("either: there is nothing to choose from, so no text is allowed")
    return Composition("either", "", parts=tuple(as_constraint(f"either[{i}]", part) for i, part in enumerate(parts)))


def repeat(part: Part, minimum: int = 0, maximum: int | None = None, separator: Part = "") -> Constraint:
    """Texts of `part`, one after the other, `minimum` to `maximum` of them, with a text of `separator` between them.

    Raises `TypeError` or `ValueError` for a wrong argument.
    """
    check_bounds("minimum", minimum, "maximum", maximum)
    parts: tuple[Constraint, ...] = (as_constraint("repeat", part),)
    if separator != "":
        parts += (as_constraint("separator", separator),)
    return Composition("repeat", "", (("minimum", minimum), ("maximum", maximum)), parts=parts)


def reasoning(
    answer: Part,
    *,
    begin: Part = "<think>",
    end: Part = "</think>",
    line_breaks: int = 2,
    optional: bool = False,
    max_chars: int | None = None,
    max_tokens: int | None = None,
) -> Constraint:
    """A span of reasoning, then an answer: `begin`, any text, the first `end`, some line breaks, a text of `answer`.

    `parse` returns what `answer` makes of its part of the text; `split_reasoning` gives the reasoning too.

    Args:
        answer: what comes after the span.
        begin: what opens the span; "" where the prompt has opened it already.
        end: what closes it. The reasoning may hold any text but this one. Both may be a `special_token(...)`: then it is
            this token, and the text of the reasoning does not hold its name.
        line_breaks: how many of them may stand between the span and the answer. They belong to neither.
        optional: the span may be missing. Whatever begins with `begin` and has an `end` is read as having one.
        max_chars: how many characters the reasoning may have.
        max_tokens: how many tokens may take part in the reasoning, and in an `end` that is text; see `regex`.

    Raises `TypeError` for a wrong argument, `GrammarError` for an empty `end`, or an optional span without `begin`.
    """
    check_bool("optional", optional)
    check_natural("line_breaks", line_breaks)
    begins, opening = _mark("begin", begin, allow_empty=not optional)
    ends, closing = _mark("end", end, allow_empty=False)
    if closing:
        span = sequence(free_text(ends, max_chars=max_chars, max_tokens=max_tokens), closing)
    else:
        span = until(ends, max_chars=max_chars, max_tokens=max_tokens)
    options = (("end", ends), ("line_breaks", line_breaks), ("optional", optional))
    parts = (opening or as_constraint("begin", begins), span, as_constraint("answer", answer))
    return Composition("reasoning", begins, options, parts=parts)


def _mark(option: str, mark: object, *, allow_empty: bool) -> tuple[str, Constraint | None]:
    """What a mark leaves in the text; and the special token, if it is one."""
    if not isinstance(mark, Constraint):
        return check_text(option, mark, allow_empty=allow_empty), None
    if mark.kind != "special_token":
        raise TypeError(f"{option}: a text, or a constraint made by special_token(...) expected, not {mark.kind}")
    return mark.source, mark


def split_reasoning(constraint: Constraint, text: str) -> tuple[str | None, str]:
    """What was reasoned in a finished text of `reasoning(...)`, None if it has no span; and the text of the answer.

    Raises `ValueError` if the span is not closed.
    """
    options: dict[str, Any] = dict(constraint.options)
    begin, end = constraint.source, options["end"]
    place = text.find(end, len(begin))
    if not text.startswith(begin) or place < 0:
        if options["optional"]:
            return None, text
        raise ValueError(f"the text has no span of reasoning from {begin!r} to {end!r}")
    first = place + len(end)
    breaks = re.compile(f"\n{{0,{options['line_breaks']}}}").match(text, first)
    return text[len(begin) : place], text[breaks.end() if breaks else first :]


def as_constraint(option: str, part: object) -> Constraint:
    """The part as a constraint. Raises `TypeError` if it is neither one nor a text."""
    if isinstance(part, Constraint):
        return part
    if not isinstance(part, str):
        raise TypeError(f"{option}: a constraint or a text expected, not {type(part).__name__}")
    return choice([check_text(option, part)])


# ------------------------------------------------------------------------------------------------------------- nodes


def _sequence_node(constraint: Constraint, assembly: Assembly) -> Node:
    return Sequence(tuple(assembly.part(part) for part in constraint.parts))


def _either_node(constraint: Constraint, assembly: Assembly) -> Node:
    return Choice(tuple(assembly.part(part) for part in constraint.parts))


def _repeat_node(constraint: Constraint, assembly: Assembly) -> Node:
    options: dict[str, Any] = dict(constraint.options)
    node, *between = (assembly.part(part) for part in constraint.parts)
    return assembly.repeated(node, options["minimum"], options["maximum"], *between)


def _reasoning_node(constraint: Constraint, assembly: Assembly) -> Node:
    options: dict[str, Any] = dict(constraint.options)
    begin, span, answer = (assembly.part(part) for part in constraint.parts)
    breaks = Terminal(Repeat(Text("\n"), 0, options["line_breaks"]))
    whole = Sequence((begin, span, breaks, answer))
    return Choice((answer, whole)) if options["optional"] else whole


_NODES: dict[str, Callable[[Constraint, Assembly], Node]] = {
    "sequence": _sequence_node,
    "either": _either_node,
    "repeat": _repeat_node,
    "reasoning": _reasoning_node,
}
