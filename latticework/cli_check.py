"""Where a text leaves a language, and what could have stood there: the work behind `latticework check`."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING

from .cli_expected import expectations, expected_terminals

if TYPE_CHECKING:
    from .grammar import CompiledGrammar, Constraint, Vocabulary

_EXCERPT = 60  # characters of the line on either side of the place
_MOST_TOKENS = 16  # shown, of those that a vocabulary has


@dataclass(frozen=True)
class Finding:
    """What `check_text` found.

    Attributes:
        matches: the whole text is in the language.
        offset: where it stops being the beginning of such a text, in bytes; its length if it only ends too early.
        line, column: the same place, counted from 1, columns in characters.
        excerpt: the line, and a caret below the place.
        matched: what stands before the place, or its end if it is long.
        expected: what could stand there, in words.
        terminals: the terminals of a Lark grammar that could begin there.
        tokens, tokens_allowed: some tokens that could stand there, and how many there are; None without a vocabulary.
    """

    matches: bool
    reason: str
    offset: int
    line: int = 1
    column: int = 1
    excerpt: str = ""
    matched: str = ""
    expected: list[str] = field(default_factory=list)
    terminals: list[str] = field(default_factory=list)
    tokens: list[str] | None = None
    tokens_allowed: int | None = None


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
    matched = text[:offset].decode(errors="backslashreplace")
    matched = matched if len(matched) <= _EXCERPT else "…" + matched[-_EXCERPT:]
    return Finding(False, reason, offset, line, column, excerpt, matched, expectations(grammar, state))


def _place(text: bytes, offset: int) -> tuple[int, int, str]:
    """Line and column of a byte, and the line with a caret below; tabs and other controls take one column."""
    before = text[:offset].decode(errors="replace").split("\n")
    line = before[-1] + text[offset:].decode(errors="replace").split("\n")[0]
    line = "".join(char if char.isprintable() else "\N{MIDDLE DOT}" for char in line)
    column = len(before[-1])
    left = max(0, column - _EXCERPT)
    return len(before), column + 1, f"{line[left : column + _EXCERPT]}\n{' ' * (column - left)}^"


def with_terminals(finding: Finding, constraint: Constraint, text: bytes) -> Finding:
    """The finding with the names of the terminals that could begin at its place."""
    return replace(finding, terminals=expected_terminals(constraint, text[: finding.offset]))


def with_tokens(finding: Finding, constraint: Constraint, vocabulary: Vocabulary, text: bytes) -> Finding:
    """The finding with the tokens of a vocabulary that could stand at its place, and how many these are."""
    from .grammar import Compiler
    from .grammar.special_tokens import written_bytes

    grammar = Compiler(vocabulary).compile(constraint)
    state = grammar.step_bytes(grammar.start, text[: finding.offset])
    allowed = grammar.allowed_tokens(state) if state >= 0 else []
    shown = [written_bytes(vocabulary, token_id) for token_id in allowed[:_MOST_TOKENS]]
    tokens = [repr(data.decode(errors="backslashreplace")) if data else "(end)" for data in shown]
    return replace(finding, tokens=tokens, tokens_allowed=len(allowed))


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
        lines += ["matched: " + repr(finding.matched)]
        lines += [f"terminals: {', '.join(finding.terminals)}"] if finding.terminals else []
        lines += ["expected:", *("  " + item for item in finding.expected)]
        lines += [] if finding.tokens is None else _token_lines(finding.tokens, finding.tokens_allowed or 0)
        lines += ["note: " + note] if note else []
    sys.stdout.write("\n".join(lines) + "\n")


def _token_lines(tokens: list[str], allowed: int) -> list[str]:
    more = ", ..." if allowed > len(tokens) else ""
    return [f"tokens: {allowed} could stand there", *([f"  {', '.join(tokens)}{more}"] if tokens else [])]
