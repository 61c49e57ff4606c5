"""From the rules of a GBNF or EBNF text to a grammar: checks their names, and puts trees into nodes.

text -> (gbnf, ebnf_w3c, ebnf_iso) -> Rule -> notation_nodes -> fused -> without_left_recursion -> ir.Grammar
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import NoReturn

from .errors import GrammarSyntaxError, GrammarWarning
from .ir import Grammar
from .notation_nodes import translated
from .notation_tree import Rule, names
from .regex_escapes import Mistake
from .rule_analysis import unproductive_rules

_MOST_WARNINGS = 20


def grammar_of(
    text: str, read: Callable[[str], list[Rule]], start: str | None, hint: Callable[[str, Mapping[str, Rule], int], str]
) -> Grammar:
    """The grammar that the text spells, by the reader of its notation.

    `start=None` is the first rule. `hint` says what may be meant by a name that is not defined, given the text, the rules
    and the place.

    Raises GrammarSyntaxError.
    """
    from .fusing import fused
    from .left_recursion import without_left_recursion

    if not isinstance(text, str):
        raise TypeError(f"the text of a grammar expected, not {type(text).__name__}")
    try:
        rules = _by_name(text, read(text))
        grammar = _checked(text, rules, _start(rules, start), hint)
    except Mistake as mistake:
        offset, expected = mistake.offset, mistake.expected
        raise GrammarSyntaxError(mistake.message, text=text, offset=offset, expected=expected) from None
    return without_left_recursion(fused(grammar))


def _by_name(text: str, rules: Sequence[Rule]) -> dict[str, Rule]:
    found: dict[str, Rule] = {}
    for rule in rules:
        first = found.setdefault(rule.name, rule)
        if first is not rule:
            line = text.count("\n", 0, first.offset) + 1
            message = (
                f"rule {rule.name!r} is defined a second time (first in line {line}); join them by |, or rename one"
            )
            raise Mistake(message, rule.offset)
    return found


def _start(rules: Mapping[str, Rule], start: str | None) -> str:
    written = [rule.name for rule in rules.values() if rule.part_of is None]
    if not written:
        raise Mistake("the grammar has no rules", 0, "a rule")
    if start is None:
        return written[0]
    if start not in written:
        shown = ", ".join(written[:10]) + (", ..." if len(written) > 10 else "")
        raise Mistake(
            f"no rule is called {start!r}, where the text begins; the rules are {shown} (the option `start` chooses one)",
            0,
        )
    return start


def _checked(
    text: str, rules: Mapping[str, Rule], start: str, hint: Callable[[str, Mapping[str, Rule], int], str]
) -> Grammar:
    """The grammar, if all that it names is there and every rule has a text."""
    undefined = [name for rule in rules.values() for name in names(rule.tree) if name.rule not in rules]
    if undefined:
        first = min(undefined, key=lambda name: name.offset)
        raise Mistake(f"rule {first.rule!r} is not defined" + hint(text, rules, first.offset), first.offset)
    grammar = translated(rules, start)
    unproductive = [rules[name] for name in unproductive_rules(grammar) if name in rules]
    if unproductive:
        _refuse(min(unproductive, key=lambda rule: (rule.part_of is not None, rule.offset)))
    for rule in _unused(rules, start)[:_MOST_WARNINGS]:
        message = f"rule {rule.name!r} is not used: {start!r} does not lead to it"
        warnings.warn(GrammarWarning(message, text=text, offset=rule.offset), stacklevel=4)
    return grammar


def _unused(rules: Mapping[str, Rule], start: str) -> list[Rule]:
    """The rules that nobody comes to who reads on from the start."""
    used = {start}
    waiting = [start]
    while waiting:
        found = {name.rule for name in names(rules[waiting.pop()].tree)} - used
        used |= found
        waiting += found
    return [rule for rule in rules.values() if rule.name not in used and rule.part_of is None]


def _refuse(rule: Rule) -> NoReturn:
    raise Mistake(
        f"no text can be a text of rule {rule.part_of or rule.name!r}: it never comes to an end; give it an alternative "
        "that does not lead back to it",
        rule.offset,
    )
