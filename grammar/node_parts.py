"""The nodes that stand in a node: which they are, and the same node with others in their places."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from . import ir


def children(node: ir.Node) -> tuple[ir.Node, ...]:
    """The nodes that stand in this one; none for a reference."""
    if isinstance(node, (ir.Sequence, ir.Choice)):
        return node.parts
    if isinstance(node, (ir.Record, ir.Array)):
        return tuple(inner for place in places(node) for inner in alternatives(place))
    return (node.inner,) if isinstance(node, ir.Scope) else ()


def places(node: ir.Record | ir.Array) -> list[ir.Place]:
    """What fills the fields or items of a container."""
    if isinstance(node, ir.Record):
        return [declared.value for declared in node.fields] + [extra.value for extra in node.extras]
    return [*node.prefix] if node.rest is None else [*node.prefix, node.rest]


def alternatives(place: ir.Place) -> list[ir.Node]:
    """The nodes that may fill a place of a container."""
    return [alternative.node for alternative in place] if isinstance(place, tuple) else [place]


def with_parts(node: ir.Node, new: Mapping[int, ir.Node]) -> ir.Node:
    """The node with other nodes in place of those that stand in it, which are given by identity."""

    def place(old: ir.Place) -> ir.Place:
        if isinstance(old, tuple):
            return tuple(replace(alternative, node=new[id(alternative.node)]) for alternative in old)
        return new[id(old)]

    match node:
        case ir.Sequence(parts):
            return ir.Sequence(tuple(new[id(part)] for part in parts))
        case ir.Choice(parts):
            return ir.Choice(tuple(new[id(part)] for part in parts))
        case ir.Scope(inner):
            return ir.Scope(new[id(inner)])
        case ir.Record(fields, extras):
            new_fields = tuple(replace(declared, value=place(declared.value)) for declared in fields)
            return replace(node, fields=new_fields, extras=tuple(replace(e, value=place(e.value)) for e in extras))
        case ir.Array(prefix, rest):
            return replace(node, prefix=tuple(map(place, prefix)), rest=None if rest is None else place(rest))
    return node
