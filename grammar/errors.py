"""The error tree of Latticework: one base, and below it one class for each cause a caller can act on.

    ConstraintError
      GrammarError(ValueError)        the constraint is wrong or not supported; always with a place
        GrammarSyntaxError            line, column and what was expected (regular expressions, grammars)
        SchemaError                   JSON Pointer into the schema, and the keyword
          UnsupportedSchemaError      valid, but it cannot be enforced exactly: which keyword, and what is near
          UnsatisfiableSchemaError    no value satisfies it
      VocabularyError(ValueError)     the vocabulary is malformed or cannot spell what the grammar demands
      LimitError                      a named limit was reached: which, its value, how to raise it
      TokenRejected                   a token was fed that the bitmask forbids: its id, its bytes, its position

Misuse by a programmer (a row out of range, a rollback past the start) is `IndexError` or `ValueError`; a buffer
of the wrong type, shape or layout is `TypeError`.
"""

from __future__ import annotations


class ConstraintError(Exception):
    """Base of every error that Latticework raises on purpose."""


class GrammarError(ConstraintError, ValueError):
    """The constraint is wrong, or asks for something that cannot be enforced exactly."""


class GrammarSyntaxError(GrammarError):
    """A regular expression or grammar text does not parse.

    Attributes:
        text: the whole source text.
        line, column: the place of the mistake, both counted from 1.
        expected: what could have stood there; empty when nothing better than the message is known.
    """

    def __init__(self, message: str, *, text: str = "", offset: int = 0, expected: tuple[str, ...] = ()) -> None:
        self.message = message
        self.text = text
        self.offset = offset
        self.line, self.column = _line_and_column(text, offset)
        self.expected = expected
        super().__init__(message, text, offset, expected)

    def __str__(self) -> str:
        parts = [_shown(self.message, self.text, self.line, self.column)]
        if self.expected:
            parts.append("expected " + ", ".join(self.expected))
        return "\n".join(parts)

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild_syntax_error, (type(self), self.message, self.text, self.offset, self.expected)


def _rebuild_syntax_error(
    kind: type[GrammarSyntaxError], message: str, text: str, offset: int, expected: tuple[str, ...]
) -> GrammarSyntaxError:
    return kind(message, text=text, offset=offset, expected=expected)


class SchemaError(GrammarError):
    """A JSON Schema is malformed.

    Attributes:
        pointer: JSON Pointer (RFC 6901) of the schema object that holds the keyword; "" is the root.
        keyword: the keyword at fault, or "" when the schema object itself is.
        reason: what is wrong, and what to do about it.
    """

    def __init__(self, pointer: str, keyword: str, reason: str) -> None:
        self.pointer = pointer
        self.keyword = keyword
        self.reason = reason
        super().__init__(pointer, keyword, reason)

    def __str__(self) -> str:
        place = f"#{self.pointer}/{self.keyword}" if self.keyword else f"#{self.pointer}"
        return f"{place}: {self.reason}"


class UnsupportedSchemaError(SchemaError):
    """The schema is valid, but this keyword (here) cannot be enforced exactly, so it is refused."""


class UnsatisfiableSchemaError(SchemaError):
    """No value satisfies the schema."""


class VocabularyError(ConstraintError, ValueError):
    """The vocabulary is malformed, or cannot spell what the grammar demands."""


class LimitError(ConstraintError):
    """A named limit was reached.

    Attributes:
        limit: the name of the limit, as it is written in `Limits`.
        value: its value.
    """

    def __init__(self, limit: str, value: int, message: str = "") -> None:
        self.limit = limit
        self.value = value
        self.message = message
        super().__init__(limit, value, message)

    def __str__(self) -> str:
        detail = f": {self.message}" if self.message else ""
        return f"limit {self.limit}={self.value} reached{detail}; raise it with Limits({self.limit}=...)"


class TokenRejected(ConstraintError):  # noqa: N818 - the field's name for this event
    """A token was fed that the bitmask forbids; the state is unchanged.

    Attributes:
        token_id: the token.
        token_bytes: its bytes; for a special token that constraints may demand, its name between two bytes 0xFF.
        position: how many tokens had been accepted before it.
    """

    def __init__(self, token_id: int, token_bytes: bytes, position: int) -> None:
        self.token_id = token_id
        self.token_bytes = token_bytes
        self.position = position
        super().__init__(token_id, token_bytes, position)

    def __str__(self) -> str:
        return f"token {self.token_id} ({self.token_bytes!r}) is not allowed at position {self.position}"


class GrammarWarning(UserWarning):
    """A grammar is enforced as it stands, but something in it is suspicious: a rule that nothing uses, for one.

    Attributes:
        text: the whole source text.
        line, column: the place, both counted from 1.
    """

    def __init__(self, message: str, *, text: str = "", offset: int = 0) -> None:
        self.message = message
        self.text = text
        self.offset = offset
        self.line, self.column = _line_and_column(text, offset)
        super().__init__(message, text, offset)

    def __str__(self) -> str:
        return _shown(self.message, self.text, self.line, self.column)

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild_warning, (type(self), self.message, self.text, self.offset)


def _rebuild_warning(kind: type[GrammarWarning], message: str, text: str, offset: int) -> GrammarWarning:
    return kind(message, text=text, offset=offset)


def _line_and_column(text: str, offset: int) -> tuple[int, int]:
    """The place of an offset, both counted from 1."""
    before = text[:offset]
    return before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1


def _shown(message: str, text: str, line: int, column: int) -> str:
    """The message with its place, and below it the line of the text with a caret."""
    place = f"{message} (line {line}, column {column})"
    if not text:
        return place
    left = max(0, column - 40)
    source = text.split("\n")[line - 1]
    return "\n".join((place, "  " + source[left : column + 40], "  " + " " * (column - 1 - left) + "^"))
