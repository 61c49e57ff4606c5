"""What could stand at a place of a text, in words: literals where few ways go on, classes of characters elsewhere."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .grammar import CompiledGrammar, Constraint

_MOST = 16  # ways to go on that are told apart
_MOST_SHOWN = 24
_LONGEST = 80  # bytes followed to tell ways to go on apart
_SPACES = {0x20: "a space", 0x09: r"\t", 0x0A: r"\n", 0x0D: r"\r"}
_ALSO_SPACES = {0x0B: r"\v", 0x0C: r"\f"}

_OTHER_CASES = set(
    b"\xc4\xc5\xe2"
)  # the dotless i, the long s, the Kelvin sign: where case is ignored, nobody asks for them


def expectations(grammar: CompiledGrammar, state: int) -> list[str]:
    """What may come next: first classes of characters, then literals that every way to go on begins with.

    A literal that is only the beginning of what may stand there ends with "…".
    """
    literals: list[str] = []
    singles: set[int] = set()
    for item in _continuations(grammar, state, b"", frozenset()):
        if isinstance(item, bytes):
            singles.update(item)
        elif item not in literals:
            literals.append(item)
        if len(literals) == _MOST_SHOWN:
            literals.append("...")
            break
    following = grammar.next_bytes(state)
    singles |= {byte ^ 0x20 for byte in singles if chr(byte).isalpha() and byte ^ 0x20 in following}
    classes = list(_class_words(bytes(sorted(singles))))
    beyond = list(_beyond_words(following)) if any(byte >= 0x80 for byte in singles) else []
    end = ["the end of the text"] if grammar.is_accepting(state) else []
    return [*end, *classes, *beyond, *literals]


def expected_terminals(constraint: Constraint, text: bytes) -> list[str]:
    """The terminals of a Lark grammar that could begin behind `text`; none for other constraints, and within a terminal.

    Beside each terminal the grammar allows a special token that marks it; which of them the mask allows is the answer.
    """
    if constraint.kind != "lark":
        return []
    from .grammar import Compiler, Vocabulary
    from .grammar.constraint_grammars import GrammarText
    from .grammar.lark_reader import mark_of, terminals_of

    assert isinstance(constraint, GrammarText)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # said before, when the grammar was compiled
        marked = constraint.marked_grammar()
    names = terminals_of(marked)
    marks = {mark_of(name): 256 + index for index, name in enumerate(names)}
    data = [bytes([value]) for value in range(256)]
    vocabulary = Vocabulary([*data, *[None] * len(names), None], [256 + len(names)], special_tokens=marks)
    automaton = Compiler(vocabulary).compile(marked)
    state = automaton.step_bytes(automaton.start, text)
    allowed = set(automaton.allowed_tokens(state)) if state >= 0 else set()
    return [name for name in names if marks[mark_of(name)] in allowed]


def _continuations(
    grammar: CompiledGrammar, state: int, prefix: bytes, before: frozenset[int]
) -> Iterator[str | bytes]:
    """Walk on while there are few ways to go on, each of one byte; a literal ends where there are many, or a loop.

    Gives literals in words, and bytes that are one of many. `before`: the states on the way.
    """
    forced = grammar.forced_bytes(state)
    state, prefix = grammar.step_bytes(state, forced), prefix + forced
    every = _groups(grammar, state)
    groups = every
    if prefix:  # white space between the tokens of JSON may stand everywhere: what matters comes behind it
        groups = [group for group in every if set(group) != set(_SPACES)] or every
    most = _MOST if groups == every else 1
    branches = all(_is_letter(group) for group in groups) and 0 < len(groups) <= most and state not in before
    if prefix and (not branches or grammar.is_accepting(state) or len(prefix) > _LONGEST):
        is_one_of_many = len(prefix) == 1 and (prefix.isalnum() or prefix.isspace()) and bool(groups)
        yield prefix if is_one_of_many else _quote(prefix, is_whole=not groups)
        return
    for group in groups:
        if _is_letter(group):
            after = grammar.step_bytes(state, group[:1])
            yield from _continuations(grammar, after, prefix + group[:1], before | {state})
        else:
            yield group


def _is_letter(group: bytes) -> bool:
    """One byte, or a letter in both cases: then what follows is shown for the upper one."""
    return len(group) == 1 or (len(group) == 2 and group.isalpha() and group[0] ^ 0x20 == group[1])


def _groups(grammar: CompiledGrammar, state: int) -> list[bytes]:
    """The bytes that may come next, those that lead to the same state together; UTF-8 beyond ASCII is one group."""
    targets: dict[int, list[int]] = {}
    for byte in grammar.next_bytes(state):
        target = grammar.step_bytes(state, bytes([byte]))
        targets.setdefault(target, []).append(byte)
    ascii_groups = [bytes(byte for byte in group if byte < 0x80) for group in targets.values()]
    beyond = bytes(byte for byte in grammar.next_bytes(state) if byte >= 0x80)
    if set(beyond) <= _OTHER_CASES and any(len(group) == 2 and _is_letter(group) for group in ascii_groups):
        beyond = b""
    return [group for group in (*ascii_groups, beyond) if group]


def _beyond_words(following: bytes) -> Iterator[str]:
    """Words for what may come beyond ASCII, all as one."""
    is_inside = all(byte < 0xC0 for byte in following)
    yield "the rest of a UTF-8 character" if is_inside else "a character beyond ASCII"


def _class_words(singles: bytes) -> Iterator[str]:
    """Words for a set of bytes of ASCII, ascending: white space by name, the others by ranges."""
    singles = bytes(byte for byte in singles if byte < 0x80)
    if set(singles) >= set(_SPACES):
        yield "white space"
        singles = bytes(byte for byte in singles if byte not in _SPACES and byte not in _ALSO_SPACES)
    ranges = list(_ranges(singles))
    if len(singles) > 80:
        yield "any other character" if len(singles) < 0x60 - 1 else "any character"
        return
    for first, last in ranges:
        if last - first < 2:
            yield from (_show(byte) for byte in range(first, last + 1))
        else:
            yield f"{_show(first)} to {_show(last)}"


def _ranges(data: bytes) -> Iterator[tuple[int, int]]:
    """Ranges of bytes that follow each other and are of one kind."""
    start = 0
    for index in range(1, len(data) + 1):
        if index == len(data) or data[index] != data[index - 1] + 1 or _kind(data[index]) != _kind(data[index - 1]):
            yield data[start], data[index - 1]
            start = index


def _kind(byte: int) -> tuple[bool, bool, bool, bool]:
    char = chr(byte)
    return char.isdigit(), char.isupper(), char.islower(), char.isprintable()


def _show(byte: int) -> str:
    if byte in _SPACES or byte in _ALSO_SPACES:
        return {**_SPACES, **_ALSO_SPACES}[byte]
    return chr(byte) if 0x20 < byte < 0x7F else f"byte 0x{byte:02X}"


def _quote(literal: bytes, *, is_whole: bool) -> str:
    text = literal.decode(errors="backslashreplace")
    shown = text.replace("\\", "\\\\") if not text.isprintable() else text
    shown = "".join(char if char.isprintable() else repr(char)[1:-1] for char in shown)
    return shown if is_whole else shown + "…"
