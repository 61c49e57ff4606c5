"""From bitmasks to tokens: apply masks, sample, and generate with any causal language model."""

from __future__ import annotations

from .argmax import Best, argmax
from .beam import beam_search
from .bitmask import allocate_token_bitmask, apply_token_bitmask_
from .budget import BudgetTooSmall
from .classify import Classification, ScoredOutput, classify
from .compilers import compiler_for, logits_width
from .draft_copy import CopyDrafts
from .draft_counts import CountDrafts
from .draft_forced import ForcedDrafts
from .draft_model import ModelDrafts
from .draft_recycling import RecyclingDrafts
from .drafting import Drafter, Drafts, Observed
from .extract import Extraction, extract
from .generate import TextStream, complete, generate, stream
from .generation import FinishReason, Generation, GenerationIncomplete, Report
from .hypothesis import Hypothesis, SearchLimitError
from .options import Options, Request, SearchOptions
from .prompts import Message, Prompt
from .sampling import Sampling, draw, greedy, probabilities

__all__ = [
    "Best",
    "BudgetTooSmall",
    "Classification",
    "CopyDrafts",
    "CountDrafts",
    "Drafter",
    "Drafts",
    "Extraction",
    "FinishReason",
    "ForcedDrafts",
    "Generation",
    "GenerationIncomplete",
    "Hypothesis",
    "Message",
    "ModelDrafts",
    "Observed",
    "Options",
    "Prompt",
    "RecyclingDrafts",
    "Report",
    "Request",
    "Sampling",
    "ScoredOutput",
    "SearchLimitError",
    "SearchOptions",
    "TextStream",
    "allocate_token_bitmask",
    "apply_token_bitmask_",
    "argmax",
    "beam_search",
    "classify",
    "compiler_for",
    "complete",
    "draw",
    "extract",
    "generate",
    "greedy",
    "logits_width",
    "probabilities",
    "stream",
]
