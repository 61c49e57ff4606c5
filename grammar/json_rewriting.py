"""The same schema in other words, for the canonical form to take what it refused.

- Containers in `enum` and `const`: "not this very object" has no canonical form, "not an object with these two
  properties of these values, and no other property" has one.
- Contents (`contentEncoding`, ...), which are annotations.
- `$schema` below the root, where it means nothing unless it begins a resource in another dialect.
"""

from __future__ import annotations

import json
from typing import Any

from .json_depth import too_deep
from .json_places import UNEVALUATED, Place, Schema, all_places

_DRAFT_WITH_PREFIX = 20
_CONTENTS = ("contentEncoding", "contentMediaType", "contentSchema")
"""For which `enum` evaluates no property, while the `properties` that say the same do: where these are, nothing is spelled
out."""


def in_other_words(schema: Schema, draft: int) -> Schema:
    """A copy of a schema of `draft` that says the same. Raises UnsupportedSchemaError if it is too deep for that."""
    try:
        copy: Schema = json.loads(json.dumps(schema))
    except RecursionError:
        raise too_deep() from None
    places = list(all_places(Place(copy)))
    is_spelled = not any(UNEVALUATED & place.schema.keys() for place in places)
    for place in places:
        for keyword in _CONTENTS:
            place.schema.pop(keyword, None)
        if place.above is not None and not _is_of_another_dialect(place.schema, copy, draft):
            place.schema.pop("$schema", None)
        if is_spelled:
            _spell_out(place.schema, draft)
    return copy


def _is_of_another_dialect(schema: Schema, root: Schema, draft: int) -> bool:
    """Whether a schema object below the root is a resource of its own, and not in the root's dialect."""
    is_resource = isinstance(schema.get("id" if draft == 4 else "$id"), str)
    return is_resource and str(schema.get("$schema")).rstrip("#") != str(root.get("$schema")).rstrip("#")


def _spell_out(schema: Schema, draft: int) -> None:
    values = schema.get("enum")
    given = [*(values if isinstance(values, list) else []), schema.get("const")]
    if not any(isinstance(value, (list, dict)) for value in given):
        return
    conditions: list[Schema] = []
    if isinstance(values, list):
        conditions.append(_any_of(schema.pop("enum"), draft))
    if "const" in schema and draft > 4:
        conditions.append(_any_of([schema.pop("const")], draft))
    if isinstance(schema.get("allOf"), list):
        schema["allOf"] += conditions
    else:
        schema["allOf"] = conditions


def _any_of(values: list[Any], draft: int) -> Schema:
    plain = [value for value in values if not isinstance(value, (list, dict))]
    branches: list[Schema] = [{"enum": plain}] if plain else []
    branches += [_container(value, draft) for value in values if isinstance(value, (list, dict))]
    return branches[0] if len(branches) == 1 else {"anyOf": branches}


def _container(value: Any, draft: int) -> Schema:
    """The keywords that describe one value."""
    if isinstance(value, list):
        items = [_container(item, draft) for item in value]
        prefix = {"prefixItems" if draft == _DRAFT_WITH_PREFIX else "items": items} if items else {}
        return {"type": "array", "minItems": len(items), "maxItems": len(items), **prefix}
    if isinstance(value, dict):
        properties = {name: _container(item, draft) for name, item in value.items()}
        named = {"properties": properties, "required": list(properties)} if properties else {}
        return {"type": "object", "maxProperties": len(properties), **named}
    return {"enum": [value]}
