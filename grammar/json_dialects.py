"""What depends on more than the schema object itself, put into plain words: dialects of one's own, dynamic references.

- A meta-schema in the registry says by `$vocabulary` which keywords have a meaning; the others are left out.
- A dynamic reference leads to the outermost schema on the way that has its anchor. Every way begins in the root, so
  where the root's resource has the anchor, that is it, and the reference is a plain one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Any

from .json_places import UNEVALUATED, Place, Schema, all_places
from .json_registry import identifier, join

_STANDARD = "https://json-schema.org/draft/"
_KEYWORDS: dict[str, frozenset[str]] = {
    "applicator": frozenset(
        """prefixItems items additionalItems contains additionalProperties properties patternProperties
        dependentSchemas propertyNames if then else allOf anyOf oneOf not unevaluatedItems unevaluatedProperties""".split()
    ),
    "unevaluated": UNEVALUATED,
    "validation": frozenset(
        """type const enum multipleOf maximum exclusiveMaximum minimum exclusiveMinimum maxLength minLength pattern
        maxItems minItems uniqueItems maxContains minContains maxProperties minProperties required
        dependentRequired""".split()
    ),
}
_IGNORED = frozenset({"core", "meta-data", "content", "format", "format-annotation", "format-assertion"})


def in_standard_dialect(schema: Schema, registry: Mapping[str, Any]) -> Schema:
    """A schema of a dialect of one's own, in the standard one that its meta-schema is written in.

    The same object if its dialect is standard or unknown, or has vocabularies that are unknown and must be known.
    """
    named = schema.get("$schema")
    meta = registry.get(named.removesuffix("#")) if isinstance(named, str) else None
    if not isinstance(meta, dict) or not isinstance(meta.get("$schema"), str):
        return schema
    vocabularies = meta.get("$vocabulary")
    without = _left_out(vocabularies) if isinstance(vocabularies, dict) else frozenset()
    if without is None:
        return schema
    copy: Schema = json.loads(json.dumps(schema))
    for place in list(all_places(Place(copy))):
        for keyword in without & place.schema.keys():
            del place.schema[keyword]
    return {**copy, "$schema": meta["$schema"]}


def _left_out(vocabularies: Mapping[str, Any]) -> frozenset[str] | None:
    """The keywords without a meaning; None if there are some that must be known, and are not."""
    named = {uri.removeprefix(_STANDARD).rpartition("/")[2] for uri in vocabularies if uri.startswith(_STANDARD)}
    if any(is_required and not uri.startswith(_STANDARD) for uri, is_required in vocabularies.items()):
        return None
    given = _of(named & _KEYWORDS.keys())
    return None if not named <= _KEYWORDS.keys() | _IGNORED else _of(_KEYWORDS.keys()) - given


def _of(vocabularies: AbstractSet[str]) -> frozenset[str]:
    return frozenset().union(*(_KEYWORDS[name] for name in vocabularies))


def make_references_plain(root: Schema, name: str, draft: int) -> None:
    """Replace dynamic references that are known to lead into the root's resource, in place. `name`: the root's URI."""
    keyword = {19: "$recursiveRef", 20: "$dynamicRef"}.get(draft, "")
    start = Place(root, base=name)
    anchors: dict[str, set[str]] = {}
    for place in all_places(start):
        anchors.setdefault(place.base, set()).update(_dynamic_anchors(place))
    own = anchors.get(start.base, set())
    for place in list(all_places(start)):
        here = anchors.get(place.base, set())
        anchor = str(place.schema.get(keyword, ""))
        if anchor[:1] == "#" and anchor in own & here:
            del place.schema[keyword]
            _add(place.schema, {"$ref": join(start.base, anchor)})


def _dynamic_anchors(place: Place) -> set[str]:
    """The references that lead to a place dynamically: "#name", or "#" in 2019-09."""
    found = {f"#{place.schema['$dynamicAnchor']}"} if isinstance(place.schema.get("$dynamicAnchor"), str) else set()
    is_resource = place.above is None or identifier(place.schema) is not None
    return found | ({"#"} if is_resource and place.schema.get("$recursiveAnchor") is True else set())


def _add(schema: Schema, condition: Schema) -> None:
    if isinstance(schema.get("allOf"), list):
        schema["allOf"].append(condition)
    else:
        schema["allOf"] = [condition]
