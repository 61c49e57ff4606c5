"""Puts the trees of the rules of GBNF and EBNF into nodes: repetitions are written out, exceptions computed."""

from __future__ import annotations

from collections.abc import Mapping

from .ir import (
    ANY_CHAR,
    ANY_TEXT,
    EMPTY_TEXT,
    NOTHING,
    Choice,
    Complement,
    Concat,
    Grammar,
    Intersection,
    Node,
    Reference,
    Regex,
    Repeat,
    Sequence,
    SpecialToken,
    Terminal,
    Text,
)
from .notation_regular import RegularRules
from .notation_tree import Either, Except, Leaf, Name, Repeated, Rule, Series, Special, Tree
from .regex_escapes import Mistake
from .regex_nonempty import without_empty
from .rule_analysis import NodeSet, nullable_nodes

MAX_COPIES = 100_000

_EMPTY = Sequence(())
_UNCOUNTED = (
    "tokens of text are not counted here: how many a text is depends on where the model cuts it; without bound they are "
    "any text"
)


def translated(rules: Mapping[str, Rule], start: str) -> Grammar:
    """The grammar of the rules, all names of which are defined. Raises `Mistake` for what cannot be enforced exactly."""
    translator = _Translator(rules)
    for rule in rules.values():
        translator.translate(rule)
    translator.finish()
    return Grammar(Reference(start), translator.nodes)


class _Translator:
    """The nodes of the rules, and of those that are made for what a node cannot say by itself."""

    def __init__(self, rules: Mapping[str, Rule]) -> None:
        self.nodes: dict[str, Node] = {}
        self._regular = RegularRules(rules)
        self._rule = ""
        self._made = 0
        self._copies = 0
        self._not_empty: list[tuple[str, Node]] = []  # rules to be made when it is known which may be empty

    def translate(self, rule: Rule) -> None:
        """Make the node of a rule."""
        self._rule = rule.name
        self.nodes[rule.name] = self._node(rule.tree)

    def finish(self) -> None:
        """Make the rules that need to know which others may be empty."""
        if self._not_empty:
            nullable = nullable_nodes([*self.nodes.values(), *(node for _, node in self._not_empty)], self.nodes)
            writer = _NotEmpty(self.nodes, nullable)
            for name, node in self._not_empty:
                self.nodes[name] = writer.node(node)
            writer.finish()

    def _node(self, tree: Tree) -> Node:
        match tree:
            case Leaf(regex):
                return Terminal(regex)
            case Name(rule):
                return Reference(rule)
            case Special(name, offset, other):
                if other:
                    raise Mistake(_UNCOUNTED, offset, f"!{name}*", f"!{name}+")
                return SpecialToken(name)
            case Series(parts):
                return Sequence(tuple(map(self._node, parts)))
            case Either(parts):
                return Choice(tuple(map(self._node, parts)))
            case Repeated():
                return self._repeated(tree)
            case Except():
                return self._except(tree)

    # ----------------------------------------------------------------------------------------------------- repetition

    def _repeated(self, tree: Repeated) -> Node:
        if isinstance(tree.inner, Special) and tree.inner.other and tree.minimum <= 1 and tree.maximum is None:
            return Terminal(_without(tree.inner.name, tree.minimum))
        regular = self._regular.of(tree)
        if regular is not None:
            return Terminal(regular.regex)
        self._copies += tree.minimum if tree.maximum is None else tree.maximum
        if self._copies > MAX_COPIES:
            message = f"repetitions of what is no regular expression are written out, at most {MAX_COPIES} times in all"
            raise Mistake(message, tree.offset)
        inner = self._node(tree.inner)
        if (tree.minimum, tree.maximum) == (0, 1):
            return Choice((inner, _EMPTY))
        if not isinstance(inner, (Terminal, Reference)):
            inner = self._named(inner)
        optional = self._any_number(inner) if tree.maximum is None else self._up_to(inner, tree.maximum - tree.minimum)
        if tree.minimum == 0:
            return optional
        return Sequence((*(inner,) * tree.minimum, *(() if optional is _EMPTY else (optional,))))

    def _any_number(self, inner: Node) -> Node:
        again = Reference(self._new_name())
        self.nodes[again.rule] = Choice((Sequence((inner, again)), _EMPTY))
        return again

    def _up_to(self, inner: Node, maximum: int) -> Node:
        """`(x (x (x)?)?)?`: each way to write some of them in one way only."""
        rest: Node = _EMPTY
        for _ in range(maximum):
            rest = self._named(Choice((inner if rest is _EMPTY else Sequence((inner, rest)), _EMPTY)))
        return rest

    def _named(self, node: Node) -> Reference:
        reference = Reference(self._new_name())
        self.nodes[reference.rule] = node
        return reference

    def _new_name(self) -> str:
        self._made += 1
        return f"{self._rule}~{self._made}"

    # ------------------------------------------------------------------------------------------------------ exception

    def _except(self, tree: Except) -> Node:
        regular = self._regular.of(tree)
        if regular is not None:
            if regular.regex is NOTHING:
                raise Mistake("this exception leaves no text at all", tree.offset)
            return Terminal(regular.regex)
        right = self._regular.of(tree.right)
        if right is not None and right.regex is EMPTY_TEXT:
            reference = Reference(self._new_name())
            self._not_empty.append((reference.rule, self._node(tree.left)))
            return reference
        name = self._regular.unfit(tree)
        if name is None or not self._regular.is_recursive(name.rule):
            raise Mistake("an exception of this size cannot be computed; give it smaller sides", tree.offset)
        message = f"rule {name.rule!r} is recursive or uses one that is, and an exception needs two regular sides"
        raise Mistake(message + "; write what is allowed instead", tree.offset)


def _without(name: str, minimum: int) -> Regex:
    """Text of any tokens but one: written text does not tell a token from its name, so it holds neither."""
    text = Complement(Concat((ANY_TEXT, Text(name), ANY_TEXT)))
    return Intersection((text, Repeat(ANY_CHAR, 1))) if minimum else text


class _NotEmpty:
    """Nodes without the empty text, and the rules that they need."""

    def __init__(self, nodes: dict[str, Node], nullable: NodeSet) -> None:
        self._nodes = nodes
        self._nullable = nullable
        self._waiting: list[tuple[str, Node]] = []

    def node(self, node: Node) -> Node:
        """The texts of the node but the empty one."""
        match node:
            case Terminal(regex):
                return Terminal(without_empty(regex))
            case Reference(rule):
                return self._rule(rule) if rule in self._nodes and self._nodes[rule] in self._nullable else node
            case Choice(parts):
                return Choice(tuple(map(self.node, parts)))
            case Sequence(parts) if node in self._nullable:
                return self._sequence(parts)
        return node

    def finish(self) -> None:
        """Make the rules that were asked for, and those that they ask for."""
        while self._waiting:
            name, node = self._waiting.pop()
            self._nodes[name] = self.node(node)

    def _rule(self, rule: str) -> Reference:
        name = f"{rule}~+"
        if name not in self._nodes:
            self._nodes[name] = Choice(())  # until `finish`
            self._waiting.append((name, self._nodes[rule]))
        return Reference(name)

    def _sequence(self, parts: tuple[Node, ...]) -> Node:
        """All parts may be empty, so the first that is not is any of them."""
        first: Node = Choice(())
        rest: Node = _EMPTY
        for index, part in enumerate(reversed(parts)):
            begun = Sequence((self.node(part), rest))
            number = f"{len(self._nodes)}.{index}"
            first = self._named(f"~{number}+", Choice((begun, first)))
            rest = self._named(f"~{number}", Sequence((part, rest)))
        return first

    def _named(self, name: str, node: Node) -> Reference:
        self._nodes[name] = node
        return Reference(name)
