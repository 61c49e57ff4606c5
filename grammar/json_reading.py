"""How a schema is to be read where it does not say: dialect, formats, other documents, the spelling of integers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal, TypeAlias, get_args

import jsonschema_rs

from .errors import UnsupportedSchemaError
from .json_registry import reachable

Draft: TypeAlias = Literal["4", "6", "7", "2019-09", "2020-12"]
Formats: TypeAlias = Literal["assertion", "annotation"]
UnknownFormats: TypeAlias = Literal["ignore", "refuse"]
Integers: TypeAlias = Literal["plain", "any"]

_NUMBERS: dict[str, int] = {"4": 4, "6": 6, "7": 7, "2019-09": 19, "2020-12": 20}
_DIALECTS = {
    "http://json-schema.org/draft-04/schema": 4,
    "http://json-schema.org/draft-06/schema": 6,
    "http://json-schema.org/draft-07/schema": 7,
    "https://json-schema.org/draft/2019-09/schema": 19,
}
_LATEST = 20
_WITH_CONDITIONS = 7
_EMPTY: Mapping[str, Any] = MappingProxyType({})
PATTERNS = jsonschema_rs.FancyRegexOptions(size_limit=1 << 24)
"""How large a pattern may be for jsonschema-rs: the classes of Unicode, counted, are larger than by default."""


@dataclass(frozen=True, slots=True)
class Reading:
    """The options that decide what a schema means.

    Attributes:
        draft: the dialect of schemas without `$schema`; None: 2020-12, or what else the schema is well-formed in.
        formats: whether the formats of the specification are enforced.
        registry: schemas by URI. Nothing else is ever looked up.
        unknown_formats: whether formats that the specification does not define are annotations, or refused.
        integers: whether whole numbers are digits only, or may also have a fraction of zeros.
        conditions: `if` has a meaning in the schema, so it is not of a draft before 7.
    """

    draft: Draft | None = None
    formats: Formats = "assertion"
    registry: Mapping[str, Any] = field(default_factory=lambda: _EMPTY)
    unknown_formats: UnknownFormats = "ignore"
    integers: Integers = "plain"
    conditions: bool = False

    def drafts(self, schema: Mapping[str, Any]) -> tuple[int | None, ...]:
        """The dialects to try, one after the other; None is the one that the schema names, else the latest."""
        if "$schema" in schema:
            return (None,)
        if self.draft is not None:
            return (_NUMBERS[self.draft],)
        return (None, 7) if self.conditions else (None, 7, 4)

    def has_conditions(self, schema: Mapping[str, Any]) -> bool:
        """Whether `if` may have a meaning: in draft 7 and later."""
        return self.first_draft(schema) >= _WITH_CONDITIONS

    def first_draft(self, schema: Mapping[str, Any]) -> int:
        """The dialect that is tried first."""
        return dialect(schema) if "$schema" in schema or self.draft is None else _NUMBERS[self.draft]

    def options(self, schema: Mapping[str, Any], draft: int | None) -> dict[str, Any]:
        """What jsonschema-rs needs to know to read `schema` in a dialect."""
        options: dict[str, Any] = {
            "draft": draft,
            "validate_formats": self.formats == "assertion",
            "offline": True,
            "pattern_options": PATTERNS,
        }
        if self.registry:
            documents = reachable(schema, self.registry)
            options["registry"] = _resources(documents, draft or dialect(schema)) if documents else None
        return options


def draft_name(draft: object) -> Draft | None:
    """The option `draft` as it is kept: 7 -> "7". Raises TypeError or ValueError if it is none."""
    if draft is None:
        return None
    if isinstance(draft, bool) or not isinstance(draft, (int, str)):
        raise TypeError(f"draft: 4, 6, 7, '2019-09' or '2020-12' expected, not a {type(draft).__name__}")
    for name in get_args(Draft):
        if str(draft) == name:
            return name  # type: ignore[no-any-return]
    raise ValueError(f"draft: 4, 6, 7, '2019-09' or '2020-12' expected, not {draft!r}")


def _resources(documents: Mapping[str, Any], draft: int) -> jsonschema_rs.Registry:
    try:
        return jsonschema_rs.Registry(documents.items(), draft=draft)
    except (jsonschema_rs.ReferencingError, ValueError) as error:
        raise UnsupportedSchemaError("", "$ref", f"the registry cannot be read: {error}") from error


def dialect(schema: Mapping[str, Any]) -> int:
    """The dialect that a schema names by `$schema`, as jsonschema-rs counts them; the latest if it names none."""
    named = schema.get("$schema")
    return _DIALECTS.get(named.removesuffix("#"), _LATEST) if isinstance(named, str) else _LATEST
