"""From bitmasks to tokens: apply masks, sample, and generate with any causal language model."""

from __future__ import annotations

from .bitmask import allocate_token_bitmask, apply_token_bitmask_
from .compilers import compiler_for, logits_width
from .generate import TextStream, complete, generate, stream
from .generation import FinishReason, Generation, GenerationIncomplete
from .options import Options, Request
from .prompts import Message, Prompt
from .sampling import Sampling, draw, greedy, probabilities

__all__ = [
    "FinishReason",
    "Generation",
    "GenerationIncomplete",
    "Message",
    "Options",
    "Prompt",
    "Request",
    "Sampling",
    "TextStream",
    "allocate_token_bitmask",
    "apply_token_bitmask_",
    "compiler_for",
    "complete",
    "draw",
    "generate",
    "greedy",
    "logits_width",
    "probabilities",
    "stream",
]
