"""Feeding a streamer of transformers from the steps of our loop."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

from latticework.decoding.running import RunningSequence


def fed(streamer: Any, prompts: list[list[int]], steps: Iterator[None], row: RunningSequence) -> Iterator[None]:
    """The same steps; the streamer is given the prompt first, then each token, then the end.

    Raises `ValueError` unless there is one prompt.
    """
    if len(prompts) != 1:
        raise ValueError("a streamer takes one prompt at a time: use batch_size=1")
    streamer.put(torch.tensor(prompts))
    given = len(row.token_ids)
    for step in steps:
        for token_id in row.token_ids[given:]:
            streamer.put(torch.tensor([token_id]))
        given = len(row.token_ids)
        yield step
    streamer.end()
