"""Constraints on one string: length, pattern and format, and what is excluded, as one regular expression."""

from __future__ import annotations

from jsonschema_rs.canonical import StringView

from .errors import GrammarError, UnsupportedSchemaError
from .ir import ANY_CHAR, ANY_TEXT, NOTHING, Complement, Intersection, Regex, Repeat, TextSet
from .json_formats import NOT_REGULAR, format_content
from .json_places import Part
from .regex import from_regex


def string_content(view: StringView, part: Part) -> Regex:
    """The decoded strings of a view.

    Raises UnsupportedSchemaError for a pattern or a format that is not regular.
    """
    parts = [pattern_content(pattern, part) for pattern in view.patterns]
    parts += [Complement(pattern_content(pattern, part)) for pattern in view.excluded_patterns]
    for name in view.formats:
        content = _format(name, part)
        parts += [] if content is None else [content]
    for name in view.excluded_formats:
        content = _format(name, part)
        parts.append(NOTHING if content is None else Complement(content))
    if view.excluded:
        parts.append(Complement(TextSet(tuple(view.excluded))))
    if not parts or view.min_length or view.max_length is not None:
        parts.append(_of_length(view.min_length or 0, view.max_length))
    return parts[0] if len(parts) == 1 else Intersection(tuple(parts))


def pattern_content(pattern: str, part: Part, keyword: str = "pattern") -> Regex:
    """The strings in which an ECMA-262 pattern matches somewhere."""
    try:
        return from_regex(pattern, dialect="ecma", search=True)
    except GrammarError as error:
        raise UnsupportedSchemaError(part.pointer(keyword, pattern), keyword, str(error)) from error


def _of_length(minimum: int, maximum: int | None) -> Regex:
    return ANY_TEXT if minimum == 0 and maximum is None else Repeat(ANY_CHAR, minimum, maximum)


def _format(name: str, part: Part) -> Regex | None:
    if name in NOT_REGULAR:
        reason = f"{name} is not a regular language; use a pattern"
        raise UnsupportedSchemaError(part.pointer("format", name), "format", reason)
    return format_content(name)
