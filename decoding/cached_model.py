"""A causal language model with its key-value cache: the next tokens of a batch in, the logits that follow them out."""

from __future__ import annotations

import inspect
from typing import Any

import torch
from torch import Tensor


class CachedModel:
    """A batch of prompts of different lengths on its way through a model.

    The model is called as Hugging Face's causal models are: `input_ids`, `attention_mask`, `past_key_values` and
    `use_cache` by name (and `position_ids` and `logits_to_keep` if it takes them); its output has `logits` [B, T, W] and
    `past_key_values`, which may be missing or None: then each call feeds the whole text again. Prompts are padded on the left: padding is masked
    and takes no position, so each row sees what it would see alone.

    Attributes:
        prompt_ids: int64[B, longest prompt] on the model's device; what the first call takes.
        device: where the logits are.
    """

    def __init__(self, model: Any, prompts: list[list[int]]) -> None:
        if getattr(getattr(model, "config", None), "is_encoder_decoder", False):
            raise ValueError("an encoder-decoder model: use its own generate() with ConstraintLogitsProcessor")
        self._model = model
        self._optional = _optional_inputs(model)
        self._limit = _position_limit(model)
        self._cache: Any = None
        self.device = _device(model)
        longest = max(map(len, prompts))
        padding = [longest - len(prompt) for prompt in prompts]
        ids = [[0] * pad + prompt for pad, prompt in zip(padding, prompts, strict=True)]
        seen = [[0] * pad + [1] * len(prompt) for pad, prompt in zip(padding, prompts, strict=True)]
        self.prompt_ids = torch.tensor(ids, device=self.device)  # (B, T)
        self._ids = self.prompt_ids[:, :0]  # (B, 0)
        self._mask = torch.tensor(seen, device=self.device)  # (B, T)

    def room(self, prompt: list[int]) -> float:
        """How many tokens the model's positions leave for the answer (the last one is never fed back)."""
        return self._limit - len(prompt) + 1

    def __call__(self, next_ids: Tensor) -> Tensor:
        """Feed int64[B, T] (the prompts first, then one token each) -> logits [B, W], not to be written to.

        float64 logits stay so, all others become float32.
        """
        self._ids = torch.cat([self._ids, next_ids], dim=-1)
        grown = self._ids.shape[1] - self._mask.shape[1]
        self._mask = torch.cat([self._mask, self._mask.new_ones((len(self._mask), grown))], dim=-1)
        fed = self._ids if self._cache is None else next_ids
        positions = (self._mask.cumsum(dim=-1) - 1).clamp(min=0)[:, -fed.shape[1] :]
        if self._limit != float("inf"):  # rows that are done go on being fed, past the end if need be
            positions = positions.clamp(max=int(self._limit) - 1)
        optional = {"position_ids": positions, "logits_to_keep": 1}
        output = self._model(
            input_ids=fed,
            attention_mask=self._mask,
            past_key_values=self._cache,
            use_cache=True,
            **{name: optional[name] for name in self._optional},
        )
        self._cache = getattr(output, "past_key_values", None)
        logits: Tensor = output.logits[:, -1]
        return logits.to(torch.float64 if logits.dtype == torch.float64 else torch.float32)


def text_config(model: Any) -> Any:
    """The configuration of the language model itself, which models of several modalities keep inside theirs."""
    config: Any = getattr(model, "config", None)
    return config.get_text_config() if hasattr(config, "get_text_config") else config


def _optional_inputs(model: Any) -> list[str]:
    parameters = inspect.signature(getattr(model, "forward", model)).parameters
    return [name for name in ("position_ids", "logits_to_keep") if name in parameters]


def _position_limit(model: Any) -> float:
    limit = getattr(text_config(model), "max_position_embeddings", None)
    return limit if isinstance(limit, int) and limit > 0 else float("inf")


def _device(model: Any) -> torch.device:
    device = getattr(model, "device", None)
    if device is None and hasattr(model, "parameters"):
        device = next((parameter.device for parameter in model.parameters()), None)
    return torch.device("cpu" if device is None else device)
