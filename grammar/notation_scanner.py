"""Cuts the text of a grammar into lexemes by one regular expression whose groups are their kinds."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from .regex_escapes import Mistake

_SURROGATE = re.compile("[\ud800-\udfff]")


class Lexeme(NamedTuple):
    """A piece of the text: its kind, what is written, and where."""

    kind: str
    text: str
    offset: int

    @property
    def end(self) -> int:
        """The place behind it."""
        return self.offset + len(self.text)


def lexemes(
    text: str,
    pattern: re.Pattern[str],
    unfinished: Mapping[str, str],
    comment: Callable[[str, int], int] | None = None,
) -> Iterator[Lexeme]:
    """The lexemes of the text without those of kind "gap", then one of kind "end".

    `unfinished` has the messages for beginnings of what is not finished; `comment` finds the end of what matched the
    group of that name. Raises `Mistake` where nothing matches.
    """
    if broken := _SURROGATE.search(text):
        raise Mistake(f"{broken[0]!r} is half of a surrogate pair: no text contains it alone", broken.start())
    at = 0
    while at < len(text):
        match = pattern.match(text, at)
        if match is None:
            raise _unknown(text, at, unfinished)
        kind = match.lastgroup or "gap"
        at = match.end()
        if kind == "comment" and comment is not None:
            at = comment(text, match.start())
        elif kind not in ("gap", "comment"):
            yield Lexeme(kind, match[0], match.start())
    yield Lexeme("end", "", len(text))


def _unknown(text: str, at: int, unfinished: Mapping[str, str]) -> Mistake:
    for beginning, message in unfinished.items():
        if text.startswith(beginning, at):
            return Mistake(message, at)
    return Mistake(f"{text[at]!r} means nothing here", at)


def described(lexeme: Lexeme) -> str:
    """How a message calls it."""
    if lexeme.kind == "end":
        return "the end of the grammar"
    if lexeme.kind == "newline":
        return "the end of the line"
    return repr(lexeme.text if len(lexeme.text) <= 40 else lexeme.text[:40] + "...")
