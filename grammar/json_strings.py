"""Constraints on one string: length, pattern and format, and what is excluded, as one regular expression."""

from __future__ import annotations

from jsonschema_rs.canonical import StringView

from .errors import GrammarError, UnsupportedSchemaError
from .ir import ANY_CHAR, ANY_TEXT, NOTHING, Complement, Intersection, Regex, Repeat, TextSet
from .json_bounds import at_least, at_most
from .json_formats import format_content
from .json_formats_negated import excluded_content
from .json_places import Part
from .regex import from_regex


def string_content(view: StringView, part: Part, *, wide: bool = False) -> Regex:
    """The decoded strings of a view.

    Some formats are narrower than their specification. `wide=True` gives a superset of what anybody takes for these strings
    instead of a subset; only that may be complemented.

    Raises UnsupportedSchemaError for a pattern that is not regular.
    """
    if not (view.patterns or view.excluded_patterns or view.formats or view.excluded_formats or view.excluded):
        return _of_length(at_least(view.min_length, "minLength", part), at_most(view.max_length))
    inside, outside = (excluded_content, format_content) if wide else (format_content, excluded_content)
    parts = [pattern_content(pattern, part) for pattern in view.patterns]
    parts += [Complement(pattern_content(pattern, part)) for pattern in view.excluded_patterns]
    parts += [content for name in view.formats if (content := inside(name)) is not None]
    for name in view.excluded_formats:
        content = outside(name)
        parts.append(NOTHING if content is None else Complement(content))
    if view.excluded:
        parts.append(Complement(TextSet(tuple(view.excluded))))
    if not parts or view.min_length or view.max_length is not None:
        parts.append(_of_length(at_least(view.min_length, "minLength", part), at_most(view.max_length)))
    return parts[0] if len(parts) == 1 else Intersection(tuple(parts))


def pattern_content(pattern: str, part: Part, keyword: str = "pattern") -> Regex:
    """The strings in which an ECMA-262 pattern matches somewhere."""
    try:
        return from_regex(pattern, dialect="ecma", search=True)
    except GrammarError as error:
        raise UnsupportedSchemaError(part.pointer(keyword, pattern), keyword, str(error)) from error


def _of_length(minimum: int, maximum: int | None) -> Regex:
    return ANY_TEXT if minimum == 0 and maximum is None else Repeat(ANY_CHAR, minimum, maximum)
