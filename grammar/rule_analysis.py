"""What holds of the rules of a grammar by its form: undefined, unreachable, unproductive, nullable, recursive ones.

Front ends report these with places; the rewritings of a grammar decide by them. Nothing here recurses over the input,
and everything takes time linear in the size of the grammar.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from typing import TypeAlias, TypeVar

from . import ir
from .node_parts import alternatives, children
from .regex_sets import SURROGATES

_K = TypeVar("_K", bound=Hashable)
_Demand: TypeAlias = tuple[Iterable[ir.Node], int]

_NEVER: _Demand = ((), 1)
_ALWAYS: _Demand = ((), 0)

# ------------------------------------------------------------------------------------------------- the graph of nodes


def nodes_within(*roots: ir.Node) -> Iterator[ir.Node]:
    """Every node that stands in the roots, them included, each object once; references are not followed."""
    return _reached(roots, children)


def reachable_nodes(grammar: ir.Grammar) -> Iterator[ir.Node]:
    """Every node that the start leads to, each object once; undefined references lead nowhere."""

    def successors(node: ir.Node) -> tuple[ir.Node, ...]:
        if isinstance(node, ir.Reference):
            return (grammar.rules[node.rule],) if node.rule in grammar.rules else ()
        return children(node)

    return _reached((grammar.start,), successors)


def _reached(roots: Iterable[ir.Node], successors: Callable[[ir.Node], tuple[ir.Node, ...]]) -> Iterator[ir.Node]:
    waiting = list(roots)[::-1]
    seen: set[int] = set()
    while waiting:
        node = waiting.pop()
        if id(node) not in seen:
            seen.add(id(node))
            yield node
            waiting += successors(node)[::-1]


def references(*roots: ir.Node) -> list[str]:
    """The rules that the roots refer to by themselves, each once, in the order of the text."""
    return list(dict.fromkeys(node.rule for node in nodes_within(*roots) if isinstance(node, ir.Reference)))


def rule_graph(grammar: ir.Grammar) -> dict[str, list[str]]:
    """Every rule with those that it refers to, undefined ones too."""
    return {name: references(node) for name, node in grammar.rules.items()}


def components(graph: Mapping[_K, Iterable[_K]]) -> list[list[_K]]:
    """The strongly connected components, each after those that it leads to (R. Tarjan, 1972).

    Successors that are no keys of `graph` are left out.
    """
    found: list[list[_K]] = []
    number: dict[_K, int] = {}
    lowest: dict[_K, int] = {}
    path: list[_K] = []  # numbered, and not yet in a component
    for root in graph:
        open_ = [] if root in number else [(root, iter(graph[root]))]
        while open_:
            node, successors = open_[-1]
            if node not in number:
                number[node] = lowest[node] = len(number)
                path.append(node)
            for after in successors:
                if after not in number and after in graph:
                    open_.append((after, iter(graph[after])))
                    break
                lowest[node] = min(lowest[node], lowest.get(after, lowest[node]))
            else:
                open_.pop()
                if open_:
                    lowest[open_[-1][0]] = min(lowest[open_[-1][0]], lowest[node])
                if lowest[node] == number[node]:
                    found.append([])
                    while not found[-1] or found[-1][-1] != node:
                        found[-1].append(path.pop())
                        lowest[found[-1][-1]] = len(graph)  # no way back for anybody any more
    return found


# -------------------------------------------------------------------------------------------- what holds, node by node


class NodeSet:
    """A set of nodes by identity, which keeps them alive."""

    def __init__(self) -> None:
        self._nodes: dict[int, ir.Node] = {}

    def __contains__(self, node: ir.Node) -> bool:
        return id(node) in self._nodes

    def add(self, node: ir.Node) -> None:
        """Put a node in."""
        self._nodes[id(node)] = node


def nullable_nodes(nodes: Iterable[ir.Node], rules: Mapping[str, ir.Node]) -> NodeSet:
    """Those that the empty text is a text of. Nodes inside those given are looked at as well."""

    def demand(node: ir.Node) -> _Demand:
        match node:
            case ir.Terminal(regex) | ir.CountedTerminal(regex):
                return _ALWAYS if nullable_regex(regex) else _NEVER
            case ir.SpecialToken() | ir.Lexeme() | ir.Record() | ir.Array():
                return _NEVER
        return _demand_of_parts(node, rules)

    return _least(nodes, demand)


def productive_nodes(nodes: Iterable[ir.Node], rules: Mapping[str, ir.Node]) -> NodeSet:
    """Those that have a text, as far as their form shows: what is left out has none.

    A special token is taken to be there, an intersection or a complement to match something, and so is a container that has what it requires.
    """

    def demand(node: ir.Node) -> _Demand:
        match node:
            case ir.Terminal(regex) | ir.CountedTerminal(regex):
                return _NEVER if barren_regex(regex) else _ALWAYS
            case ir.SpecialToken():
                return _ALWAYS
            case ir.Lexeme(lexer, terminal):
                return _NEVER if barren_regex(lexer.terminals[terminal].regex) else _ALWAYS
            case ir.Record(fields):
                required = [_one_of(declared.value) for declared in fields if declared.required]
                return required, len(required)
            case ir.Array(prefix, rest, minimum):
                needed = [*prefix[:minimum], *([rest] if rest is not None and minimum > len(prefix) else [])]
                enough = minimum <= len(prefix) or rest is not None
                return [_one_of(item) for item in needed], len(needed) if enough else len(needed) + 1
        return _demand_of_parts(node, rules)

    return _least(nodes, demand)


def _one_of(place: ir.Place) -> ir.Node:
    return ir.Choice(tuple(alternatives(place))) if isinstance(place, tuple) else place


def _demand_of_parts(node: ir.Node, rules: Mapping[str, ir.Node]) -> _Demand:
    match node:
        case ir.Sequence(parts):
            return parts, len(parts)
        case ir.Choice(parts):
            return parts, 1
        case ir.Scope(inner):
            return (inner,), 1
        case ir.Reference(rule):
            return ((rules[rule],), 1) if rule in rules else _NEVER
    raise TypeError(f"{type(node).__name__} is not a grammar node")


def _least(nodes: Iterable[ir.Node], demand: Callable[[ir.Node], _Demand]) -> NodeSet:
    """The least set in which a node is as soon as enough of the nodes that it demands are."""
    waiting = list(nodes)
    kept: list[ir.Node] = []  # nodes are known by their ids, so they must stay alive
    missing: dict[int, int] = {}
    users: dict[int, list[ir.Node]] = {}
    found = NodeSet()
    true: list[ir.Node] = []
    while waiting:
        node = waiting.pop()
        if id(node) in missing:
            continue
        kept.append(node)
        demanded, missing[id(node)] = demand(node)
        for part in demanded:
            users.setdefault(id(part), []).append(node)
            waiting.append(part)
        if missing[id(node)] == 0:
            true.append(node)
    while true:
        node = true.pop()
        found.add(node)
        for user in users.get(id(node), ()):
            missing[id(user)] -= 1
            if missing[id(user)] == 0:
                true.append(user)
    return found


# ---------------------------------------------------------------------------------------------------- what to report


def undefined_rules(grammar: ir.Grammar) -> dict[str, list[str | None]]:
    """Every rule that is referred to and not defined, with the rules that refer to it; None stands for the start."""
    users: list[tuple[str | None, ir.Node]] = [(None, grammar.start), *grammar.rules.items()]
    found: dict[str, list[str | None]] = {}
    for user, node in users:
        for rule in references(node):
            if rule not in grammar.rules:
                found.setdefault(rule, []).append(user)
    return found


def unreachable_rules(grammar: ir.Grammar) -> list[str]:
    """The rules that the start does not lead to, in the order of their definitions."""
    used = {node.rule for node in reachable_nodes(grammar) if isinstance(node, ir.Reference)}
    return [name for name in grammar.rules if name not in used]


def unproductive_rules(grammar: ir.Grammar) -> list[str]:
    """The rules that no text can be a text of, in the order of their definitions; undefined ones make others so."""
    productive = productive_nodes(grammar.rules.values(), grammar.rules)
    return [name for name, node in grammar.rules.items() if node not in productive]


def nullable_rules(grammar: ir.Grammar) -> list[str]:
    """The rules that match the empty text, in the order of their definitions."""
    nullable = nullable_nodes(grammar.rules.values(), grammar.rules)
    return [name for name, node in grammar.rules.items() if node in nullable]


# -------------------------------------------------------------------------------------------------------- expressions


def regex_parts(regex: ir.Regex) -> tuple[ir.Regex, ...]:
    """The expressions that this one is made of."""
    match regex:
        case ir.Concat(parts) | ir.Union(parts) | ir.Intersection(parts):
            return parts
        case ir.Repeat(inner) | ir.Complement(inner) | ir.JsonString(inner):
            return (inner,)
    return ()


def regexes_within(regex: ir.Regex) -> list[ir.Regex]:
    """Every expression in this one, it included, each object once, and parts before what they are part of."""
    found: dict[int, ir.Regex] = {}
    open_ = [regex]
    while open_:
        missing = [part for part in regex_parts(open_[-1]) if id(part) not in found]
        if missing and id(open_[-1]) not in found:
            open_ += missing[::-1]
        else:
            last = open_.pop()
            found[id(last)] = last
    return list(found.values())


def nullable_regex(regex: ir.Regex) -> bool:
    """Whether the expression matches the empty text."""
    if isinstance(regex, ir.Repeat) and regex.minimum == 0:  # whatever is in it
        return True
    return _decided(regex, _is_nullable)


def barren_regex(regex: ir.Regex) -> bool:
    """Whether the form of the expression shows that it matches nothing."""
    return _decided(regex, _is_barren)


def _decided(regex: ir.Regex, decide: Callable[[ir.Regex, list[bool]], bool]) -> bool:
    if not regex_parts(regex):
        return decide(regex, [])
    known: dict[int, bool] = {}
    for node in regexes_within(regex):
        known[id(node)] = decide(node, [known[id(part)] for part in regex_parts(node)])
    return known[id(regex)]


def _is_nullable(regex: ir.Regex, parts: list[bool]) -> bool:
    match regex:
        case ir.Text(text):
            return not text
        case ir.TextSet(texts):
            return "" in texts
        case ir.Concat() | ir.Intersection():
            return all(parts)
        case ir.Union():
            return any(parts)
        case ir.Complement():
            return not parts[0]
        case ir.Repeat(_, minimum):
            return minimum == 0 or parts[0]
        case ir.DigitsModulo(modulus, remainder):
            return modulus > 0 and remainder % modulus == 0
    return False


def _is_barren(regex: ir.Regex, parts: list[bool]) -> bool:
    match regex:
        case ir.Chars(ranges):
            return all(low >= SURROGATES[0] and high <= SURROGATES[1] for low, high in ranges)
        case ir.TextSet(texts):
            return not texts
        case ir.Concat() | ir.Intersection() | ir.JsonString():
            return any(parts)
        case ir.Union():
            return all(parts)
        case ir.Repeat(_, minimum):
            return minimum > 0 and parts[0]
    return False
