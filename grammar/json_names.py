"""The names that an object may have, decided one by one: by `propertyNames`, and by patterns."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import jsonschema_rs
from jsonschema_rs import CanonicalSchema
from jsonschema_rs.canonical import AnyOfView, ConstView, EnumView, FalseView, StringView

from .json_reading import PATTERNS


@dataclass(frozen=True, slots=True)
class Names:
    """The names an object may have: finitely many, and those that satisfy one of `others` (None: all)."""

    finite: dict[str, None] = field(default_factory=dict)
    others: tuple[CanonicalSchema, ...] | None = None

    def allowed(self, names: dict[str, None]) -> Iterable[str]:
        """Those of `names` that an object may have, in their order."""
        if self.others is None or names.keys() <= self.finite.keys():
            return names
        return [name for name in names if name in self.finite or any(is_name_of(other, name) for other in self.others)]


def is_name_of(schema: CanonicalSchema, name: str) -> bool:
    """Whether a name satisfies a schema of names."""
    view = schema.view()
    if isinstance(view, StringView) and _is_plain(view):
        return matches(view.patterns[0], name)
    source: Any = schema.to_json_schema()
    return jsonschema_rs.validator_for(source, validate_formats=True, pattern_options=PATTERNS).is_valid(name)


def matches(pattern: str, name: str) -> bool:
    """Whether an ECMA-262 pattern matches somewhere in a name."""
    return _matcher(pattern).is_valid(name)


@lru_cache(maxsize=1024)
def _matcher(pattern: str) -> jsonschema_rs.Validator:
    return jsonschema_rs.validator_for({"pattern": pattern}, pattern_options=PATTERNS)


def _is_plain(view: object) -> bool:
    """Whether a string view is one pattern and nothing else."""
    return (
        isinstance(view, StringView)
        and len(view.patterns) == 1
        and not (view.excluded or view.excluded_patterns or view.formats or view.excluded_formats)
        and view.min_length is None
        and view.max_length is None
    )


def allowed_names(schema: CanonicalSchema | None) -> Names:
    """What `propertyNames` allows."""
    if schema is None:
        return Names()
    finite: dict[str, None] = {}
    others: list[CanonicalSchema] = []
    view = schema.view()
    for branch in view.branches if isinstance(view, AnyOfView) else [schema]:
        match branch.view():
            case ConstView(value):
                finite |= {str(value): None}
            case EnumView(values):
                finite |= {str(value): None for value in values}
            case FalseView():
                pass
            case _:
                others.append(branch)
    return Names(finite, tuple(others))


def only_patterns(others: tuple[CanonicalSchema, ...], patterns: set[str]) -> bool:
    """Whether the allowed names are those that match a pattern property, seen from the spelling alone."""
    allowed: set[str] = set()
    for other in others:
        view = other.view()
        if not isinstance(view, StringView) or not _is_plain(view):
            return False
        allowed |= set(view.patterns)
    return allowed == patterns
