"""Arguments of calls that are not written as a JSON object: each by its name, as the format of the calls says.

What may stand there is read off the grammar of the JSON object: its cases, their fields, and what each may hold. The
fields are written in their order. Undeclared arguments have no place in these formats, so they are never written.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace

from .composition_rules import NO_TEXT, spelled
from .constraint import Constraint
from .errors import GrammarError, UnsatisfiableSchemaError, UnsupportedSchemaError
from .ir import ANY_TEXT, Choice, Field, Grammar, Node, Record, Reference, Sequence
from .json_unique import UNIQUE_TEXT
from .limits import Limits
from .tool_formats import ToolFormat
from .tool_names import is_name
from .tool_texts import TextValue, kinds_of
from .tool_values import in_python

Kinds = Mapping[str, frozenset[str]]


def written_arguments(form: ToolFormat, tool: str, constraint: Constraint, limits: Limits) -> Grammar:
    """The arguments of a tool in this format, out of the grammar of their JSON object.

    Raises `SchemaError` with the place in the tool's schema for what the format cannot write.
    """
    try:
        arguments = constraint.grammar(limits)
        grammar = in_python(arguments) if form.values == "python" else arguments
        return _Writer(form, grammar, _cases(grammar, constraint)).grammar()
    except (UnsupportedSchemaError, UnsatisfiableSchemaError) as error:
        raise type(error)(error.pointer, error.keyword, f"{error.reason} (tool {tool!r})") from None


def argument_kinds(constraint: Constraint) -> Kinds:
    """The types of JSON that the value of each declared argument may have."""
    arguments = constraint.grammar()
    return _kinds(_cases(arguments, constraint), arguments)


def _kinds(cases: list[Record], arguments: Grammar) -> Kinds:
    found: dict[str, frozenset[str]] = {}
    for case in cases:
        for field in case.fields:
            kinds = kinds_of(_value(field), arguments.rules)
            found[field.name] = found.get(field.name, frozenset()) | kinds
    return found


def _cases(grammar: Grammar, constraint: Constraint) -> list[Record]:
    """The objects that the arguments may be."""
    found: list[Record] = []
    seen: set[str] = set()
    stack = [grammar.start]
    while stack:
        match stack.pop():
            case Choice(parts):
                stack += reversed(parts)
            case Reference(rule):
                stack += [] if rule in seen else [grammar.rules[rule]]
                seen.add(rule)
            case Record() as record:  # nothing else, as arguments are an object
                found.append(record if record.fields else _declaring(record, constraint))
    return found


def _declaring(record: Record, constraint: Constraint) -> Record:
    """An object that may hold anything, with the names that the schema declares for nothing but their description."""
    schema = json.loads(constraint.source)
    properties = schema.get("properties") if isinstance(schema, dict) else None
    if not isinstance(properties, dict) or not record.extras or record.extras[0].name not in (ANY_TEXT, UNIQUE_TEXT):
        return record
    return replace(record, fields=tuple(Field(name, record.extras[0].value) for name in properties))


def _value(field: Field) -> Node:
    if isinstance(field.value, tuple):
        reason = "some argument must break a rule; this style writes them one by one, and cannot look for it"
        raise UnsupportedSchemaError(pointer(field.name), "", reason)
    return field.value


def pointer(name: str) -> str:
    """The place of an argument's schema in the usual spelling of a tool's parameters."""
    return "/properties/" + name.replace("~", "~0").replace("/", "~1")


class _Writer:
    """The rules of one tool's arguments."""

    def __init__(self, form: ToolFormat, arguments: Grammar, cases: list[Record]) -> None:
        self._form = form
        self._arguments = arguments
        self._cases = cases
        self._rules: dict[str, Node] = dict(arguments.rules)
        self._before, self._middle, self._after = form.argument_pieces
        self._kinds = _kinds(cases, arguments)
        self._values: dict[tuple[str, int], Node] = {}

    def grammar(self) -> Grammar:
        """All cases. Raises `SchemaError` if nothing can be written."""
        ways = [self._case(index, record) for index, record in enumerate(self._cases)]
        found = [way for way in ways if way is not None]
        if not found:
            raise UnsatisfiableSchemaError(
                "", "", "it demands arguments that it does not declare, which this style cannot write"
            )
        return Grammar(Choice(tuple(found)), self._rules)

    def _case(self, index: int, record: Record) -> Node | None:
        """The fields of a record in their order, with how many there have been."""
        fields = record.fields
        self._check(record)
        if record.minimum > len(fields):
            return None
        most = None if record.maximum is None or record.maximum >= len(fields) else record.maximum
        last = max(record.minimum, most or 0, 1)
        for place in reversed(range(len(fields) + 1)):
            for count in range(min(place, last) + 1):
                follows: list[Node] = []
                if place == len(fields):
                    follows += [NO_TEXT] * (count >= record.minimum)
                else:
                    field, after = fields[place], Reference(_name(index, place + 1, min(count + 1, last)))
                    if most is None or count < most:
                        follows.append(Sequence((self._argument(field, is_first=count == 0), after)))
                    if not field.required:
                        follows.append(Reference(_name(index, place + 1, count)))
                self._rules[_name(index, place, count)] = Choice(tuple(follows))
        return Reference(_name(index, 0, 0))

    def _check(self, record: Record) -> None:
        if record.order == "any" and len(record.fields) > 1:
            raise UnsupportedSchemaError(
                "", "", "this style writes arguments in the order of the schema: property_order='declared' is needed"
            )
        for field in record.fields:
            if not is_name(field.name, self._form.values == "python", self._middle):
                raise UnsupportedSchemaError(
                    "/properties", "", f"this style cannot write an argument of the name {field.name!r}"
                )
        if record.demands:
            raise UnsupportedSchemaError(
                "", "", "some argument must break a rule; this style writes them one by one, and cannot look for it"
            )

    def _argument(self, field: Field, *, is_first: bool) -> Node:
        between = "" if is_first else self._form.arguments_between
        head = spelled(between + self._before + field.name + self._middle, self._form.special)
        return Sequence((head, self._value_and_rest(field)))

    def _value_and_rest(self, field: Field) -> Node:
        """The value and what stands behind it; a node of its own for each value, whatever stands before."""
        value = _value(field)
        key = field.name, id(value)
        if key not in self._values:
            if self._form.values == "text":
                text = TextValue(self._form, self._kinds[field.name], pointer(field.name))
                self._values[key] = text.node(value, self._arguments.rules)
            else:
                self._values[key] = Sequence((value, spelled(self._after, self._form.special)))
        return self._values[key]


def _name(case: int, place: int, count: int) -> str:
    return f"arguments {case}: {place}, {count} written"


def check_tool_names(form: ToolFormat, names: Mapping[str, object]) -> None:
    """Raises `GrammarError` for the name of a tool that the format cannot write or readers would not find the end of."""
    if form.argument:
        following = form.pieces[form.pieces.index("name") + 1]
        for name in names:
            if not all(is_name(part, form.values == "python", following) for part in _parts(form, name)):
                raise GrammarError(f"tools: this style cannot write a tool of the name {name!r}")


def _parts(form: ToolFormat, name: str) -> list[str]:
    return name.split(".") if form.values == "python" else [name]
