"""Texts described by other texts: `until` a stop, `free_text` without some, a `substring` of a given one."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

from .composition_substring import pieces_of
from .constraint import Constraint, terminal
from .constraint_options import check_bool, check_max_tokens, check_natural, check_one_of, check_text, compact_json
from .errors import GrammarError, LimitError
from .ir import (
    ANY_CHAR,
    ANY_TEXT,
    Complement,
    Concat,
    Grammar,
    Intersection,
    Regex,
    Repeat,
    Terminal,
    TextSet,
)
from .limits import DEFAULT_LIMITS, Limits

Units: TypeAlias = Literal["chars", "words", "lines"]

_REST_OF_CHARACTER = 3  # bytes
_SOME_TEXT = Repeat(ANY_CHAR, 1)


class TextConstraint(Constraint):
    """A constraint made by `until`, `free_text` or `substring`."""

    def grammar(self, limits: Limits = DEFAULT_LIMITS) -> Grammar:
        """As `Constraint.grammar`."""
        options: dict[str, Any] = dict(self.options)
        if self.kind == "substring":
            if 2 * len(self.source) > limits.grammar_nodes:  # as many states as there can be, if units are characters
                raise LimitError("grammar_nodes", limits.grammar_nodes, f"pieces of {len(self.source)} characters")
            return Grammar(Terminal(pieces_of(self.source, options["by"], allow_empty=options["allow_empty"])))
        texts, most = tuple(json.loads(self.source)), options["max_chars"]
        language = ending_with if self.kind == "until" else without
        regex = language(texts, most)
        # A text may stop in the middle of a character, and one that is not at its end can still be ended by any stop.
        longest = max((len(text.encode()) for text in texts), default=0) if self.kind == "until" else 0
        return Grammar(terminal(regex, options.get("max_tokens"), longest + _REST_OF_CHARACTER))


def until(stop: str | Sequence[str], *, max_chars: int | None = None, max_tokens: int | None = None) -> Constraint:
    """Any text that ends with the first occurrence of a stop text in it.

    The text is over as soon as one of several stops has been written: no other is in it before the end, not even one
    that overlaps the last.

    Args:
        stop: a text, or several.
        max_chars: how many characters may stand before the stop.
        max_tokens: how many tokens may take part in the text, stop included; see `regex`.

    Raises `TypeError` for what is no text, `GrammarError` for an empty stop or an empty list.
    """
    stops = _texts("stop", [stop] if isinstance(stop, str) else stop)
    if not stops:
        raise GrammarError("until: there is no stop, so the text could not end")
    if max_chars is not None:
        check_natural("max_chars", max_chars)
    return TextConstraint("until", compact_json(stops), (("max_chars", max_chars), *check_max_tokens(max_tokens)))


def free_text(
    without: str | Sequence[str] = (), *, max_chars: int | None = None, max_tokens: int | None = None
) -> Constraint:
    """Any text that holds none of some texts; it may be empty. `max_tokens`: see `regex`.

    Raises `TypeError` for what is no text, `GrammarError` for an empty one.
    """
    texts = _texts("without", [without] if isinstance(without, str) else without)
    if max_chars is not None:
        check_natural("max_chars", max_chars)
    return TextConstraint("free_text", compact_json(texts), (("max_chars", max_chars), *check_max_tokens(max_tokens)))


def substring(text: str, by: Units = "chars", *, allow_empty: bool = False) -> Constraint:
    """A piece of `text`, word for word: a quotation.

    Args:
        text: what is quoted from; 100,000 characters are no problem.
        by: "chars" allows pieces that begin and end anywhere, "words" whole words with the white space between them as
            it is, "lines" whole lines without the last line break.
        allow_empty: allow the empty text too.

    Raises `TypeError` or `ValueError` for a wrong argument, `GrammarError` if there is no piece.
    """
    check_one_of("by", by, Units)
    check_bool("allow_empty", allow_empty)
    check_text("text", text)
    if not allow_empty and (not text.strip() if by == "words" else text in ("", "\n")):
        raise GrammarError(f"substring: the text has no {by} to quote")
    return TextConstraint("substring", str(text), (("by", by), ("allow_empty", allow_empty)))


# ------------------------------------------------------------------------------------------------------- expressions


def ending_with(stops: tuple[str, ...], most: int | None = None, among: tuple[str, ...] = ()) -> Regex:
    """The texts that end with a stop and have none that ends earlier, with at most so many characters before it.

    `among`: more texts (the stops included) none of which ends earlier.
    """
    stop = TextSet(stops)
    bounded = Concat((ANY_TEXT if most is None else Repeat(ANY_CHAR, 0, most), stop))
    over = Concat((ANY_TEXT, TextSet(among or stops), _SOME_TEXT))
    return Intersection((bounded, Complement(over)))


def without(texts: tuple[str, ...], most: int | None = None) -> Regex:
    """The texts that hold none of these, with at most so many characters."""
    bounded = ANY_TEXT if most is None else Repeat(ANY_CHAR, 0, most)
    if not texts:
        return bounded
    holding = Complement(Concat((ANY_TEXT, TextSet(texts), ANY_TEXT)))
    return holding if most is None else Intersection((bounded, holding))


def _texts(option: str, texts: object) -> list[str]:
    """The texts, once each."""
    if not isinstance(texts, Sequence):
        raise TypeError(f"{option}: a text or a list of texts expected, not {type(texts).__name__}")
    return list(dict.fromkeys(check_text(f"{option}[{i}]", text, allow_empty=False) for i, text in enumerate(texts)))
