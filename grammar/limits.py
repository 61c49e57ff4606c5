"""What a grammar may cost: the limits of its compilation and of its tables, each with a name that its error says."""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True)
class Limits:
    """What a compiled grammar may cost. Reaching a limit is a `LimitError` that names it.

    All but the two in bytes count steps or things, so that the same constraint fails, or does not, on every machine.

    Attributes:
        grammar_bytes: memory of one grammar's states, masks and tables. When it is full, states that no matcher holds
            are dropped, and rebuilt when they are needed again; it is an error only if the states in use do not fit.
        lexer_bytes: memory of the lexer tables, which all grammars of one vocabulary share.
        derivative_steps: work spent on deciding whether one terminal can still match anything (intersections and
            complements can be exponentially large).
        liveness_states: how many states of one terminal that decision may look at.
        grammar_nodes: size of the grammar before compilation, counted in nodes.
        schema_cases: combinations of branches (`anyOf`, `oneOf`, `if`, dependencies) at one place of a JSON schema.
            Their conjunctions are all written out.
        schema_branches: branches of one `anyOf` or `oneOf` that are neither references nor values. All are compared with
            each other.
        schema_rules: rules that a JSON schema unfolds into, one for each reference and each deeply nested part.
        schema_work: size, counted in schemas, of all that comes of conjunctions, negations and `oneOf` of references.
    """

    grammar_bytes: int = 256 << 20
    lexer_bytes: int = 256 << 20
    derivative_steps: int = 200_000
    liveness_states: int = 20_000
    grammar_nodes: int = 1_000_000
    schema_cases: int = 2048
    schema_branches: int = 128
    schema_rules: int = 20_000
    schema_work: int = 20_000

    def __post_init__(self) -> None:
        for limit in fields(self):
            value = getattr(self, limit.name)
            if isinstance(value, bool) or not isinstance(value, int):
                raise TypeError(f"Limits({limit.name}=...): int expected, not {type(value).__name__}")
            if value <= 0:
                raise ValueError(f"Limits({limit.name}={value}): must be positive")

    def of_automaton(self) -> dict[str, int]:
        """The limits that the native automaton keeps, by name."""
        names = (limit.name for limit in fields(self))
        return {name: getattr(self, name) for name in names if not name.startswith("schema_")}


DEFAULT_LIMITS = Limits()
