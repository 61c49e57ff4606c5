"""Which rules of GBNF or EBNF are regular by their form, namely not recursive, as expressions.

A repetition of such a rule can be counted by the lexer, and an exception can be computed; nothing else can.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from .ir import Regex, Text, TextSet
from .notation_tree import Either, Except, Leaf, Name, Repeated, Rule, Series, Special, Tree, names
from .regex_algebra import chars as one_of
from .regex_algebra import complement, concat, intersect, repeat, single_characters, union
from .regex_sets import difference

# An expression that names others many times over can be exponentially larger than the rules. Beyond these bounds it
# stays a matter of rules, which share what they name.
_MAX_SIZE = 10_000
_MAX_DEPTH = 200


class Regular(NamedTuple):
    """An expression, the number of its parts if nothing is shared, and how deep they are nested."""

    regex: Regex
    size: int = 1
    depth: int = 1


class RegularRules:
    """The expressions of the rules that are not recursive."""

    def __init__(self, rules: Mapping[str, Rule]) -> None:
        self._rules = rules  # their trees live as long as we know them by their ids
        self._known: dict[str, Regular | None] = {}
        self._found: dict[int, Regular | None] = {}
        users: dict[str, list[str]] = {}
        missing: dict[str, int] = {}
        for rule in rules.values():
            used = {name.rule for name in names(rule.tree)}
            missing[rule.name] = len(used)
            for name in used:
                users.setdefault(name, []).append(rule.name)
        ready = [name for name, count in missing.items() if count == 0]
        while ready:
            name = ready.pop()
            self._known[name] = self.of(rules[name].tree)
            for user in users.get(name, ()):
                missing[user] -= 1
                if missing[user] == 0:
                    ready.append(user)

    def of(self, tree: Tree) -> Regular | None:
        """The expression of a tree; None if it is recursive, or too large as one expression."""
        if isinstance(tree, Leaf):
            return Regular(tree.regex)
        if isinstance(tree, Name):
            return self._known.get(tree.rule)
        if isinstance(tree, Special):
            return None
        if id(tree) not in self._found:  # asked for again by whatever stands in it
            self._found[id(tree)] = self._of(tree)
        return self._found[id(tree)]

    def _of(self, tree: Series | Either | Repeated | Except) -> Regular | None:
        match tree:
            case Series(parts) | Either(parts):
                return self._joined(tree, parts)
            case Repeated(inner, minimum, maximum):
                found = self.of(inner)
                return found and _bounded(repeat(found.regex, minimum, maximum), found)
            case Except(left, right):
                one, other = self.of(left), self.of(right)
                return one and other and _bounded(_less(one.regex, other.regex), one, other)

    def _joined(self, tree: Series | Either, parts: tuple[Tree, ...]) -> Regular | None:
        found = []
        for part in parts:
            regular = self.of(part)
            if regular is None:
                return None
            found.append(regular)
        if sum(part.size for part in found) > _MAX_SIZE:
            return None
        regexes = [part.regex for part in found]
        return _bounded(concat(regexes) if isinstance(tree, Series) else union(regexes), *found)

    def unfit(self, tree: Tree) -> Name | None:
        """The first name in a tree that keeps it from being an expression."""
        return next((name for name in names(tree) if self._known.get(name.rule) is None), None)

    def is_recursive(self, name: str) -> bool:
        """Whether a rule is no expression because it leads to itself, or to one that does."""
        return name not in self._known


def _bounded(regex: Regex, *parts: Regular) -> Regular | None:
    size, depth = 1 + sum(part.size for part in parts), 1 + max(part.depth for part in parts)
    return None if size > _MAX_SIZE or depth > _MAX_DEPTH else Regular(regex, size, depth)


def _less(left: Regex, right: Regex) -> Regex:
    """What is in `left` and not in `right`."""
    one, other = single_characters(left), single_characters(right)
    if one is not None and other is not None:
        return one_of(difference(one, other))
    if isinstance(left, (Text, TextSet)) and isinstance(right, (Text, TextSet)):
        taken = set(_texts(right))
        return union(Text(text) for text in _texts(left) if text not in taken)
    return intersect(left, complement(right))


def _texts(regex: Text | TextSet) -> tuple[str, ...]:
    return (regex.text,) if isinstance(regex, Text) else regex.texts
