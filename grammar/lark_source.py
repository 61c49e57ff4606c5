"""The text of a Lark grammar as a tree, and where its names and literals stand in it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import lark.load_grammar
from lark import Token, Tree
from lark.exceptions import UnexpectedCharacters, UnexpectedInput, UnexpectedToken

from .errors import GrammarSyntaxError

MAX_LENGTH = 300_000
MAX_NESTING = 100

_LARK: Any = lark.load_grammar
_Node: TypeAlias = Any  # a Tree or a Token of lark

_EXPECTED = {
    "RULE": "a rule name",
    "TERMINAL": "a terminal name",
    "STRING": "a string",
    "REGEXP": "a regular expression",
    "NUMBER": "a number",
    "OP": "? or * or +",
    "TILDE": "~",
    "RULE_MODIFIERS": "a rule name",
    "_NL": "a new line",
    "_NL_OR": "a new line",
    "_COLON": ":",
    "_COMMA": ",",
    "_OR": "|",
    "_DOT": ".",
    "_DOTDOT": "..",
    "_LPAR": "(",
    "_RPAR": ")",
    "_LBRA": "[",
    "_RBRA": "]",
    "_LBRACE": "{",
    "_RBRACE": "}",
    "_TO": "->",
    "$END": "the end",
}
_ODD = {
    "'": 'strings stand between double quotes: "..."',
    "%": "the directives are %import, %ignore, %declare, %override and %extend",
    ";": "a definition ends where its line ends",
    "=": "a definition is written name: ...",
    "<": "special tokens cannot be named here; bind a %declare'd terminal instead",
    '"': "the string is not closed on its line",
    "/": "the regular expression is not closed (write \\/ for a slash in it)",
}


@dataclass(frozen=True, slots=True)
class Import:
    """One `%import`: the names that it brings in, by what they are called in its file."""

    path: tuple[str, ...]
    relative: bool
    names: dict[Token, Token]
    offset: int


@dataclass(frozen=True, slots=True)
class Definition:
    """One definition of a rule or terminal; `changes`: it overrides or extends another one."""

    name: Token
    parameters: tuple[Token, ...]
    body: Tree[Token]
    changes: bool

    @property
    def is_terminal(self) -> bool:
        """Whether a terminal is defined, not a rule."""
        return self.name.type == "TERMINAL"


@dataclass
class Source:
    """A grammar text, what it defines, and where."""

    text: str
    definitions: list[Definition] = field(default_factory=list)
    imports: list[Import] = field(default_factory=list)
    declared: list[Token] = field(default_factory=list)
    ignored: list[Tree[Token]] = field(default_factory=list)

    def error(self, message: str, place: Token | int, *expected: str) -> GrammarSyntaxError:
        """An error at a token or offset of this text."""
        offset = place if isinstance(place, int) else start_of(place)
        return GrammarSyntaxError(message, text=self.text, offset=offset, expected=expected)

    def bodies(self) -> Iterator[Tree[Token]]:
        """Everything that symbols and literals may stand in."""
        yield from (definition.body for definition in self.definitions)
        yield from self.ignored

    def place(self, symbol: str) -> int:
        """Where a symbol is defined, imported or declared; that of a name that lark has made is guessed."""
        name = symbol.partition("{")[0]
        for definition in self.definitions:
            if definition.name == name:
                return start_of(definition.name)
        for brought in self.imports:
            prefix = "__".join(brought.path) + "__"
            if any(alias == name for alias in brought.names.values()) or name.lstrip("_").startswith(prefix):
                return brought.offset
        return next((start_of(token) for token in self.declared if token == name), 0)


def start_of(token: Token) -> int:
    """The offset of a token."""
    return token.start_pos or 0


def tokens_in(tree: _Node) -> Iterator[Token]:
    """All tokens of a tree in the order of the text."""
    pending: list[_Node] = [tree]
    while pending:
        node = pending.pop()
        if isinstance(node, Token):
            yield node
        else:
            pending += node.children[::-1]


def symbols_in(tree: _Node) -> Iterator[Token]:
    """The names of rules and terminals that a body refers to."""
    for node in tree.iter_subtrees():
        if node.data in ("terminal", "nonterminal"):
            yield node.children[0]


def read_source(text: str) -> Source:
    """Parse a grammar text, and look where its names stand.

    Raises GrammarSyntaxError if it does not parse, is too long, or nests too deeply.
    """
    if len(text) > MAX_LENGTH:
        raise GrammarSyntaxError(f"a grammar text of {len(text)} characters is not supported (at most {MAX_LENGTH})")
    odd = re.search("[\ud800-\udfff\0]", text)
    if odd:
        raise GrammarSyntaxError(f"{odd[0]!r} cannot stand in a grammar", text=_shown(text), offset=odd.start())
    tree = _parsed(text)
    source = Source(text)
    for statement in tree.children:
        _read_statement(source, statement, changes=False)
    for definition in source.definitions:
        _refuse_depth(source, definition.body, definition.name)
    for body in source.ignored:
        _refuse_depth(source, body, 0)
    return source


def _shown(text: str) -> str:
    return re.sub("[\ud800-\udfff\0]", "\ufffd", text)


def _parsed(text: str) -> Any:
    try:
        return _LARK._get_parser().parse(text + "\n", "start")  # noqa: SLF001 - the only way to the places
    except UnexpectedInput as error:
        raise _syntax_error(text, error) from None


def _syntax_error(text: str, error: UnexpectedInput) -> GrammarSyntaxError:
    where: Any = error.pos_in_stream  # the annotation of lark says None
    offset = min(where or 0, len(text))
    expected: tuple[str, ...] = ()
    found = repr(text[offset]) if offset < len(text) else "the end"
    hint = _ODD.get(text[offset : offset + 1], "")
    if isinstance(error, UnexpectedToken):
        offset, found = _found(text, error.token)
        names = error.accepts or error.expected
        expected = tuple(sorted({_EXPECTED[name] for name in names if name in _EXPECTED}))
        hint = "" if expected else hint
    elif isinstance(error, UnexpectedCharacters) and not hint:
        hint = "names of rules are in lower case, names of terminals in upper case"
    return GrammarSyntaxError(
        f"{found} cannot stand here{hint and ': ' + hint}", text=text, offset=offset, expected=expected
    )


def _found(text: str, token: Token) -> tuple[int, str]:
    """The place and the description of a token that was not expected."""
    if token.type == "$END" or token.start_pos is None or token.start_pos >= len(text):
        return len(text.rstrip()), "the end"
    if token.type in ("_NL", "_NL_OR"):
        return start_of(token), "a new line"
    return start_of(token), repr(str(token)[:40])


def _read_statement(source: Source, statement: _Node, *, changes: bool) -> None:
    match statement.data:
        case "rule":
            _, name, parameters, _, body = statement.children
            names = tuple(parameters.children) if parameters is not None else ()
            source.definitions.append(Definition(name, names, body, changes))
        case "term":
            source.definitions.append(Definition(statement.children[0], (), statement.children[-1], changes))
        case "override" | "extend":
            _read_statement(source, statement.children[0], changes=True)
        case "ignore":
            source.ignored.append(statement.children[0])
        case "declare":
            source.declared += symbols_in(statement)
        case "import":
            source.imports.append(_import(statement))


def _import(statement: _Node) -> Import:
    """The three forms: `%import a.B`, `%import a.B -> C` and `%import a (B, C)`."""
    path = list(statement.children[0].children)
    relative = statement.children[0].data == "import_rel"
    last: _Node = statement.children[1] if len(statement.children) > 1 else None
    if isinstance(last, Tree):
        names: _Node = last.children
        return Import(tuple(path), relative, {name: name for name in names}, start_of(path[0]))
    name = path.pop()
    return Import(tuple(path), relative, {name: name if last is None else last}, start_of(path[0] if path else name))


def _refuse_depth(source: Source, body: _Node, place: Token | int) -> None:
    pending = [(body, 0)]
    while pending:
        node, depth = pending.pop()
        if isinstance(node, Token):
            continue
        depth += node.data == "expansions"
        if depth > MAX_NESTING:
            message = f"groups nested more than {MAX_NESTING} deep are not supported"
            raise source.error(message, next(tokens_in(node), place))
        pending += [(child, depth) for child in node.children]
