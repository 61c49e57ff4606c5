"""Systems of rules that are right-linear, or left-linear, in each other, solved for expressions by Arden's rule.

A `Form` is what a node is in terms of the rules of its system: a constant and one coefficient for each rule. Right-linear
means that the coefficients stand before the rules: the node is c1 r1 | c2 r2 | ... | constant; left-linear that they stand
behind them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from .regex_pieces import EMPTY, NOTHING, Piece, alternation, any_number, chain


@dataclass(frozen=True, slots=True)
class Form:
    """A linear expression over rules."""

    constant: Piece = NOTHING
    coefficients: dict[str, Piece] = field(default_factory=dict)


def variable(rule: str) -> Form:
    """A rule of the system by itself."""
    return Form(NOTHING, {rule: EMPTY})


def united(forms: Iterable[Form]) -> Form | None:
    """One of them; None if that is too large."""
    constants: list[Piece] = []
    coefficients: dict[str, list[Piece]] = {}
    for form in forms:
        constants.append(form.constant)
        for rule, piece in form.coefficients.items():
            coefficients.setdefault(rule, []).append(piece)
    return _form(alternation(constants), {rule: alternation(pieces) for rule, pieces in coefficients.items()})


def joined(forms: Sequence[Form], right: bool) -> Form | None:
    """One after the other; None if that is not linear (to the right, or to the left), or too large."""
    inner = forms[:-1] if right else forms[1:]
    if any(form.coefficients for form in inner):
        return None
    if not forms:
        return Form(EMPTY)
    outer = forms[-1] if right else forms[0]
    beside = chain(*(form.constant for form in inner))
    return None if beside is None else _times(outer, beside, right)


def _times(form: Form, beside: Piece, right: bool) -> Form | None:
    """The form with a constant at its constant side."""

    def both(piece: Piece) -> Piece | None:
        return chain(beside, piece) if right else chain(piece, beside)

    return _form(both(form.constant), {rule: both(piece) for rule, piece in form.coefficients.items()})


def _form(constant: Piece | None, coefficients: dict[str, Piece | None]) -> Form | None:
    found = {rule: piece for rule, piece in coefficients.items() if piece is not None}
    return None if constant is None or len(found) < len(coefficients) else Form(constant, found)


def solved(system: dict[str, Form], right: bool) -> dict[str, Piece] | None:
    """What the rules of the system are; None if that is too large. Variables are eliminated one by one (Gauss)."""
    forms = dict(system)
    for rule in system:
        form = _without_itself(rule, forms[rule], right)
        if form is None:
            return None
        forms[rule] = form
        for other in system:
            inserted = _inserted(forms[other], rule, form, right) if other != rule else form
            if inserted is None:
                return None
            forms[other] = inserted
    return {rule: form.constant for rule, form in forms.items()}


def _without_itself(rule: str, form: Form, right: bool) -> Form | None:
    """X = A X | B is A* B."""
    own = form.coefficients.get(rule)
    if own is None:
        return form
    loop = any_number(own)
    others = {other: piece for other, piece in form.coefficients.items() if other != rule}
    return None if loop is None else _times(Form(form.constant, others), loop, right)


def _inserted(form: Form, rule: str, value: Form, right: bool) -> Form | None:
    coefficient = form.coefficients.get(rule)
    if coefficient is None:
        return form
    product = _times(value, coefficient, right)
    others = {other: piece for other, piece in form.coefficients.items() if other != rule}
    return None if product is None else united((Form(form.constant, others), product))
