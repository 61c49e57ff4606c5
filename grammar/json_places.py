"""Where in the source schema a canonical schema comes from: the order of its properties, and places for errors.

The canonical form sorts properties and forgets pointers. Both are recovered by walking the source beside it: a set of
`Place`s is every schema object of the source that speaks about the same part of an instance. From the root (and from
any target of a reference) the set is closed under the keywords that apply in place (`allOf`, `anyOf`, `$ref`, `if`,
...), and it moves along with the instance: into a property, an item.

Nothing here decides which values are valid. A reference that cannot be followed only loses its order.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from decimal import Decimal
from functools import cached_property
from itertools import chain
from typing import Any, TypeAlias
from urllib.parse import unquote

from .json_number_bounds import ALL_EXACT
from .json_registry import identifier, join

Schema: TypeAlias = dict[str, Any]
Steps: TypeAlias = tuple[str | int, ...]

IN_PLACE_LISTS = frozenset({"allOf", "anyOf", "oneOf"})
IN_PLACE_SINGLE = frozenset({"if", "then", "else"})
IN_PLACE_MAPS = frozenset({"dependentSchemas", "dependencies"})
UNEVALUATED = frozenset({"unevaluatedItems", "unevaluatedProperties"})
"""These look at what their neighbours evaluate."""
SINGLE = IN_PLACE_SINGLE | UNEVALUATED
SINGLE |= {"not", "items", "additionalItems", "additionalProperties", "contains", "propertyNames"}
LISTS = IN_PLACE_LISTS | {"prefixItems", "items"}
MAPS = IN_PLACE_MAPS | {"properties", "patternProperties", "$defs", "definitions"}

_APPLIES = IN_PLACE_LISTS | IN_PLACE_SINGLE | IN_PLACE_MAPS | {"$ref", "$dynamicRef", "$recursiveRef"}
_BRANCHING = frozenset({"anyOf", "oneOf", "if", "then", "else", "dependentSchemas", "dependencies"})
_DEFAULT_BASE = "json-schema:///"
_CANONICAL_URN = "urn:jsonschema:canonical:"


class Place:
    """A schema object of the source, and the steps from another place (or the root) to it."""

    __slots__ = ("above", "base", "schema", "steps")

    def __init__(self, schema: Schema, above: Place | None = None, steps: Steps = (), base: str = "") -> None:
        self.schema = schema
        self.above = above
        self.steps = steps
        self.base: str = above.base if above is not None else base
        if "$id" in schema or "id" in schema:
            name = identifier(schema)
            if name is not None:
                self.base = join(self.base, name).removesuffix("#")

    def steps_from_root(self) -> Steps:
        """The steps from the outermost place to this one."""
        steps: list[str | int] = []
        place: Place | None = self
        while place is not None:
            steps[:0] = place.steps
            place = place.above
        return tuple(steps)

    @property
    def pointer(self) -> str:
        """The JSON Pointer of this place."""
        steps = [str(step).replace("~", "~0").replace("/", "~1") for step in self.steps_from_root()]
        return "".join("/" + step for step in steps)

    def below(self, *steps: str | int) -> Iterator[Place]:
        """The place at the end of `steps`, if a schema object is there."""
        value: Any = self.schema
        for step in steps:
            value = value[step]
        if isinstance(value, dict):
            yield Place(value, self, steps)


Places: TypeAlias = tuple[Place, ...]


class Part:
    """A part of an instance, and the places that speak about it, which are looked for when they are asked for."""

    __slots__ = ("_find", "_found", "_source")

    def __init__(self, source: Source, find: Callable[[], list[Place]]) -> None:
        self._source = source
        self._find = find
        self._found: tuple[Places, Places] | None = None

    @property
    def is_new(self) -> bool:
        """Whether nobody has looked at the places so far."""
        return self._found is None

    @property
    def places(self) -> Places:
        """The schema objects that apply here, in the order of the text."""
        return self._closed()[0]

    @property
    def branches(self) -> Places:
        """Those of them that apply in some cases only: alternatives, consequences, dependencies."""
        return self._closed()[1]

    def _closed(self) -> tuple[Places, Places]:
        if self._found is None:
            self._found = self._source.close(self._find())
        return self._found

    def without(self, places: frozenset[Place]) -> Part:
        """The same part without some places."""
        part = Part(self._source, self._find)
        part._found = (
            tuple(place for place in self.places if place not in places),
            tuple(place for place in self.branches if place not in places),
        )
        return part

    def member(self, name: str) -> Part:
        """The value of property `name`."""
        return Part(self._source, lambda: _members(self.places, name))

    def extra(self, patterns: list[str]) -> Part:
        """Values of undeclared properties whose names match `patterns`."""
        return Part(self._source, lambda: _extras(self.places, patterns))

    def item(self, index: int | None) -> Part:
        """Item `index`, or (None) the items beyond the prefix."""
        return Part(self._source, lambda: _items(self.places, index))

    def is_double(self, value: int) -> bool:
        """Whether the schema spells this whole number as a double somewhere, which then has another value."""
        return value in self.doubles

    @property
    def doubles(self) -> Collection[int]:
        """The whole numbers that the schema spells as doubles, which then have other values."""
        return self._source.doubles

    def pointer(self, keyword: str = "", value: object = None) -> str:
        """The pointer of the first place with `keyword` (and this value there, if any has it), or of the first place."""
        places = self.places
        holders = [place for place in places if keyword in place.schema]
        exact = [place for place in holders if value is not None and _has(place.schema[keyword], value)]
        found = exact or holders or places
        return found[0].pointer if found else ""


def _has(held: object, value: object) -> bool:
    return held == value or (isinstance(held, (dict, list)) and value in held)


def _members(places: Places, name: str) -> list[Place]:
    found: list[Place] = []
    for place in places:
        schema = place.schema
        if name in _mapping(schema, "properties"):
            found += place.below("properties", name)
        elif "additionalProperties" in schema:
            found += place.below("additionalProperties")
        for pattern in _mapping(schema, "patternProperties"):
            found += place.below("patternProperties", pattern)
    return found


def _extras(places: Places, patterns: list[str]) -> list[Place]:
    found: list[Place] = []
    for place in places:
        known = [pattern for pattern in patterns if pattern in _mapping(place.schema, "patternProperties")]
        for pattern in known:
            found += place.below("patternProperties", pattern)
        if not known and "additionalProperties" in place.schema:
            found += place.below("additionalProperties")
    return found


def _items(places: Places, index: int | None) -> list[Place]:
    found: list[Place] = []
    for place in places:
        keyword = "prefixItems" if "prefixItems" in place.schema else "items"
        prefix = place.schema.get(keyword)
        if isinstance(prefix, list) and index is not None and index < len(prefix):
            found += place.below(keyword, index)
        elif isinstance(prefix, list) and keyword == "items":
            found += place.below("additionalItems") if "additionalItems" in place.schema else ()
        elif "items" in place.schema:
            found += place.below("items")
    return found


class Source:
    """The source document, and where references in it lead."""

    def __init__(self, document: Schema, old_references: bool, registry: Mapping[str, Any] | None = None) -> None:
        """`old_references`: up to draft 7 keywords beside `$ref` are ignored. `registry`: other documents, by URI.

        `origins` may be filled with the places of references that are not in the document. `looks` counts who looked.
        """
        self.looks = 0
        self.root = Place(document)
        self._registry = registry or {}
        self.origins: dict[str, Place] = {}
        self.old_references = old_references

    def start(self) -> Part:
        """The whole instance."""
        return Part(self, lambda: [self.root])

    def target(self, uri: str) -> Part:
        """The instance of the target of a reference, as the canonical form names it."""
        if uri.startswith(_CANONICAL_URN):
            uri = unquote(uri[len(_CANONICAL_URN) :]).removeprefix(_DEFAULT_BASE)
        if uri in self.origins:
            return Part(self, lambda: [self.origins[uri]])
        return Part(self, lambda: list(self._follow(self.root, uri)))

    @cached_property
    def doubles(self) -> frozenset[int]:
        """The whole numbers beyond all that are doubles which the documents spell as such."""
        found: set[int] = set()
        pending: list[Any] = [self.root.schema, *self._registry.values()]
        for value in pending:  # which grows meanwhile
            if isinstance(value, (dict, list)):
                pending += value.values() if isinstance(value, dict) else value
            elif isinstance(value, float) and abs(value) > ALL_EXACT:
                found.add(int(Decimal(repr(value))))
        return frozenset(found)

    # -------------------------------------------------------------------------------------------- closure

    def close(self, places: list[Place]) -> tuple[Places, Places]:
        """These places and all that apply to the same part of the instance, in the order of the text; and the branches.

        A place comes where its `properties` are written, after what other keywords before them apply.
        """
        self.looks += 1
        if all(_APPLIES.isdisjoint(place.schema) for place in places):
            return tuple(places), ()
        closed: list[Place] = []
        branches: list[Place] = []
        seen: set[int] = set()
        pending = [(place, False, False) for place in reversed(places)]
        while pending:
            place, is_branch, is_open = pending.pop()
            if is_open:
                closed.append(place)
                branches += [place] if is_branch else []
            elif id(place.schema) not in seen:
                seen.add(id(place.schema))
                pending += reversed(self._around(place, is_branch))
        return tuple(closed), tuple(branches)

    def _around(self, place: Place, is_branch: bool) -> list[tuple[Place, bool, bool]]:
        """What to visit for a place: those applied before its `properties`, itself (open), and the others."""
        if _APPLIES.isdisjoint(place.schema):
            return [(place, is_branch, True)]
        keywords = list(place.schema)
        own = keywords.index("properties") if "properties" in place.schema else 0
        before: list[tuple[Place, bool, bool]] = []
        after: list[tuple[Place, bool, bool]] = []
        for keyword, found in self.applied(place):
            before_own = keywords.index(keyword) < own
            (before if before_own else after).append((found, is_branch or keyword in _BRANCHING, False))
        return [*before, (place, is_branch, True), *after]

    def applied(self, place: Place) -> Iterator[tuple[str, Place]]:
        """The places that a place applies to its own part of the instance, with the keyword that does it."""
        schema = place.schema
        if self.old_references and isinstance(schema.get("$ref"), str):
            yield from (("$ref", found) for found in self._follow(place, schema["$ref"]))
            return
        for keyword, value in schema.items():
            if keyword in _APPLIES:
                yield from ((keyword, found) for found in self._applied_by(place, keyword, value))

    def leads_somewhere(self, place: Place, reference: str) -> bool:
        """Whether a reference leads to a schema object of this document."""
        return next(self._follow(place, reference), None) is not None

    def _applied_by(self, place: Place, keyword: str, value: Any) -> Iterator[Place]:
        if isinstance(value, list):
            for index in range(len(value)):
                yield from place.below(keyword, index)
        elif isinstance(value, dict) and keyword in IN_PLACE_MAPS:
            for name in value:
                yield from place.below(keyword, name)
        elif isinstance(value, dict):
            yield from place.below(keyword)
        elif isinstance(value, str):
            yield from self._follow(place, value)

    # ----------------------------------------------------------------------------------------- references

    def _follow(self, place: Place, reference: str) -> Iterator[Place]:
        """The place that `reference`, read at `place`, names; none if it is not in the document."""
        if reference[:1] == "#" and reference[1:2] in ("", "/") and place.base == self.root.base:
            yield from follow_pointer(self.root, unquote(reference[1:]))
            return
        absolute = join(place.base, reference)
        resource, _, fragment = absolute.partition("#")
        if absolute in self._identified:
            yield self._identified[absolute]
            return
        start = self._identified.get(resource, self.root if resource in ("", self.root.base) else None)
        if start is not None:
            yield from follow_pointer(start, unquote(fragment))

    @cached_property
    def _identified(self) -> dict[str, Place]:
        """Places by absolute URI, from `$id`, `$anchor` and their like."""
        found: dict[str, Place] = {}
        for uri, schema in self._registry.items():
            if isinstance(schema, dict):
                found[uri.removesuffix("#")] = Place(schema, base=uri)
        for place in chain(all_places(self.root), *map(all_places, list(found.values()))):
            schema = place.schema
            if identifier(schema) is not None:
                resource, _, fragment = place.base.partition("#")
                found.setdefault(place.base if fragment else resource, place)
            for keyword in ("$anchor", "$dynamicAnchor"):
                if isinstance(schema.get(keyword), str):
                    found.setdefault(join(place.base, "#" + schema[keyword]), place)
        return found


def all_places(root: Place) -> Iterator[Place]:
    """Every schema object of the document, from the root in the order of the text."""
    pending = [root]
    while pending:
        place = pending.pop()
        yield place
        below: list[Place] = []
        for keyword, value in place.schema.items():
            if keyword in MAPS and isinstance(value, dict):
                below += [found for name in value for found in place.below(keyword, name)]
            elif keyword in LISTS and isinstance(value, list):
                below += [found for index in range(len(value)) for found in place.below(keyword, index)]
            elif keyword in SINGLE and isinstance(value, dict):
                below += place.below(keyword)
        pending += below[::-1]


def _mapping(schema: Schema, keyword: str) -> Schema:
    value = schema.get(keyword)
    return value if isinstance(value, dict) else {}


def follow_pointer(start: Place, pointer: str) -> Iterator[Place]:
    """The place at the end of a JSON Pointer that begins at another, if a schema object is there."""
    value: Any = start.schema
    steps: list[str | int] = []
    for step in [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]:
        found: str | int = step
        if isinstance(value, list) and step.isdigit() and int(step) < len(value):
            found = int(step)
        elif not isinstance(value, dict) or step not in value:
            return
        value = value[found]
        steps.append(found)
    if isinstance(value, dict):
        yield Place(value, start, tuple(steps)) if steps else start
