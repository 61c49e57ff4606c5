"""Refusing the formats that JSON Schema does not define, for callers who want no constraint to be an annotation in silence."""

from __future__ import annotations

from .errors import UnsupportedSchemaError
from .json_formats import FORMATS
from .json_places import Place, Source, all_places


def refuse_unknown_formats(source: Source) -> None:
    """Look at every schema object of the document, and of others that it refers to.

    Raises UnsupportedSchemaError at the first `format` that the specification does not define.
    """
    pending = [source.root]
    seen: set[int] = set()
    while pending:
        for place in all_places(pending.pop()):
            if id(place.schema) in seen:
                continue
            seen.add(id(place.schema))
            _check(place)
            pending += [target for keyword, target in source.applied(place) if keyword in _REFERENCES]


_REFERENCES = frozenset({"$ref", "$dynamicRef", "$recursiveRef"})


def _check(place: Place) -> None:
    name = place.schema.get("format")
    if isinstance(name, str) and name not in FORMATS:
        reason = f"{name!r} is not a format of JSON Schema; use a pattern, or allow unknown formats as annotations"
        raise UnsupportedSchemaError(place.pointer, "format", reason)
