"""Which documents of a registry a schema leads to, so that the others are neither read nor able to be wrong."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urljoin

_REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef", "$schema")


def reachable(schema: Any, registry: Mapping[str, Any]) -> dict[str, Any]:
    """The documents of `registry` that references and dialects lead to, directly or through others."""
    known = {uri.partition("#")[0]: uri for uri in registry}
    found: dict[str, Any] = {}
    pending = [("", schema)]
    is_indexed = False
    while pending:
        for resource in _resources(*pending.pop()):
            if resource not in known and not is_indexed:
                is_indexed = True
                known = _embedded(registry) | known
            uri = known.get(resource)
            if uri is not None and uri not in found:
                found[uri] = registry[uri]
                pending.append((uri, registry[uri]))
    return found


def join(base: str, reference: str) -> str:
    """`urljoin`, for any text: a reference that is no URI is itself."""
    try:
        return urljoin(base, reference)
    except ValueError:
        return reference


def identifier(schema: Mapping[str, Any]) -> str | None:
    """What a schema object calls itself, if it does."""
    value = schema.get("$id") or schema.get("id")
    return value if isinstance(value, str) else None


def _embedded(registry: Mapping[str, Any]) -> dict[str, str]:
    """For each resource inside a document of the registry the URI of that document."""
    return {base.partition("#")[0]: uri for uri, document in registry.items() for base, _ in _objects(uri, document)}


def _resources(base: str, document: Any) -> Iterator[str]:
    """Every document that one refers to, itself included."""
    for own, value in _objects(base, document):
        for keyword in _REFERENCES:
            reference = value.get(keyword)
            if isinstance(reference, str) and reference[:1] != "#":
                yield join(own, reference).partition("#")[0]


def _objects(base: str, document: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every JSON object, schema or not, with the base URI that holds in it."""
    pending = [(base, document)]
    while pending:
        above, value = pending.pop()
        if isinstance(value, dict):
            name = identifier(value)
            own = above if name is None else join(above, name)
            yield own, value
            pending += [(own, item) for item in value.values()]
        elif isinstance(value, list):
            pending += [(above, item) for item in value]
