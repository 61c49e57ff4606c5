"""The intermediate representation: immutable nodes for regular languages and for grammars over them.

Front ends (regular expressions, JSON Schema, choices) build these nodes; `lower.py` flattens them for the native
automaton. There are two families.

A `Regex` denotes a set of *texts* (sequences of Unicode code points, spelled as UTF-8). The algebra is closed under
intersection and complement, so constraints on one string compose exactly: `pattern` and `minLength` and `not enum`
is one expression. A regex becomes one terminal of the grammar; the automaton explores it by derivatives.

A `Node` denotes a set of texts too, but may be recursive: sequences, alternatives, references to named rules, and two
nodes for JSON containers, whose state ("which names were seen, how many items so far") would be exponentially or
linearly large if it were unrolled into rules.

Two nodes that are the same object are lowered once, so build shared parts once and reuse them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal as _Literal
from typing import TypeAlias, TypeVar, dataclass_transform

_Class = TypeVar("_Class")


@dataclass_transform(frozen_default=True, eq_default=False, field_specifiers=(field,))
def immutable(made: type[_Class]) -> type[_Class]:
    """A class whose instances nobody changes: type checkers see to that, as a frozen one takes three times as long to make.

    Large schemas have tens of thousands of them. Each is equal to itself alone.
    """
    return dataclass(slots=True, eq=False)(made)


MAX_CODE_POINT = 0x10FFFF

Range: TypeAlias = tuple[int, int]

# ------------------------------------------------------------------------------------------------ regular languages


@immutable
class Text:
    """Exactly this text. `Text("")` is the empty text."""

    text: str


@immutable
class Chars:
    """One code point out of `ranges`: inclusive, ascending, disjoint pairs.

    Surrogates (U+D800..U+DFFF) inside a range are ignored: no text contains them. No ranges is the empty language.
    """

    ranges: tuple[Range, ...]


@immutable
class Concat:
    """The texts of `parts`, one after the other. No parts: the empty text."""

    parts: tuple[Regex, ...]


@immutable
class Union:
    """A text of any of `parts`. No parts: the empty language."""

    parts: tuple[Regex, ...]


@immutable
class TextSet:
    """One of `texts`; the same language as a `Union` of `Text`, built as a trie, so thousands are cheap."""

    texts: tuple[str, ...]


@immutable
class Intersection:
    """A text that is in every one of `parts` (at least one part)."""

    parts: tuple[Regex, ...]


@immutable
class Complement:
    """Every (valid Unicode) text that is not in `inner`."""

    inner: Regex


@immutable
class Repeat:
    """`inner` repeated `minimum` to `maximum` times; `maximum=None` is without bound."""

    inner: Regex
    minimum: int = 0
    maximum: int | None = None


@immutable
class DigitsModulo:
    """Decimal digit strings (the empty one counts as 0) whose value is congruent to `remainder` modulo `modulus`."""

    modulus: int
    remainder: int = 0


@immutable
class JsonString:
    """A JSON string, quotes included, whose *decoded* content is a text of `content`.

    Spelling. If `content` is `ANY_CHAR` repeated (any string, or any string of bounded length), every spelling of
    RFC 8259 is in the language, `\\uXXXX` and paired surrogates included. Otherwise the spelling is canonical, so that
    complement and intersection stay exact: characters stand for themselves, except `\\"` `\\\\` `\\b` `\\f` `\\n` `\\r` `\\t`
    and `\\u00XX` (either hexadecimal case) for the other control characters.

    Only a terminal's top level may hold it, or a `Concat`/`Union`/`Repeat` there; it may not be nested in another
    `JsonString`, an `Intersection` or a `Complement` (put those inside `content`).
    """

    content: Regex


Regex: TypeAlias = (
    Text | Chars | Concat | Union | TextSet | Intersection | Complement | Repeat | DigitsModulo | JsonString
)

EMPTY_TEXT = Text("")
NOTHING = Union(())
ANY_CHAR = Chars(((0, MAX_CODE_POINT),))
ANY_TEXT = Repeat(ANY_CHAR)

# ----------------------------------------------------------------------------------------------------- JSON spacing


@dataclass(frozen=True, slots=True)
class JsonLayout:
    """Where white space may stand between the tokens of JSON.

    `flexible`: anywhere JSON allows it inside a container, at most `max_whitespace` characters (space, tab, newline,
    carriage return) in a row, so that a model cannot loop in it. `compact`: none. `indent`: exactly as
    `json.dumps(value, indent=indent)` writes it. No layout allows white space before or after the whole value.
    """

    style: _Literal["flexible", "compact", "indent"] = "flexible"
    max_whitespace: int = 40
    indent: int = 2


# ---------------------------------------------------------------------------------------------------------- grammars


@immutable
class Terminal:
    """A lexeme: one text of `regex`."""

    regex: Regex


@immutable
class CountedTerminal:
    """A text of `regex` in which at most `max_tokens` (at least 1) tokens take part: each of which spells a byte of it.

    It may not stand in an `Array` or `Record` that compares its items or names.

    `enough`: with so many more bytes, or fewer, a text can be completed wherever in it a token ends; None if whoever
    builds the node does not know it. The masks of a terminal that may take more tokens than that cost no more than
    without a count.
    """

    regex: Regex
    max_tokens: int
    enough: int | None = None


@immutable
class SpecialToken:
    """The special token of this name; the empty language where the vocabulary has none (or it is an end token).

    It is no text: no terminal matches it, whatever its expression, and nothing but the token itself spells it.
    """

    name: str


@immutable
class LexerTerminal:
    """What the lexer may take a piece of text for.

    `regex` must not match the empty text. `shortest`: its shortest match at a place counts, not its longest.
    `keyword_of`: terminals (by index) that match the texts of this one too. Where one of them is a candidate, this one is
    none by itself: it is what a match of the other is taken for if its text is in `regex`.
    `undone`: where the text goes on to one of these, every match that it begins with is taken back. `begun` are then the
    texts in which a match has been seen after all that takes one back; it is not used if nothing is undone. No text of a
    terminal that comes later may be a proper beginning of one of `undone`, if the two compete.
    """

    regex: Regex
    shortest: bool = False
    keyword_of: tuple[int, ...] = ()
    undone: Regex = NOTHING
    begun: Regex = NOTHING


@immutable
class Lexer:
    """How text is cut into lexemes where the grammar reads them.

    At the beginning of a lexeme some terminals are candidates: those that the grammar may read there if `contextual`,
    else all. The first of them in the order of `terminals` that matches a beginning of the remaining text is taken, with
    its longest match, whether or not that lets the text go on.

    `ignored`: terminals (by index) that the grammar can read before and after every lexeme. It has to see to that itself;
    here it says that lexemes which stand side by side can be kept apart.
    """

    terminals: tuple[LexerTerminal, ...]
    contextual: bool = True
    ignored: tuple[int, ...] = ()


@immutable
class Lexeme:
    """A text that `lexer` takes for its terminal of this index."""

    lexer: Lexer
    terminal: int


@immutable
class Scope:
    """The texts of `inner`, whatever follows: the lexers inside take the end of `inner` for the end of the text."""

    inner: Node


@immutable
class Sequence:
    """The texts of `parts`, one after the other."""

    parts: tuple[Node, ...]


@immutable
class Choice:
    """A text of any of `parts`. No parts: the empty language."""

    parts: tuple[Node, ...]


@immutable
class Reference:
    """A text of the rule of that name."""

    rule: str


@dataclass(frozen=True, slots=True)
class Alternative:
    """One way to fill a place of a container that counts: a text of `node`, which adds one to each of `counts`.

    `counts` are indices of `Array.counters`, or of the demands of a `Record`. Alternatives of a place may overlap: a text
    of two counts in either way.
    """

    node: Node
    counts: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Counter:
    """How often the items of an `Array` may add to a count."""

    minimum: int = 0
    maximum: int | None = None


@immutable
class Field:
    """A declared property of a `Record`: its name (decoded, unquoted), its value, and whether it must be there."""

    name: str
    value: Place
    required: bool = False


@dataclass(frozen=True, slots=True)
class ExtraFields:
    """Undeclared properties of a `Record`: every decoded name in `name` may appear, with this value.

    `name` must exclude the declared names, and the names of the record's other `ExtraFields`.
    """

    name: Regex
    value: Place


@immutable
class Record:
    """A JSON object.

    `order="declared"`: fields in the order of `fields`, then extra fields. `order="any"`: every order, each declared
    name at most once, all required ones present.
    `minimum`/`maximum` bound the number of properties, extra ones counted each time they are written. Each of the
    `demands` (at most 8) must be counted by some property at least once.

    `different_names`: no extra name is written twice. Their spelling must then be unique (`JsonString`), and infinitely
    many are demanded of each of `extras`.
    """

    fields: tuple[Field, ...]
    extras: tuple[ExtraFields, ...] = ()
    order: _Literal["declared", "any"] = "declared"
    minimum: int = 0
    maximum: int | None = None
    layout: JsonLayout = field(default_factory=JsonLayout)
    different_names: bool = False
    demands: int = 0


@immutable
class Array:
    """A JSON array: item i is a text of `prefix[i]`, items beyond the prefix are texts of `rest`.

    `rest=None` means that there are none beyond the prefix. `minimum`/`maximum` bound the number of items, `counters`
    what their alternatives count.

    `different`: no two items have equal values. Two texts of an item are then compared without white space between
    tokens, and with the members of objects sorted by name; beyond that the spelling of a value must be unique (so objects
    with extra fields and a `maximum` need `different_names`). Whoever
    builds the node sees to it that there are enough different items: at least i + 1 for item i below `minimum`. Its
    value is a number of different values that every item is certain to have the choice of: the larger, the less has to
    be searched for.
    """

    prefix: tuple[Place, ...] = ()
    rest: Place | None = None
    minimum: int = 0
    maximum: int | None = None
    layout: JsonLayout = field(default_factory=JsonLayout)
    different: int = 0
    counters: tuple[Counter, ...] = ()


Node: TypeAlias = (
    Terminal | CountedTerminal | SpecialToken | Lexeme | Scope | Sequence | Choice | Reference | Record | Array
)
Place: TypeAlias = Node | tuple[Alternative, ...]
"""What fills a field or an item: a node that counts nothing, or one of several alternatives."""


@immutable
class Grammar:
    """Named rules and the one to start from. Rules may be recursive, but not left-recursive."""

    start: Node
    rules: dict[str, Node] = field(default_factory=dict)
