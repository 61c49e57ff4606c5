"""Our loop inside `model.generate` of transformers: drafts, the budget and the mask, with the call that people know.

write = ConstrainedGenerate(json_schema(schema), tokenizer)
model.generate(**inputs, custom_generate=write, max_new_tokens=200)
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import Tensor
from transformers.generation.utils import GenerateDecoderOnlyOutput

from latticework.decoding.generate import start
from latticework.decoding.generation import Generation
from latticework.decoding.options import Request
from latticework.grammar.constraint import Constraint

from .streaming import fed

# What transformers makes of the generation config by itself, and the loop does in its own way.
_KNOWN = frozenset(
    {
        "EosTokenCriteria",
        "MaxLengthCriteria",
        "MinPLogitsWarper",
        "RepetitionPenaltyLogitsProcessor",
        "TemperatureLogitsWarper",
        "TopKLogitsWarper",
        "TopPLogitsWarper",
    }
)
_OUTPUTS = ("output_attentions", "output_hidden_states", "output_logits", "output_scores")


class ConstrainedGenerate:
    """What `model.generate(custom_generate=...)` calls instead of its own loop.

    Temperature, truncation, repetition penalty and `max_new_tokens` come from the call, as always; everything else from
    the options that are given here. Left-padded batches and `num_return_sequences` work.

    Attributes:
        generations: of the last call, one for each sequence: text, value, probabilities, and what it took.
    """

    def __init__(
        self,
        constraint: Constraint | Sequence[Constraint],
        tokenizer: Any,
        *,
        streamer: Any = None,
        **options: Any,
    ) -> None:
        """What to write, and how.

        Args:
            constraint: one, or one for each sequence.
            tokenizer: the model's.
            streamer: of transformers, for one sequence; here, because transformers does not hand on its own argument.
            options: those of `latticework.generate`; stop strings too, for which transformers wants its own tokenizer.

        Raises what these options raise.
        """
        _ = Request.of(constraint=constraint, **options).sampling  # says now what is wrong
        self._streamer = streamer
        self._tokenizer = tokenizer
        self._options: dict[str, Any] = {"constraint": constraint, **options}
        self.generations: list[Generation] = []

    def __call__(
        self,
        model: Any,
        input_ids: Tensor,
        logits_processor: Sequence[Any] | None = None,
        stopping_criteria: Sequence[Any] | None = None,
        generation_config: Any = None,
        **model_inputs: Any,
    ) -> Any:
        """int64[B, T] -> int64[B, T + longest answer], padded on the right; or transformers' output with `sequences`.

        Raises `ValueError` for processors, criteria and outputs that the loop would have to ignore.
        """
        _refuse(logits_processor, stopping_criteria, generation_config)
        prompts = _without_padding(input_ids, model_inputs.get("attention_mask"))
        config = copy.copy(generation_config)
        config.num_return_sequences = 1  # the prompts were repeated for it already
        config.max_new_tokens = generation_config.max_length - input_ids.shape[1]
        request = Request.of(**self._options | {"generation_config": config})
        steps, rows = start(model, self._tokenizer, prompts, request)
        for _ in steps if self._streamer is None else fed(self._streamer, prompts, steps, rows[0]):
            pass
        self.generations = [row.generation() for row in rows]
        sequences = _padded(input_ids, self.generations, generation_config)
        return (
            GenerateDecoderOnlyOutput(sequences=cast(torch.LongTensor, sequences))
            if config.return_dict_in_generate
            else sequences
        )


def _refuse(processors: Sequence[Any] | None, criteria: Sequence[Any] | None, config: Any) -> None:
    for given in (*(processors or ()), *(criteria or ())):
        if type(given).__name__ not in _KNOWN:
            raise ValueError(f"{type(given).__name__} has no effect on this loop; leave it out")
    for name in _OUTPUTS:
        if getattr(config, name, None):
            raise ValueError(f"{name}=True: this loop does not keep that; see `generations` for probabilities")


def _without_padding(input_ids: Tensor, attention_mask: Tensor | None) -> list[list[int]]:
    if attention_mask is None:
        attention_mask = torch.ones_like(input_ids)
    return [row[seen.bool()].tolist() for row, seen in zip(input_ids, attention_mask, strict=True)]


def _padded(input_ids: Tensor, generations: Sequence[Generation], config: Any) -> Tensor:
    padding = config.pad_token_id
    if padding is None:
        end = config.eos_token_id
        padding = (end[0] if isinstance(end, (list, tuple)) else end) or 0
    longest = max(len(generation.token_ids) for generation in generations)
    answers = [[*one.token_ids, *[int(padding)] * (longest - len(one.token_ids))] for one in generations]
    return torch.cat([input_ids, torch.tensor(answers, device=input_ids.device)], dim=1)
