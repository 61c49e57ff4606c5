"""The options of one call: what the output must look like, how tokens are drawn, and how many there may be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypedDict

import torch

from latticework.grammar import constraint as constraints
from latticework.grammar.compiler import Compiler
from latticework.grammar.constraint import CONSTRAINT_EXPECTED, Constraint
from latticework.grammar.constraint_options import PropertyOrder, Whitespace

from .draft_acceptance import acceptance_of
from .draft_forced import ForcedDrafts
from .draft_names import DRAFTERS, drafters_for
from .drafting import Drafter, Drafts
from .generation_config import options_of
from .node_laws import NodeLaws
from .sampling import Sampling, row_generator


class SearchOptions(TypedDict, total=False):
    """What the outputs are: the options of a search, which draws nothing, so no others apply."""

    schema: Any
    regex: str | None
    choice: Sequence[str] | None
    constraint: Constraint | Sequence[Constraint] | None
    property_order: PropertyOrder
    whitespace: Whitespace
    max_new_tokens: int
    compiler: Compiler | None


class Options(SearchOptions, total=False):
    """The keyword arguments of `generate`, `complete` and `stream`; `Request` says what they mean."""

    temperature: float
    top_k: int | None
    top_p: float | None
    min_p: float | None
    repetition_penalty: float
    stop: str | Sequence[str]
    finish: bool
    drafts: str | Drafter | Sequence[str | Drafter] | None
    canonical: bool
    on_device: bool
    generation_config: Any
    seed: int | None
    past_key_values: Any


@dataclass(frozen=True, kw_only=True)
class Request:
    """What is asked for. Exactly one of `schema`, `regex`, `choice` and `constraint` is given.

    Attributes:
        schema: JSON Schema (mapping, JSON text, boolean) or Python type: everything that `json_schema` takes.
        regex: a pattern in the spelling of the module `re`, which the whole output matches.
        choice: the texts of which the output is one.
        constraint: made by `json_schema` (with its further options), `lark`, `tool_calls` or another function that makes
            constraints; a list holds one per prompt.
        property_order, whitespace: as in `json_schema`; only with `schema`.
        max_new_tokens: how many tokens may be generated for each prompt, the end token included.
        temperature, top_k, top_p, min_p: as in `Sampling`; the default is greedy.
        repetition_penalty: divides positive logits of tokens that came before, and multiplies negative ones; before the
            mask.
        stop: one or more strings: an output ends where one of them is complete.
        finish: lead every output to its end within `max_new_tokens`: then it is always complete. Otherwise an output that
            takes longer is cut off.
        drafts: where drafts of the next tokens come from: "forced", "copy", "recycle", "counts", "all" of these, a
            drafter such as `ModelDrafts`, or several; None for none. They change the speed, and not the output.
        canonical: take text that the constraint forces as the tokenizer writes it, without asking the model. The law of
            the output is then another one.
        on_device: write the rows on the model's device as a whole, without a word with the host at each token; on a CUDA
            device as one captured graph. For finite constraints, greedy or at a temperature, with a `StaticCache` as
            `past_key_values`, and without drafts: the default ones are left out. It is the same output.
        generation_config: a Hugging Face `GenerationConfig`, whose values stand in for options that are not given.
        seed: makes sampling reproducible; row i of a call draws the same numbers whatever the other rows are. Without
            it the global random state of torch is used.
        compiler: compiles for the tokenizer's vocabulary; by default one is kept for each tokenizer.
        past_key_values: an empty cache for the model to use, such as a `StaticCache`; by default the model makes its own.

    Raises `ValueError` for options that are out of range, missing, or would have no effect.
    """

    schema: Any = None
    regex: str | None = None
    choice: Sequence[str] | None = None
    constraint: Constraint | Sequence[Constraint] | None = None
    property_order: PropertyOrder = "declared"
    whitespace: Whitespace = "flexible"
    max_new_tokens: int = 256
    temperature: float = 0.0
    top_k: int | None = None
    top_p: float | None = None
    min_p: float | None = None
    repetition_penalty: float = 1.0
    stop: str | Sequence[str] = ()
    finish: bool = True
    drafts: str | Drafter | Sequence[str | Drafter] | None = "forced"
    canonical: bool = False
    on_device: bool = False
    generation_config: Any = None
    seed: int | None = None
    compiler: Compiler | None = None
    past_key_values: Any = None

    @classmethod
    def of(cls, **options: Any) -> Request:
        """The request for the options of a call, where `generation_config` stands in for what is not given."""
        config = options.get("generation_config")
        return cls(**({} if config is None else options_of(config)) | options)

    def __post_init__(self) -> None:
        sources = ("schema", "regex", "choice", "constraint")
        given = [name for name in sources if getattr(self, name) is not None]
        if len(given) != 1:
            found = f"{' and '.join(given)} are given" if given else "none is given"
            raise ValueError(f"exactly one of schema=, regex=, choice= and constraint= is needed; {found}")
        if self.schema is None and (self.property_order, self.whitespace) != ("declared", "flexible"):
            raise ValueError(f"property_order and whitespace belong to schema=; they have no effect on {given[0]}=")
        if isinstance(self.max_new_tokens, bool) or not isinstance(self.max_new_tokens, int):
            raise TypeError(f"max_new_tokens: int expected, not {type(self.max_new_tokens).__name__}")
        if self.max_new_tokens < 1:
            raise ValueError(f"max_new_tokens={self.max_new_tokens}: at least 1 expected")
        stops: tuple[Any, ...] = self.stop_strings
        if not all(isinstance(stop, str) and stop for stop in stops):
            raise ValueError("stop: strings that are not empty expected")
        if self.seed is not None and self.temperature == 0:
            raise ValueError("seed has no effect at temperature 0: give a temperature")
        if self.on_device:
            self._check_on_device()

    def _check_on_device(self) -> None:
        others = {
            "drafts": self.drafts not in ("forced", None),
            "canonical": self.canonical,
            "stop": bool(self.stop_strings),
            "top_k, top_p, min_p and repetition_penalty": not NodeLaws.can_fuse(self.sampling),
        }
        for name, is_given in others.items():
            if is_given:
                raise ValueError(f"on_device: there is no {name} without the host")

    @property
    def sampling(self) -> Sampling:
        """How tokens are drawn."""
        return Sampling(self.temperature, self.top_k, self.top_p, self.min_p, self.repetition_penalty)

    @property
    def stop_strings(self) -> tuple[str, ...]:
        """The strings that end an output."""
        return (self.stop,) if isinstance(self.stop, str) else tuple(self.stop)

    def drafters(self, model: Any, tokenizer: Any) -> Drafts | None:
        """What proposes drafts, or None. How often drafts were right is remembered for each model.

        Raises `ValueError` or `TypeError` for what is no drafter.
        """
        wanted = DRAFTERS if self.drafts == "all" else self.drafts or ()
        found = [
            drafter for drafter in drafters_for(wanted, tokenizer) if not (self.canonical and drafter.name == "forced")
        ]
        commits = None
        if self.canonical:
            forced = ForcedDrafts(tokenizer, canonical=True)
            found.insert(0, forced)
            commits = forced.commits
        return Drafts(found, acceptance=acceptance_of(model), commits=commits) if found else None

    def constraints(self, count: int) -> list[Constraint]:
        """The constraint of each of `count` prompts."""
        if isinstance(self.constraint, (list, tuple)):
            if len(self.constraint) != count:
                raise ValueError(f"{len(self.constraint)} constraints for {count} prompts")
            return [_checked(constraint) for constraint in self.constraint]
        return [self._shared_constraint()] * count

    def generators(self, count: int) -> list[torch.Generator]:
        """The random numbers of each of `count` prompts; none are taken from torch's global state unless needed."""
        if self.temperature == 0:
            return [torch.Generator()] * count
        seed = int(torch.randint(2**63 - 1, ())) if self.seed is None else self.seed
        return [row_generator(seed, row) for row in range(count)]

    def _shared_constraint(self) -> Constraint:
        if self.regex is not None:
            return constraints.regex(self.regex)
        if self.choice is not None:
            return constraints.choice(self.choice)
        if self.constraint is not None:
            return _checked(self.constraint)
        return constraints.json_schema(self.schema, property_order=self.property_order, whitespace=self.whitespace)


def _checked(constraint: Any) -> Constraint:
    if not isinstance(constraint, Constraint):
        raise TypeError(f"constraint: {CONSTRAINT_EXPECTED}, not {constraint!r:.60}")
    return constraint
