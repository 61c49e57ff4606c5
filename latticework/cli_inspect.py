"""What a constraint costs on a vocabulary, and what its masks are along a text: the work behind `latticework inspect`."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from .grammar import CompiledGrammar, Constraint, Vocabulary

_MOST_ROWS = 40  # of the table of steps; --json has all of them


@dataclass(frozen=True)
class Step:
    """One token of the sample, and the mask before it.

    Attributes:
        offset: where it begins, in bytes.
        allowed: how many tokens the mask allows there.
        forced: the text that every way to go on begins with.
        mask_us: microseconds to fill the mask, and again when it is known.
    """

    offset: int
    token_id: int | None
    token: str
    allowed: int
    forced: str
    mask_us: float
    again_us: float


@dataclass
class Inspection:
    """Everything that `latticework inspect` shows."""

    vocabulary_size: int
    compile_ms: float
    first_mask_ms: float
    steps: list[Step] = field(default_factory=list)
    rejected_at: int | None = None
    is_complete: bool = False
    statistics: dict[str, int] = field(default_factory=dict)

    def rejection(self) -> str:
        """Why the sample was not followed to its end."""
        return f"the sample leaves the language after byte {self.rejected_at}; `latticework check` tells why"


def inspect_grammar(constraint: Constraint, vocabulary: Vocabulary, sample: bytes) -> Inspection:
    """Compile, fill the first mask, and follow the sample token by token, the longest token first.

    Nothing is cached before: what only the first constraint of a vocabulary pays is in `first_mask_ms`.
    """
    from .grammar import Compiler

    start = time.perf_counter()
    grammar = Compiler(vocabulary).compile(constraint)
    compiled = time.perf_counter()
    masks = _Masks(grammar)
    masks.fill(grammar.start)
    first = time.perf_counter()
    result = Inspection(vocabulary.size, 1e3 * (compiled - start), 1e3 * (first - start))
    _follow(grammar, masks, sample, result)
    result.statistics = dict(grammar.statistics())
    return result


def report(inspection: Inspection, *, as_json: bool) -> None:
    """Print what was found on standard output."""
    if as_json:
        sys.stdout.write(json.dumps(asdict(inspection), ensure_ascii=False, indent=2) + "\n")
        return
    console = Console(highlight=False)
    console.print(_figures(inspection))
    console.print(_steps(inspection))


class _Masks:
    """One row of bitmask, and the time that filling it takes."""

    def __init__(self, grammar: CompiledGrammar) -> None:
        self._grammar = grammar
        self._row = np.zeros((1, grammar.vocabulary.bitmask_words), dtype=np.int32)

    def fill(self, state: int) -> float:
        """Fill the row; microseconds."""
        start = time.perf_counter()
        self._grammar.fill_bitmask([state], self._row)
        return 1e6 * (time.perf_counter() - start)

    def population(self) -> int:
        """How many tokens the row allows."""
        return int(np.unpackbits(self._row.view(np.uint8)).sum())


def _follow(grammar: CompiledGrammar, masks: _Masks, sample: bytes, result: Inspection) -> None:
    state, offset = grammar.start, 0
    for token_id, data in _tokens(grammar, sample):
        step = _step(grammar, masks, state, offset, token_id, data)
        result.steps.append(step)
        following = grammar.step(state, token_id)
        if following < 0:
            result.rejected_at = offset
            return
        state, offset = following, offset + len(data)
    result.steps.append(_step(grammar, masks, state, offset, None, b""))
    result.is_complete = grammar.is_accepting(state)


def _step(grammar: CompiledGrammar, masks: _Masks, state: int, offset: int, token_id: int | None, data: bytes) -> Step:
    mask_us, again_us = masks.fill(state), masks.fill(state)
    forced = grammar.forced_bytes(state).decode(errors="replace")
    text = data.decode(errors="backslashreplace")
    return Step(offset, token_id, text, masks.population(), forced, round(mask_us, 2), round(again_us, 2))


def _tokens(grammar: CompiledGrammar, sample: bytes) -> Iterator[tuple[int, bytes]]:
    """Cut the sample into tokens, at each place the longest; a byte that no token begins with ends it."""
    vocabulary = grammar.vocabulary
    ids: dict[bytes, int] = {}
    for token_id in range(vocabulary.size):
        ids.setdefault(vocabulary.token_bytes(token_id), token_id)
    ids.pop(b"", None)
    longest = max(map(len, ids), default=0)
    offset = 0
    while offset < len(sample):
        pieces = (sample[offset : offset + length] for length in range(longest, 0, -1))
        piece = next((piece for piece in pieces if piece in ids), None)
        if piece is None:
            raise _unspellable(sample, offset)
        yield ids[piece], piece
        offset += len(piece)


def _unspellable(sample: bytes, offset: int) -> Exception:
    from .grammar import VocabularyError

    return VocabularyError(f"no token spells byte {sample[offset]:#04x}, at byte {offset} of the sample")


def _figures(inspection: Inspection) -> Table:
    table = Table(title="cost", title_justify="left", show_header=False)
    rows: dict[str, Any] = {
        "vocabulary": f"{inspection.vocabulary_size} tokens",
        "compile": f"{inspection.compile_ms:.2f} ms",
        "time to first mask": f"{inspection.first_mask_ms:.2f} ms",
        **{name.replace("_", " "): value for name, value in inspection.statistics.items()},
    }
    for name, value in rows.items():
        table.add_row(name, str(value))
    return table


def _steps(inspection: Inspection) -> Table:
    table = Table(title="masks along the sample", title_justify="left")
    for name in ("byte", "token", "allowed", "share", "mask us", "again us"):
        table.add_column(name, justify="left" if name == "token" else "right")
    table.add_column("forced text")
    for step in inspection.steps[:_MOST_ROWS]:
        share = f"{100 * step.allowed / inspection.vocabulary_size:.2f} %"
        figures = (str(step.allowed), share, f"{step.mask_us:.1f}", f"{step.again_us:.1f}")
        table.add_row(str(step.offset), _shown(step), *figures, repr(step.forced)[1:-1])
    if len(inspection.steps) > _MOST_ROWS:
        table.caption = f"{len(inspection.steps) - _MOST_ROWS} more steps: see --json"
    return table


def _shown(step: Step) -> str:
    from rich.markup import escape

    return "(end)" if step.token_id is None else escape(repr(step.token))
