"""Operators that the canonical form keeps symbolic because of a reference, resolved step by step.

One step looks through the references that the operator is about, and leaves those further inside alone. What a step
comes to may hold operators again, which are steps of their own: so recursion in the schema ends in rules that refer
to each other, and is not followed here.

    A and oneOf(B, C)  =  exactly one of (A and B), (A and C)     what overlaps by itself often does not within A
    A and not B        =  A and none of (A and B)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain

from jsonschema_rs import CanonicalSchema, canonical

from .errors import UnsupportedSchemaError
from .json_algebra import Algebra, size
from .json_exclusive import exactly_one, none_of
from .json_places import Part

_MAX_IN_PLACE = 30
_MAX_UNION = 100
"""Schemas in cases that are still joined to one, for which jsonschema-rs compares all of them."""
_SYMBOLIC = (canonical.AllOfView, canonical.OneOfView, canonical.NotView, canonical.ReferenceView)


def resolve(schema: CanonicalSchema, part: Part, algebra: Algebra) -> list[CanonicalSchema]:
    """One step of an operator that was kept symbolic because of a reference: the reference is looked through.

    What it comes to is the union of the schemas that are returned.

    Raises UnsupportedSchemaError if the step leads nowhere, LimitError if it leads to too much.
    """
    try:
        steps = _conjunction_in_cases([schema], algebra, _MAX_IN_PLACE)
        if len(steps) > 1 and sum(map(size, steps)) <= _MAX_UNION:
            steps = [algebra.union(steps)]
    except canonical.CanonicalizationError as error:
        raise _unresolved(schema.view(), part, str(error)) from error
    if steps == [schema]:
        raise _unresolved(schema.view(), part, "the references in it are too intricate")
    return steps


def _conjunction(schemas: Iterable[CanonicalSchema], algebra: Algebra, fuel: int) -> CanonicalSchema:
    """All of some schemas, references and operators at their top looked through; `fuel` ends loops of them."""
    return algebra.union(_conjunction_in_cases(schemas, algebra, fuel))


def _conjunction_in_cases(schemas: Iterable[CanonicalSchema], algebra: Algebra, fuel: int) -> list[CanonicalSchema]:
    if fuel == 0:
        raise canonical.UnsupportedResult("the references in it are too intricate")
    plain: CanonicalSchema | None = None
    negated: list[CanonicalSchema] = []
    exclusive: list[list[CanonicalSchema]] = []
    for schema in _flattened(schemas):
        match schema.view():
            case canonical.OneOfView(branches):
                exclusive.append(branches)
            case canonical.NotView(inner):
                negated.append(inner)
            case _:
                plain = schema if plain is None else algebra.intersect(plain, schema)
    inside = [*negated, *chain(*exclusive)]
    if plain is None and not inside:
        raise canonical.UnsupportedResult("the references in it lead to each other, and to nothing else")
    cases = [algebra.anything(inside[0].draft) if plain is None else plain]
    for inner in negated:
        base = algebra.union(cases)
        cases = none_of(base, _alternatives(base, inner, algebra, fuel - 1), algebra)
    for branches in exclusive:
        base = algebra.union(cases)
        within = [algebra.union(_alternatives(base, branch, algebra, fuel - 1)) for branch in branches]
        cases = exactly_one(base, within, algebra)
    return cases


def _flattened(schemas: Iterable[CanonicalSchema]) -> Iterator[CanonicalSchema]:
    """The parts of conjunctions, with references looked through."""
    pending = [*schemas][::-1]
    seen: set[str] = set()
    while pending:
        schema = pending.pop()
        view = schema.view()
        if isinstance(view, canonical.AllOfView):
            pending += view.branches[::-1]
        elif isinstance(view, canonical.ReferenceView):
            target = schema.definition(view.uri)
            if target is None:
                raise canonical.UnsupportedResult(f"the target is not known: {view.uri}")
            if view.uri not in seen:  # else it is among the parts already
                seen.add(view.uri)
                pending.append(target)
        else:
            yield schema


def _alternatives(base: CanonicalSchema, schema: CanonicalSchema, algebra: Algebra, fuel: int) -> list[CanonicalSchema]:
    """Schemas whose union is `base` and `schema`, with no reference or operator at their top."""
    both = _conjunction([base, schema], algebra, fuel)
    view = both.view()
    if not isinstance(view, canonical.AnyOfView):
        return [both]
    found: list[CanonicalSchema] = []
    for branch in view.branches:
        is_symbolic = isinstance(branch.view(), _SYMBOLIC)
        found += _alternatives(base, branch, algebra, fuel - 1) if is_symbolic else [branch]
    return found


def _unresolved(view: object, part: Part, reason: str) -> UnsupportedSchemaError:
    keywords = {canonical.AllOfView: "allOf", canonical.OneOfView: "oneOf", canonical.NotView: "not"}
    keyword = keywords[type(view)]
    return UnsupportedSchemaError(part.pointer(keyword), keyword, reason)
