"""The tokens that a tokenizer itself would write for given bytes, behind given others."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate
from typing import Any

from latticework.grammar._native import Vocabulary
from latticework.grammar.special_tokens import MARK, special_tokens_of

# Some tokenizers put a space before whatever they encode. Behind one of these signs there is none.
_NEUTRAL = (b"\n", b",")


def canonical_tokens(tokenizer: Any, vocabulary: Vocabulary, before: bytes, text: bytes) -> list[int]:
    """The tokens of `text` where it stands behind `before`, as far as the tokenizer writes these very bytes.

    A token border must fall between the two, or `text` is encoded for itself. Tokens are taken while they spell the
    text: what the tokenizer normalises, does not know, or replaces by a special token ends the list, and so does the
    beginning of a character whose end is missing.

    Args:
        tokenizer: called as those of Hugging Face: `tokenizer(text, add_special_tokens=False)["input_ids"]`.
        vocabulary: made from it.
        before: the end of what stands there; may begin inside a character.
        text: the bytes that come.
    """
    whole = _whole_characters(text)
    if not whole or 0x80 <= whole[0] < 0xC0:  # nothing, or the end of a character that has begun
        return []
    contexts = [b""] if not before else [_from_character(before), b""]
    for context in contexts:
        try:
            written = (context + whole).decode()
        except UnicodeDecodeError:  # a prompt may end inside a character
            continue
        ids = [int(token_id) for token_id in tokenizer(written, add_special_tokens=False)["input_ids"]]
        spelled = [_spelling(vocabulary, token_id) for token_id in ids]
        found = _behind(ids, spelled, context, whole)
        if found:
            return found
        if not context and b"".join(spelled).startswith(b" ") and not whole.startswith(b" "):
            contexts += _NEUTRAL
    return []


def text_and_special_tokens(vocabulary: Vocabulary, forced: bytes) -> Iterator[tuple[bytes, int | None]]:
    """The parts of forced bytes: texts, each with the special token behind it; None: something else, or nothing.

    An unfinished name at the end is left out. The text before it comes with -1, since only special tokens follow it.
    """
    parts = forced.split(MARK)  # text, name, text, name, ..., text
    special = special_tokens_of(vocabulary)
    for text, name in zip(parts[::2], parts[1::2], strict=False):
        is_whole = name is not parts[-1]
        yield text, special[name.decode()] if is_whole else -1
    if len(parts) % 2:
        yield parts[-1], None


def _behind(ids: list[int], spelled: list[bytes], context: bytes, text: bytes) -> list[int]:
    """The tokens behind the border of context and text, while they spell the text; none without such a border."""
    joined = b"".join(spelled)
    for space in range(1 + joined.startswith(b" ")):  # how much the tokenizer has put in front
        begin = space + len(context)
        ends = list(accumulate(map(len, spelled), initial=0))
        if joined[space:begin] != context or begin not in ends:
            continue
        first = len(ends) - 1 - ends[::-1].index(begin)  # behind tokens that spell nothing
        count = 0
        for data, end in zip(spelled[first:], ends[first + 1 :], strict=True):
            if not data or text[end - len(data) - begin : end - begin] != data:
                break
            count += 1
        if count:
            return ids[first : first + count]
    return []


def _spelling(vocabulary: Vocabulary, token_id: int) -> bytes:
    """What a token spells; nothing, if the model has no logit for it."""
    return vocabulary.token_bytes(token_id) if token_id < vocabulary.size else b""


def _whole_characters(text: bytes) -> bytes:
    """The text without the beginning of a character at its end."""
    for back in range(1, min(3, len(text)) + 1):
        lead = text[-back]
        if lead >= 0xC0:
            length = 2 if lead < 0xE0 else 3 if lead < 0xF0 else 4
            return text if back >= length else text[:-back]
        if lead < 0x80:
            break
    return text


def _from_character(text: bytes) -> bytes:
    """The text without the end of a character at its beginning."""
    begin = 0
    while begin < len(text) and 0x80 <= text[begin] < 0xC0:
        begin += 1
    return text[begin:]
