"""Prompts as token ids: texts and chats, one or many, with the tokenizer that the caller brings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias, cast

Message: TypeAlias = Mapping[str, Any]
Prompt: TypeAlias = str | Sequence[Message]


def split_prompts(prompt: Prompt | Sequence[Prompt]) -> tuple[list[Prompt], bool]:
    """The prompts of a call, and whether it was given several: texts and chats mix, a list of messages is one chat.

    Raises `TypeError` for anything else.
    """
    if isinstance(prompt, str):
        return [prompt], False
    if not isinstance(prompt, Sequence):
        raise TypeError(f"prompt: a text, a list of messages, or a list of these expected, not {type(prompt).__name__}")
    if prompt and all(isinstance(part, Mapping) for part in prompt):
        return [cast(Prompt, prompt)], False
    return [_checked(part, index) for index, part in enumerate(prompt)], True


def single_prompt(prompt: Any) -> Prompt:
    """The prompt itself. Raises `TypeError` for a list of prompts, and for what is none."""
    prompts, is_batch = split_prompts(prompt)
    if is_batch:
        raise TypeError("one prompt expected, not a list of them")
    return prompts[0]


def encode_prompt(tokenizer: Any, prompt: Prompt) -> list[int]:
    """Token ids of one prompt.

    A text is encoded as the tokenizer does it, with the special tokens that it adds. A chat goes through the
    tokenizer's chat template, which opens the turn of the assistant; if the last message is the assistant's, it is
    continued instead. Raises `TypeError` for a malformed chat, `ValueError` for a prompt without tokens.
    """
    if isinstance(prompt, str):
        ids = tokenizer(prompt)["input_ids"]
    else:
        ids = tokenizer(_render_chat(tokenizer, prompt), add_special_tokens=False)["input_ids"]
    start = getattr(tokenizer, "bos_token_id", None)
    if not ids and start is not None:
        ids = [start]
    if not ids:
        raise ValueError("the prompt has no tokens, and the tokenizer has no token to begin a text with")
    return [int(token_id) for token_id in ids]


def _render_chat(tokenizer: Any, messages: Sequence[Message]) -> str:
    for message in messages:
        if "role" not in message or "content" not in message:
            raise TypeError(f'a message of a chat has a "role" and a "content", this one has {sorted(message)}')
    goes_on = messages[-1]["role"] == "assistant"
    rendered: str = tokenizer.apply_chat_template(
        [dict(message) for message in messages],
        tokenize=False,
        add_generation_prompt=not goes_on,
        continue_final_message=goes_on,
    )
    return rendered


def _checked(part: Any, index: int) -> Prompt:
    is_chat = isinstance(part, Sequence) and bool(part) and all(isinstance(message, Mapping) for message in part)
    if not isinstance(part, str) and not is_chat:
        raise TypeError(f"prompt[{index}]: a text or a list of messages expected, not {type(part).__name__}")
    return cast(Prompt, part)
