"""The algebra of schemas: from a source schema to its canonical form, and the last steps that references keep open.

The algebra (conjunction of `allOf`, negation, `oneOf`, conditions, `unevaluated...`, emptiness) is that of the package
jsonschema-rs: `canonicalize` turns a schema into a tree of typed views without these operators. What was found before
it was chosen: on thousands of real schemas its form agreed with `jsonschema` on every instance, it takes a tenth of a
millisecond at the median, and it says so (`RawView`) where it does not model something. What it does not give is made
here or in `json_places.py`: property order and pointers; the operators it leaves symbolic where a reference is
involved (`resolve`); a limit on schemas whose cases multiply (`_check_cases`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import chain, combinations
from math import isfinite
from typing import Any

import jsonschema_rs
from jsonschema_rs import CanonicalSchema, canonical

from .errors import LimitError, SchemaError, UnsupportedSchemaError
from .json_depth import cut
from .json_patterns import loosened
from .json_places import LISTS, MAPS, SINGLE, Part, Place, Schema, Source, all_places

_DRAFTS = (None, 7, 4)
MAX_OVERLAPS = 28
_MAX_IN_PLACE = 30
_MAX_MESSAGE = 240
_LATEST = "https://json-schema.org/draft/2020-12/schema"
_MULTIPLY = frozenset({"allOf", "anyOf", "oneOf", "dependencies", "dependentSchemas", "dependentRequired"})
_ALTERNATIVES = frozenset({"anyOf", "oneOf"})


def canonicalize(schema: Schema, most_cases: int) -> tuple[CanonicalSchema, Source]:
    """The canonical form of a schema, and the places it comes from. Nothing is fetched.

    Without `$schema` the dialect is 2020-12; where that finds the schema malformed, draft 7 and draft 4 are tried.

    Raises:
        SchemaError: the schema is malformed; the place is that of the first mistake.
        UnsupportedSchemaError: an unknown dialect, a reference out of the document, too deep.
        LimitError: its branches have more than `most_cases` cases.
    """
    source = Source(schema, old_references=False)
    try:
        _check_cases(source, most_cases)
        try:
            form = _in_some_draft(schema)
        except (canonical.CanonicalizationError, SchemaError):
            loose = loosened(schema)
            if loose is None:
                raise
            source = Source(loose, old_references=False)
            form = _in_some_draft(loose)
    except canonical.CanonicalizationError as error:
        raise _unreadable(source, str(error)) from error
    except (ValueError, TypeError) as error:
        if isinstance(error, SchemaError):
            raise
        if "ecursion" not in str(error):
            raise SchemaError("", "", f"the schema is not JSON: {error}") from error
        flat, origins = cut(schema)
        form = _in_some_draft(flat)
        source.origins.update(origins)
    source.old_references = form.draft <= 7
    return form, source


def _in_some_draft(schema: Schema) -> CanonicalSchema:
    mistake: jsonschema_rs.ValidationError | None = None
    for draft in (None,) if "$schema" in schema else _DRAFTS:
        try:
            return _canonicalize(schema, draft)
        except jsonschema_rs.ValidationError as error:
            mistake = mistake or error
    assert mistake is not None
    raise _malformed(schema, mistake) from mistake


def _canonicalize(schema: Schema, draft: int | None) -> CanonicalSchema:
    form = jsonschema_rs.canonicalize(schema, draft=draft, validate_formats=True, offline=True)
    view = form.view()
    if isinstance(view, canonical.RawView) and view.reason == canonical.RawReason.UNMODELED:
        without = _without_inner_dialects(schema)
        form = jsonschema_rs.canonicalize(without, draft=draft, validate_formats=True, offline=True)
    return form


def _without_inner_dialects(schema: Schema) -> Schema:
    """The schema without `$schema` below its root, where it means nothing unless it begins another resource."""
    copy: Schema = json.loads(json.dumps(schema))
    for place in all_places(Place(copy)):
        if place.above is not None and not isinstance(place.schema.get("$id") or place.schema.get("id"), str):
            place.schema.pop("$schema", None)
    return copy


# --------------------------------------------------------------------------------------------------- mistakes by place


def _malformed(schema: Schema, error: jsonschema_rs.ValidationError) -> SchemaError:
    """The meta-schema's complaint, placed at the schema object and keyword it is about."""
    path, message = _innermost(schema, error, schema.get("$schema", _LATEST))
    taken = 0
    while (steps := _to_subschema(path[taken:])) and taken + steps < len(path):
        taken += steps
    pointer = "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in path[:taken])
    keyword = str(path[taken]) if taken < len(path) else ""
    if keyword in ("pattern", "patternProperties"):
        message += "; that is an expression of ECMA-262 with flag u, where ] } { stand for themselves only after a \\"
    return SchemaError(pointer, keyword, message)


def _innermost(schema: Schema, error: jsonschema_rs.ValidationError, dialect: object) -> tuple[list[Any], str]:
    """The path to the mistake, and what it is.

    Where the meta-schema offers alternatives (`items` in draft 4), its complaint is about the whole inner schema, which
    is then asked about alone.
    """
    path = list(error.instance_path)
    value: Any = schema
    for step in path:
        value = value[step]
    if path and isinstance(value, dict):
        try:
            jsonschema_rs.meta.validate({**value, "$schema": dialect})
        except (jsonschema_rs.ValidationError, ValueError) as inner:
            if isinstance(inner, jsonschema_rs.ValidationError):
                further, message = _innermost(value, inner, dialect)
                return path + further, message
    return path, _shortened(str(error.message))


def _shortened(message: str) -> str:
    """A message that quotes a whole value, without its middle."""
    half = _MAX_MESSAGE // 2
    return message if len(message) <= _MAX_MESSAGE else f"{message[:half]} ... {message[-half:]}"


def _to_subschema(path: list[Any]) -> int:
    """How many steps lead from a schema to the next one inside it; 0 if the path ends in a keyword's own value."""
    if not path:
        return 0
    if path[0] in MAPS or (path[0] in LISTS and len(path) > 1 and isinstance(path[1], int)):
        return 2
    return 1 if path[0] in SINGLE else 0


def _unreadable(source: Source, message: str) -> SchemaError:
    """Why there is no canonical form: a pattern, or a reference that leads nowhere."""
    for place in all_places(source.root):
        for keyword, pattern in _patterns(place.schema):
            if not _reads(pattern):
                return SchemaError(
                    place.pointer, keyword, _shortened(f"not a regular expression of ECMA-262: {pattern!r}")
                )
        reference = place.schema.get("$ref")
        if isinstance(reference, str) and not source.leads_somewhere(place, reference):
            if reference.startswith("#"):
                return SchemaError(place.pointer, "$ref", f"the reference leads nowhere: {reference!r}")
            reason = _shortened(f"{reference!r} is not in this document, and nothing is fetched; put it under $defs")
            return UnsupportedSchemaError(place.pointer, "$ref", reason)
    return UnsupportedSchemaError("", "", message)


def _patterns(schema: Schema) -> Iterator[tuple[str, str]]:
    if isinstance(schema.get("pattern"), str):
        yield "pattern", schema["pattern"]
    if isinstance(schema.get("patternProperties"), dict):
        yield from (("patternProperties", pattern) for pattern in schema["patternProperties"])


def _reads(pattern: str) -> bool:
    try:
        jsonschema_rs.canonicalize({"pattern": pattern})
    except (canonical.CanonicalizationError, jsonschema_rs.ValidationError):
        return False
    return True


# ---------------------------------------------------------------------------------------------------------- many cases


def _check_cases(source: Source, most: int) -> None:
    """Refuse schemas whose branches multiply: each `anyOf` beside another doubles the cases of one object."""
    if not _looks_multiplied(source.root.schema):
        return
    for place in all_places(source.root):
        if not _MULTIPLY.isdisjoint(place.schema) and _cases(source, place, set(), most) > most:
            raise LimitError("schema_cases", most, f"the branches at #{place.pointer} multiply")


def _looks_multiplied(schema: Schema) -> bool:
    """A quick look without regard to what is a schema: does anything have two of the keywords, or two conditions?

    Raises SchemaError for a number that JSON does not have; the canonical form would take it for null.
    """
    pending: list[Any] = [schema]
    found = False
    while pending:
        value = pending.pop()
        kind = type(value)
        if kind is dict:
            if not found and not _MULTIPLY.isdisjoint(value):
                own = _MULTIPLY.intersection(value)
                found = len(own) > 1 or not own <= _ALTERNATIVES
            pending += value.values()
        elif kind is list:
            pending += value
        elif kind is float and not isfinite(value):
            raise SchemaError("", "", f"the schema is not JSON: it holds {value}")
    return found


def _cases(source: Source, place: Place, above: set[int], most: int) -> int:
    """How many conjunctions of branches there are at a place, at most; counted up to `most` and one."""
    if id(place.schema) in above or len(above) > _MAX_IN_PLACE:
        return 1
    inside = above | {id(place.schema)}
    total = _own_cases(place.schema)
    sums: dict[str, int] = {}
    for keyword, found in source.applied(place):
        cases = _cases(source, found, inside, most)
        if keyword in ("anyOf", "oneOf"):
            sums[keyword] = sums.get(keyword, 0) + cases
        else:
            total *= cases
    for cases in sums.values():
        total *= cases
    return min(total, most + 1)


def _own_cases(schema: Schema) -> int:
    """Two for each keyword at this very place that either holds or does not matter."""
    choices = 1 if "if" in schema else 0
    for keyword in ("dependencies", "dependentSchemas", "dependentRequired"):
        value = schema.get(keyword)
        choices += len(value) if isinstance(value, dict) else 0
    return 1 << min(choices, 40)


# -------------------------------------------------------------------------------------------------- symbolic operators


def resolve(schema: CanonicalSchema, part: Part) -> CanonicalSchema:
    """One step of an operator that was kept symbolic because of a reference: the reference is looked through.

    Raises UnsupportedSchemaError if the step leads nowhere.
    """
    try:
        step = _step(schema, _MAX_IN_PLACE)
    except canonical.CanonicalizationError as error:
        raise _unresolved(schema.view(), part, str(error)) from error
    if step == schema:
        raise _unresolved(schema.view(), part, "the references in it are too intricate")
    return step


def _step(schema: CanonicalSchema, fuel: int) -> CanonicalSchema:
    match schema.view():
        case canonical.AllOfView(branches):
            return _all(branches, fuel)
        case canonical.OneOfView(branches):
            return _exactly_one(branches, fuel)
        case canonical.NotView(negated):
            return _target(negated, fuel).negate()
    return schema


def _target(schema: CanonicalSchema, fuel: int) -> CanonicalSchema:
    """What a reference refers to, and what a symbolic operator comes to; `fuel` ends loops of them."""
    for remaining in range(fuel - 1, -1, -1):
        view = schema.view()
        if isinstance(view, canonical.ReferenceView):
            schema = schema.definition(view.uri) or schema
        elif isinstance(view, (canonical.AllOfView, canonical.OneOfView, canonical.NotView)):
            return _step(schema, remaining // 2)
        else:
            break
    return schema


def _all(branches: list[CanonicalSchema], fuel: int) -> CanonicalSchema:
    result = _target(branches[0], fuel)
    for branch in branches[1:]:
        result = result.intersect(_target(branch, fuel))
    return result


def _exactly_one(branches: list[CanonicalSchema], fuel: int) -> CanonicalSchema:
    """Each branch without the others that it overlaps, if any."""
    targets = [_target(branch, fuel) for branch in branches]
    overlaps = {
        (i, j)
        for i, j in combinations(range(len(targets)), 2)
        if targets[i].intersect(targets[j]).satisfiability() != canonical.Satisfiability.NO
    }
    if len(overlaps) > MAX_OVERLAPS:
        raise canonical.UnsupportedResult(f"{len(overlaps)} pairs of branches may overlap, at most {MAX_OVERLAPS} may")
    others = {j: targets[j].negate() for j in sorted(set(chain(*overlaps)))}
    result: CanonicalSchema | None = None
    for i, branch in enumerate(branches):
        alone = branch
        for j, other in others.items():
            if (i, j) in overlaps or (j, i) in overlaps:
                alone = _target(alone, fuel).intersect(other)
        result = alone if result is None else result.union(alone)
    assert result is not None
    return result


def size(schema: CanonicalSchema) -> int:
    """How many schemas a canonical schema consists of, references not followed."""
    count = 0
    pending = [schema]
    while pending:
        count += 1
        pending += _inside(pending.pop().view())
    return count


def _inside(view: object) -> list[CanonicalSchema]:
    match view:
        case canonical.AnyOfView(branches) | canonical.AllOfView(branches) | canonical.OneOfView(branches):
            return branches
        case canonical.NotView(inner) | canonical.TypedGroupView(body=inner):
            return [inner]
        case canonical.ArrayView():
            return [*view.prefix_items, *([] if view.items is None else [view.items])]
        case canonical.ObjectView():
            others = [view.additional_properties, view.property_names]
            named = [*view.properties.values(), *view.pattern_properties.values()]
            return [*named, *(other for other in others if other is not None)]
    return []


def _unresolved(view: object, part: Part, reason: str) -> UnsupportedSchemaError:
    keywords = {canonical.AllOfView: "allOf", canonical.OneOfView: "oneOf", canonical.NotView: "not"}
    keyword = keywords[type(view)]
    return UnsupportedSchemaError(part.pointer(keyword), keyword, reason)
