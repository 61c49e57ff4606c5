"""Where a text leaves a language, and what could have stood there: the work behind `latticework check`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .grammar import CompiledGrammar, Constraint

_EXCERPT = 60  # characters of the line on either side of the place
_MOST = 16  # continuations shown
_LONGEST = 80  # bytes followed to tell continuations apart
_SPACES = {0x20: "a space", 0x09: r"\t", 0x0A: r"\n", 0x0D: r"\r"}


@dataclass(frozen=True)
class Finding:
    """What `check_text` found.

    Attributes:
        matches: the whole text is in the language.
        offset: where it stops being the beginning of such a text, in bytes; its length if it only ends too early.
        line, column: the same place, counted from 1, columns in characters.
        excerpt: the line, and a caret below the place.
        expected: what could stand there, in words.
    """

    matches: bool
    reason: str
    offset: int
    line: int = 1
    column: int = 1
    excerpt: str = ""
    expected: list[str] = field(default_factory=list)


def byte_grammar(constraint: Constraint) -> CompiledGrammar:
    """The automaton of a constraint over single bytes: no tokenizer decides what a place is."""
    from .grammar import Compiler, Vocabulary

    return Compiler(Vocabulary([*(bytes([value]) for value in range(256)), None], [256])).compile(constraint)


def check_text(grammar: CompiledGrammar, text: bytes) -> Finding:
    """Follow `text` through the grammar as far as it goes."""
    state = grammar.start
    for offset, byte in enumerate(text):
        following = grammar.step_bytes(state, bytes([byte]))
        if following < 0:
            return _finding(grammar, state, text, offset)
        state = following
    if grammar.is_accepting(state):
        return Finding(True, "the text matches", len(text))
    return _finding(grammar, state, text, len(text))


def _finding(grammar: CompiledGrammar, state: int, text: bytes, offset: int) -> Finding:
    if offset == len(text):
        reason = "the text ends too early"
    elif not grammar.next_bytes(state):
        reason = "the text should have ended here"
    else:
        reason = "this cannot stand here"
    line, column, excerpt = _place(text, offset)
    return Finding(False, reason, offset, line, column, excerpt, expectations(grammar, state))


def _place(text: bytes, offset: int) -> tuple[int, int, str]:
    """Line and column of a byte, and the line with a caret below; tabs and other controls take one column."""
    before = text[:offset].decode(errors="replace").split("\n")
    line = before[-1] + text[offset:].decode(errors="replace").split("\n")[0]
    line = "".join(char if char.isprintable() else "\N{MIDDLE DOT}" for char in line)
    column = len(before[-1])
    left = max(0, column - _EXCERPT)
    return len(before), column + 1, f"{line[left : column + _EXCERPT]}\n{' ' * (column - left)}^"


def expectations(grammar: CompiledGrammar, state: int) -> list[str]:
    """What may come next, as quoted literals where every way to go on begins alike, else as classes of characters."""
    found = ["the end of the text"] if grammar.is_accepting(state) else []
    for item in _continuations(grammar, state, b""):
        if item not in found:
            found.append(item)
        if len(found) == _MOST:
            return [*found, "..."]
    return found


def _continuations(grammar: CompiledGrammar, state: int, prefix: bytes) -> Iterator[str]:
    """Walk on while there are few ways to go on, each of one byte; a literal ends where there are many."""
    forced = grammar.forced_bytes(state)
    state, prefix = grammar.step_bytes(state, forced), prefix + forced
    groups = _groups(grammar, state)
    if prefix:  # white space between the tokens of JSON may stand everywhere: what matters comes behind it
        groups = [group for group in groups if set(group) != set(_SPACES)] or groups
    branches = all(len(group) == 1 for group in groups) and 0 < len(groups) <= _MOST
    if prefix and (not branches or grammar.is_accepting(state) or len(prefix) > _LONGEST):
        yield _quote(prefix, is_whole=not groups)
        return
    for group in groups:
        if len(group) == 1:
            yield from _continuations(grammar, grammar.step_bytes(state, group), prefix + group)
        else:
            yield from _class_words(group)


def _groups(grammar: CompiledGrammar, state: int) -> list[bytes]:
    """The bytes that may come next, those that lead to the same state together; UTF-8 beyond ASCII is one group."""
    targets: dict[int, list[int]] = {}
    for byte in grammar.next_bytes(state):
        target = grammar.step_bytes(state, bytes([byte]))
        targets.setdefault(target, []).append(byte)
    ascii_groups = [bytes(byte for byte in group if byte < 0x80) for group in targets.values()]
    beyond = bytes(byte for byte in grammar.next_bytes(state) if byte >= 0x80)
    return [group for group in (*ascii_groups, beyond) if group]


def _class_words(group: bytes) -> Iterator[str]:
    """Words for a set of bytes: white space by name, ranges of ASCII, everything beyond it as one."""
    if group[0] >= 0x80:
        is_inside = all(byte < 0xC0 for byte in group)
        yield "the rest of a UTF-8 character" if is_inside else "a character beyond ASCII"
        return
    spaces = [byte for byte in group if byte in _SPACES]
    if len(spaces) == len(_SPACES):
        yield "white space"
    rest = group if len(spaces) < len(_SPACES) else bytes(byte for byte in group if byte not in _SPACES)
    ranges = list(_ranges(rest))
    if sum(last - first + 1 for first, last in ranges) > 80:
        yield "any other character" if len(rest) < 0x60 - 1 else "any character"
        return
    for first, last in ranges:
        if last - first < 2:
            yield from (_show(byte) for byte in range(first, last + 1))
        else:
            yield f"{_show(first)} to {_show(last)}"


def _ranges(data: bytes) -> Iterator[tuple[int, int]]:
    start = 0
    for index in range(1, len(data) + 1):
        if index == len(data) or data[index] != data[index - 1] + 1:
            yield data[start], data[index - 1]
            start = index


def _show(byte: int) -> str:
    if byte in _SPACES:
        return _SPACES[byte]
    return chr(byte) if 0x20 < byte < 0x7F else f"byte 0x{byte:02X}"


def _quote(literal: bytes, *, is_whole: bool) -> str:
    text = literal.decode(errors="backslashreplace")
    shown = text.replace("\\", "\\\\") if not text.isprintable() else text
    shown = "".join(char if char.isprintable() else repr(char)[1:-1] for char in shown)
    return shown if is_whole else shown + "…"


def schema_note(constraint: Constraint, text: bytes) -> str:
    """A word when the text is valid against the schema, so that only its spelling or order keeps it out."""
    if constraint.kind != "json_schema":
        return ""
    import jsonschema

    try:
        jsonschema.validate(json.loads(text), json.loads(constraint.source))
    except (ValueError, jsonschema.ValidationError, jsonschema.SchemaError):
        return ""
    return (
        "as a JSON value it is valid against the schema; what differs is the order of properties, the white space or "
        "the spelling of a string or number (see --property-order and --whitespace)"
    )


def report(finding: Finding, note: str, *, as_json: bool) -> None:
    """Print what was found on standard output."""
    if as_json:
        sys.stdout.write(json.dumps({**asdict(finding), "note": note}, ensure_ascii=False, indent=2) + "\n")
        return
    lines = [finding.reason]
    if not finding.matches:
        lines[0] += f": byte {finding.offset} (line {finding.line}, column {finding.column})"
        lines += ["  " + line for line in finding.excerpt.split("\n")]
        lines += ["expected:", *("  " + item for item in finding.expected)]
        lines += ["note: " + note] if note else []
    sys.stdout.write("\n".join(lines) + "\n")
