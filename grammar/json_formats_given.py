"""Given values beside a format that is newer than the dialect: only those that have the format are left.

All formats count in every dialect. jsonschema-rs, which folds `enum` and `format` into one list of values, knows those of
the dialect alone.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any, Final

import jsonschema_rs

from .json_places import Place, Schema, all_places

_SINCE_6: Final = frozenset({"uri-reference", "uri-template", "json-pointer"})
_SINCE_7: Final = frozenset({"idn-hostname", "iri", "iri-reference", "relative-json-pointer"})
_SINCE_2019: Final = frozenset({"duration", "uuid"})
_NEWER: Final = {4: _SINCE_6 | _SINCE_7 | _SINCE_2019, 6: _SINCE_7 | _SINCE_2019, 7: _SINCE_2019}
_GIVEN: Final = frozenset({"enum", "const"})
_WITH_CONST: Final = 6


def with_formats(schema: Schema, draft: int) -> Schema:
    """The schema, or a copy in which values without the format that stands beside them are missing."""
    newer = _NEWER.get(draft, frozenset())
    if not newer or not _has_any(schema, newer):
        return schema
    copy: Schema = json.loads(json.dumps(schema))
    for place in all_places(Place(copy)):
        name = place.schema.get("format")
        if isinstance(name, str) and name in newer:
            _narrow(place.schema, name, place.schema.get("const") if draft >= _WITH_CONST else None)
    return copy


def _has_any(schema: Schema, newer: frozenset[str]) -> bool:
    """A quick look without regard to what is a schema."""
    pending: list[Any] = [schema]
    for value in pending:  # which grows meanwhile
        if type(value) is dict:
            if "format" in value and not _GIVEN.isdisjoint(value) and str(value["format"]) in newer:
                return True
            value = value.values()
        pending += [inner for inner in value if type(inner) is dict or type(inner) is list]
    return False


def _narrow(schema: Schema, name: str, const: object) -> None:
    values = schema.get("enum")
    if isinstance(values, list):
        schema["enum"] = [value for value in values if _has_format(value, name)]
    if schema.get("enum") == [] or not _has_format(const, name):
        schema.pop("enum", None)
        schema.pop("const", None)
        schema["not"] = {}


def _has_format(value: object, name: str) -> bool:
    return not isinstance(value, str) or _checker(name).is_valid(value)


@lru_cache(maxsize=32)
def _checker(name: str) -> jsonschema_rs.Validator:
    return jsonschema_rs.validator_for({"format": name}, validate_formats=True)
