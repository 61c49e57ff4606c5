"""JSON Schema to grammar: drafts 4 to 2020-12, every keyword enforced exactly or refused with its place.

    schema -> json_canonical.canonicalize -> views -> object_node, array_node, string_content, numbers, ... -> Grammar
                                    json_places.Source: order of properties, pointers

Why a canonical form and not a compiler from keywords: the same constraint can be spelled in many ways across keywords
(`allOf`, `not`, `oneOf`, `if`), and an automaton needs one object, one array, one interval. The form gives that; what
it loses is recovered from the source.

Every place where a schema refers to another becomes a rule, and so do schemas nested deeply: translation works off a
queue of rules, so that neither recursion in the schema nor depth is recursion here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal

from jsonschema_rs import CanonicalSchema, canonical
from jsonschema_rs.canonical import (
    AllOfView,
    AnyOfView,
    ArrayView,
    CanonicalKind,
    ConstView,
    EnumView,
    FalseView,
    IntegerView,
    MultiTypeView,
    NotView,
    NumberView,
    ObjectView,
    OneOfView,
    RawView,
    ReferenceView,
    StringView,
    TrueView,
    TypedGroupView,
)

from .errors import ConstraintError, LimitError, UnsatisfiableSchemaError, UnsupportedSchemaError
from .ir import (
    ANY_TEXT,
    NOTHING,
    Choice,
    Complement,
    Grammar,
    Intersection,
    JsonLayout,
    JsonString,
    Node,
    Reference,
    Regex,
    Terminal,
    TextSet,
    Union,
)
from .json_algebra import Algebra, size
from .json_arrays import array_node
from .json_canonical import canonicalize
from .json_mistakes import unsatisfiable
from .json_number_terminals import integer_terminal, number_terminal
from .json_objects import object_node
from .json_operators import resolve
from .json_places import Part, Source
from .json_reading import Reading
from .json_strings import string_content
from .json_unique import unique_content
from .json_values import ANY_UNIQUE_VALUE, ANY_VALUE, NO_VALUE, any_of_type, any_of_types, any_value, values_node
from .limits import DEFAULT_LIMITS, Limits

_MAX_NESTING = 24
"""How deeply schemas are translated one inside the other before the next becomes a rule."""
_MANY_NODES = 10_000
_MUCH_WORK = 250
"""Schemas that come of operators over references, from which on a refusal stands."""
_FLAT = frozenset({CanonicalKind.REFERENCE, CanonicalKind.FALSE, CanonicalKind.TRUE})
_DEFAULT_LAYOUT = JsonLayout()
_DEFAULT_READING = Reading()


def from_json_schema(
    schema: dict[str, Any] | bool,
    *,
    property_order: Literal["declared", "any"] = "declared",
    layout: JsonLayout = _DEFAULT_LAYOUT,
    limits: Limits = DEFAULT_LIMITS,
    reading: Reading = _DEFAULT_READING,
) -> Grammar:
    """The JSON texts that are valid against `schema`.

    Args:
        schema: drafts 4, 6, 7, 2019-09 and 2020-12, told apart by `$schema` (2020-12 without). The formats of the
            specification are enforced; unknown ones, contents (`contentMediaType`, ...) and unknown keywords are
            annotations. Integers are written without exponent, and without fraction unless `reading` says otherwise;
            bounded numbers without exponent.
        property_order: "declared" writes declared properties in order of first appearance in the schema, and then
            undeclared ones; "any" allows every order.
        layout: where white space may stand.
        limits: those named `schema_...` are kept here.
        reading: how to read it where it does not say: dialect, formats, other documents; and whether `1.0` is written.

    Raises:
        SchemaError: the schema is malformed.
        UnsupportedSchemaError: a keyword of it cannot be enforced exactly.
        UnsatisfiableSchemaError: no value is valid.
        LimitError: its cases, its rules or their algebra are too many or too large.
    """
    if isinstance(schema, bool):
        if not schema:
            raise UnsatisfiableSchemaError("", "", "the schema is false: no value is valid")
        return Grammar(ANY_VALUE, {ANY_VALUE.rule: any_value(layout)})
    first: _Translation | None = None
    try:
        form, source = canonicalize(schema, reading, limits)
        first = _Translation(source, property_order, layout, limits, reading)
        return first.run(form)
    except (UnsupportedSchemaError, LimitError) as refusal:
        if isinstance(refusal, LimitError) and refusal.limit != "schema_cases":
            raise
        if first is not None and first.is_too_large:
            raise
        try:
            form, source = canonicalize(schema, reading, limits, rewritten=True)
            return _Translation(source, property_order, layout, limits, reading).run(form)
        except UnsatisfiableSchemaError:
            raise
        except ConstraintError:
            raise refusal from None


class _Translation:
    """One run: the options, the rules made so far, and those still to be made."""

    def __init__(
        self,
        source: Source,
        property_order: Literal["declared", "any"],
        layout: JsonLayout,
        limits: Limits,
        reading: Reading,
    ) -> None:
        self.source = source
        self._reading = reading
        self.property_order = property_order
        self.layout = layout
        self.unique = False
        self.wide = False
        self.outgrown = False
        self._rules: dict[str, Node] = {}
        self._pending: list[tuple[str, CanonicalSchema, Part, bool]] = []
        self._resolved: dict[tuple[CanonicalSchema, bool], Reference] = {}
        self._names: set[str] = set()
        self._nodes = 0
        self._parts: dict[tuple[CanonicalSchema, bool], Reference] = {}
        self._known: tuple[dict[CanonicalSchema, Node], dict[CanonicalSchema, Node]] = ({}, {})
        self._nesting = 0
        self._limits = limits
        self.algebra = Algebra(limits.schema_work, reading)

    def run(self, root: CanonicalSchema) -> Grammar:
        """Translate everything that is reachable from the root."""
        start = self.node(root, self.source.start())
        if start is NO_VALUE:
            raise unsatisfiable(self.source.root.schema, root.draft, self._reading)
        while self._pending:
            name, schema, part, self.unique = self._pending.pop()
            self._nesting = 0
            self._rules[name] = self._translated(schema, part)
        self._rules[ANY_VALUE.rule] = any_value(self.layout)
        self._rules[ANY_UNIQUE_VALUE.rule] = any_value(self.layout, unique=True)
        return Grammar(start, self._rules)

    @property
    def any_value(self) -> Node:
        """Every value."""
        return ANY_UNIQUE_VALUE if self.unique else ANY_VALUE

    @property
    def fractions(self) -> bool:
        """Whether a whole number may be written with a fraction."""
        return self._reading.integers == "any" and not self.unique

    @property
    def is_too_large(self) -> bool:
        """Whether so much came of the schema that to say it in other words takes as long, and comes to the same."""
        return self.outgrown or self.algebra.work > _MUCH_WORK

    def spend(self, work: int) -> None:
        """Count schemas that came of others."""
        self.algebra.spend(work)

    @contextmanager
    def spelled_uniquely(self, on: bool) -> Iterator[None]:
        """What is translated meanwhile has one spelling for each value, if `on`."""
        before = self.unique
        self.unique = before or on
        yield
        self.unique = before

    def node(self, schema: CanonicalSchema, part: Part) -> Node:
        """The values of `schema`; `NO_VALUE` if there is none.

        A node for which nobody looked at the source depends on nothing but the schema, so it is made, and lowered, once.
        """
        known = self._known[self.unique]
        node = known.get(schema)
        if node is None:
            is_new, looks = part.is_new, self.source.looks
            node = self._made(schema, part)
            if is_new and self.source.looks == looks:
                known[schema] = node
        return node

    def known(self, schema: CanonicalSchema) -> Node | None:
        """The node of a schema, if there is one that does not depend on where the schema stands."""
        return self._known[self.unique].get(schema)

    def _made(self, schema: CanonicalSchema, part: Part) -> Node:
        self._nodes += 1
        if (self._nesting >= _MAX_NESTING or self._nodes > _MANY_NODES) and schema.kind not in _FLAT:
            return self._apart(schema, part)
        self._nesting += 1
        node = self._translated(schema, part)
        self._nesting -= 1
        return node

    def _apart(self, schema: CanonicalSchema, part: Part) -> Reference:
        """A rule of its own; beyond so many nodes, one for equal schemas, whatever the order in their sources."""
        self.source.looks += 1  # by who makes the rule
        if self._nodes <= _MANY_NODES:
            return self._later(f"part {len(self._names)}", schema, part)
        key = schema, self.unique
        if key not in self._parts:
            self.algebra.spend(size(schema))
            self._parts[key] = self._later(f"part {len(self._names)}", schema, part)
        return self._parts[key]

    def _translated(self, schema: CanonicalSchema, part: Part) -> Node:
        view = schema.view()
        try:
            return _NODES[type(view)](self, schema, view, part)
        except canonical.CanonicalizationError as error:
            raise UnsupportedSchemaError(part.pointer(), "", f"this combination of keywords: {error}") from error

    def content(self, schema: CanonicalSchema, part: Part) -> Regex:
        """The strings of `schema`."""
        view = schema.view()
        for _ in range(_MAX_NESTING):
            if not isinstance(view, ReferenceView):
                break
            schema = schema.definition(view.uri) or schema
            view = schema.view()
        if type(view) not in _CONTENTS or self._nesting > _MAX_NESTING:
            raise UnsupportedSchemaError(
                part.pointer("propertyNames"), "propertyNames", "the references in it are too intricate"
            )
        self._nesting += 1
        content = _CONTENTS[type(view)](self, view, part)
        self._nesting -= 1
        return content

    def outside(self, schema: CanonicalSchema, part: Part) -> Regex:
        """Strings that are not of `schema`. Formats are written narrowly, so what is complemented is read widely."""
        self.wide = not self.wide
        content = self.content(schema, part)
        self.wide = not self.wide
        return Complement(content)

    def refer(self, schema: CanonicalSchema, view: ReferenceView) -> Node:
        """The rule of a reference."""
        target = schema.definition(view.uri)
        if target is None:
            raise UnsupportedSchemaError("", "$ref", f"the target is not known: {view.uri}")
        name = view.uri + (" spelled uniquely" if self.unique else "")
        if name in self._names:
            return Reference(name)
        return self._later(name, target, self.source.target(view.uri))

    def resolved(self, schema: CanonicalSchema, part: Part) -> Node:
        """An operator that references kept symbolic: a rule for each different one, so that recursion ends."""
        key = schema, self.unique
        if key not in self._resolved:
            name = f"resolved {len(self._resolved)}"
            self._resolved[key] = Reference(name)
            steps = resolve(schema, part, self.algebra)
            self.algebra.spend(sum(map(size, steps)))
            if len(steps) == 1:
                self._later(name, steps[0], part)
            else:
                cases = [self._later(f"{name}, case {index}", step, part) for index, step in enumerate(steps)]
                self._rules[name] = Choice(tuple(cases))
        return self._resolved[key]

    def _later(self, name: str, schema: CanonicalSchema, part: Part) -> Reference:
        if len(self._names) >= self._limits.schema_rules:
            raise LimitError("schema_rules", self._limits.schema_rules, "the schema unfolds into too many rules")
        self._names.add(name)
        self._pending.append((name, schema, part, self.unique))
        return Reference(name)


# ---------------------------------------------------------------------------------------------------- nodes by view


def _any_of(run: _Translation, _: CanonicalSchema, view: AnyOfView, part: Part) -> Node:
    parts = [run.node(branch, part) for branch in view.branches]
    parts = [part for part in parts if part is not NO_VALUE]
    if not parts:
        return NO_VALUE
    return parts[0] if len(parts) == 1 else Choice(tuple(parts))


def _string(run: _Translation, _: CanonicalSchema, view: StringView, part: Part) -> Node:
    content = string_content(view, part)
    if content is ANY_TEXT:
        return any_of_type("string", _DEFAULT_LAYOUT, run.unique)
    return Terminal(JsonString(unique_content(content) if run.unique else content))


def _typed_group(run: _Translation, schema: CanonicalSchema, view: TypedGroupView, part: Part) -> Node:
    body = view.body.view()
    if view.type_name == "string" and type(body) in _CONTENTS:
        content = run.content(view.body, part)
        return Terminal(JsonString(unique_content(content) if run.unique else content))
    if view.type_name == "integer" and isinstance(body, (EnumView, ConstView)):  # draft 4, where 1.0 is no integer
        values = body.values if isinstance(body, EnumView) else [body.value]
        return Terminal(TextSet(tuple(str(value) for value in values if type(value) is int)))
    narrowed = run.algebra.narrow(view.body, {"type": view.type_name})
    if narrowed == schema:
        raise UnsupportedSchemaError(part.pointer(), "", f"this combination for type {view.type_name} is not supported")
    return run.node(narrowed, part)


def _unmodelled(run: _Translation, __: CanonicalSchema, view: RawView, part: Part) -> Node:
    run.outgrown = run.outgrown or view.reason == canonical.RawReason.OUTGREW_INTERSECTIONS
    if view.reason == canonical.RawReason.UNKNOWN_DIALECT:
        raise UnsupportedSchemaError("", "$schema", "unknown; drafts 4, 6, 7, 2019-09 and 2020-12 are supported")
    reason = f"this combination of keywords is not supported ({view.reason.value})"
    raise UnsupportedSchemaError(view.pointer or part.pointer(), "", reason)


_NODES: dict[type, Callable[[_Translation, CanonicalSchema, Any, Part], Node]] = {
    TrueView: lambda run, schema, view, part: run.any_value,
    FalseView: lambda run, schema, view, part: NO_VALUE,
    MultiTypeView: lambda run, schema, view, part: any_of_types(view.types, schema.draft, run),
    TypedGroupView: _typed_group,
    StringView: _string,
    IntegerView: lambda run, schema, view, part: integer_terminal(view, schema.draft, part, run),
    NumberView: lambda run, schema, view, part: number_terminal(view, part, run),
    ArrayView: lambda run, schema, view, part: array_node(view, part, run),
    ObjectView: lambda run, schema, view, part: object_node(view, part, run),
    ConstView: lambda run, schema, view, part: values_node([view.value], part, run),
    EnumView: lambda run, schema, view, part: values_node(view.values, part, run),
    AnyOfView: _any_of,
    ReferenceView: lambda run, schema, view, part: run.refer(schema, view),
    AllOfView: lambda run, schema, view, part: run.resolved(schema, part),
    OneOfView: lambda run, schema, view, part: run.resolved(schema, part),
    NotView: lambda run, schema, view, part: run.resolved(schema, part),
    RawView: _unmodelled,
}


# ------------------------------------------------------------------------------------------------- contents by view


def _values_content(_: _Translation, view: EnumView | ConstView, __: Part) -> Regex:
    values = view.values if isinstance(view, EnumView) else [view.value]
    return TextSet(tuple(value for value in values if isinstance(value, str)))


def _all_content(run: _Translation, view: AllOfView, part: Part) -> Regex:
    return Intersection(tuple(run.content(branch, part) for branch in view.branches))


def _one_content(run: _Translation, view: OneOfView, part: Part) -> Regex:
    """In exactly one branch."""
    inside = [run.content(branch, part) for branch in view.branches]
    outside = [run.outside(branch, part) for branch in view.branches]
    return Union(tuple(Intersection((inside[i], *outside[:i], *outside[i + 1 :])) for i in range(len(inside))))


_CONTENTS: dict[type, Callable[[_Translation, Any, Part], Regex]] = {
    TrueView: lambda run, view, part: ANY_TEXT,
    FalseView: lambda run, view, part: NOTHING,
    MultiTypeView: lambda run, view, part: ANY_TEXT if "string" in view.types else NOTHING,
    TypedGroupView: lambda run, view, part: run.content(view.body, part) if view.type_name == "string" else NOTHING,
    StringView: lambda run, view, part: string_content(view, part, wide=run.wide),
    IntegerView: lambda run, view, part: NOTHING,
    NumberView: lambda run, view, part: NOTHING,
    ArrayView: lambda run, view, part: NOTHING,
    ObjectView: lambda run, view, part: NOTHING,
    ConstView: _values_content,
    EnumView: _values_content,
    AnyOfView: lambda run, view, part: Union(tuple(run.content(branch, part) for branch in view.branches)),
    AllOfView: _all_content,
    OneOfView: _one_content,
    NotView: lambda run, view, part: run.outside(view.schema, part),
}
