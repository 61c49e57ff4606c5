"""The built-in model: a very small language model of our own, so that everything can be tried without a network.

It was trained on synthetic records by `train.py` to repeat the facts of a prompt as JSON, and it knows nothing else.
`README.md` beside this file says what it can do and how to prompt it.
"""

from __future__ import annotations

from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase

PATH = Path(__file__).parent / "model"
"""The folder with the model's files in the Hugging Face format."""


def load(*, dtype: torch.dtype | None = None) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """The built-in model, ready to generate on the CPU, and its tokenizer; `dtype` defaults to float32.

    Raises:
        OSError: the model's files are missing from the installation.
    """
    model = AutoModelForCausalLM.from_pretrained(PATH, dtype=dtype or torch.float32, local_files_only=True)
    tokenizer = AutoTokenizer.from_pretrained(PATH, local_files_only=True)
    return model, tokenizer


__all__ = ["PATH", "load"]
