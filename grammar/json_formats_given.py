"""Formats that are newer than the dialect, where values are given: what jsonschema-rs does not know of them is said in its words.

All formats count in every dialect. jsonschema-rs folds given values and formats into lists of values, and takes a format that
is newer than the dialect for one that every text has. Of the given texts it is then told, beside the format, which have it
not: the schema means the same, and whatever is made of it, negations included, is right for these texts.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, Final

import jsonschema_rs

from .errors import UnsupportedSchemaError
from .json_places import Place, Schema, all_places

_SINCE_6: Final = frozenset({"uri-reference", "uri-template", "json-pointer"})
_SINCE_7: Final = frozenset({"idn-hostname", "iri", "iri-reference", "relative-json-pointer"})
_SINCE_2019: Final = frozenset({"duration", "uuid"})
_NEWER: Final = {4: _SINCE_6 | _SINCE_7 | _SINCE_2019, 6: _SINCE_7 | _SINCE_2019, 7: _SINCE_2019}
_MOST: Final = 20_000


def with_formats(schema: Schema, registry: Mapping[str, Any], draft: int) -> tuple[Schema, Mapping[str, Any]]:
    """The schema and the other documents, in which newer formats exclude the given texts that do not have them.

    They are the same objects if nothing changes. Raises UnsupportedSchemaError if texts and formats are too many.
    """
    newer = _NEWER.get(draft, frozenset())
    documents = [schema, *(other for other in registry.values() if isinstance(other, dict))]
    if not newer or not any(_has_any(document, newer) for document in documents):
        return schema, registry
    places = [place for document in documents for place in all_places(Place(document))]
    texts = list(dict.fromkeys(_given_texts(places)))
    formats = [place for place in places if _newer_format(place, newer)]
    if len(texts) * len(formats) > _MOST:
        reason = f"{len(formats)} formats newer than the draft beside {len(texts)} given texts; name a newer $schema"
        raise UnsupportedSchemaError(formats[0].pointer, "format", reason)
    if not texts or not formats:
        return schema, registry
    others = {
        uri: _changed(other, newer, texts) if isinstance(other, dict) else other for uri, other in registry.items()
    }
    return _changed(schema, newer, texts), others


def _has_any(schema: Schema, newer: frozenset[str]) -> bool:
    """A quick look without regard to what is a schema."""
    pending: list[Any] = [schema]
    for value in pending:  # which grows meanwhile
        if type(value) is dict:
            if "format" in value and str(value["format"]) in newer:
                return True
            value = value.values()
        pending += [inner for inner in value if type(inner) is dict or type(inner) is list]
    return False


def _newer_format(place: Place, newer: frozenset[str]) -> str | None:
    name = place.schema.get("format")
    return name if isinstance(name, str) and name in newer and "$ref" not in place.schema else None


def _given_texts(places: list[Place]) -> Iterator[str]:
    """Texts in given values; and names that are given, if there are conditions on names."""
    looks_at_names = any("propertyNames" in place.schema for place in places)
    for place in places:
        pending = [place.schema.get("enum"), place.schema.get("const")]
        if looks_at_names:
            pending += [
                list(names)
                for key in ("properties", "required")
                if isinstance(names := place.schema.get(key), (dict, list))
            ]
        while pending:
            value = pending.pop()
            if isinstance(value, str):
                yield value
            elif isinstance(value, dict):
                pending += value.values()
            elif isinstance(value, list):
                pending += value


def _changed(schema: Schema, newer: frozenset[str], texts: list[str]) -> Schema:
    copy: Schema = json.loads(json.dumps(schema))
    for place in all_places(Place(copy)):
        name = _newer_format(place, newer)
        others = [text for text in texts if not _has_format(text, name)] if name else []
        branches = place.schema.get("allOf", [])
        if not others or not isinstance(branches, list):
            continue
        exclusion = {"enum": others}
        if "not" in place.schema:
            place.schema["allOf"] = [*branches, {"not": exclusion}]
        else:
            place.schema["not"] = exclusion
    return copy


@lru_cache(maxsize=4096)
def _has_format(text: str, name: str) -> bool:
    return _checker(name).is_valid(text)


@lru_cache(maxsize=32)
def _checker(name: str) -> jsonschema_rs.Validator:
    return jsonschema_rs.validator_for({"format": name}, validate_formats=True)
