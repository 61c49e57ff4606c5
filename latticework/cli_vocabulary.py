"""A vocabulary from what a person names on the command line: a file or folder of a tokenizer, or the built-in one."""

from __future__ import annotations

import base64
import binascii
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .cli_options import ModelError, UsageError

if TYPE_CHECKING:
    from .grammar import Vocabulary

# How the tokenizers of widely used models name the token that ends a text; the first that is there is taken.
_END_NAMES = ("<|eot_id|>", "<|im_end|>", "<|endoftext|>", "<|end_of_text|>", "</s>", "<eos>", "<|end|>", "[SEP]")


def load_vocabulary(name: str, end_tokens: list[str] | None = None) -> Vocabulary:
    """The vocabulary of a tokenizer.json, a .tiktoken file, a .model of SentencePiece, a folder or name, or "builtin".

    `end_tokens` names the tokens that end a text; by default the tokenizer's own, or a usual name found in it.
    Raises `ModelError` if it cannot be loaded, `UsageError` if nothing tells how a text ends.
    """
    from .grammar import ConstraintError

    try:
        return _load(name, end_tokens)
    except (OSError, ImportError) as error:
        raise ModelError(f"cannot load the tokenizer {name}: {error}") from None
    except ConstraintError:
        raise
    except Exception as error:  # noqa: BLE001 - the tokenizers library raises plain Exception for a broken file
        raise ModelError(f"cannot load the tokenizer {name}: {error}") from None


def _load(name: str, end_tokens: list[str] | None) -> Vocabulary:
    from .grammar import Vocabulary

    path = Path(name)
    if name != "builtin" and path.suffix == ".tiktoken":
        return _from_ranks(path)
    if name != "builtin" and path.suffix == ".model":
        return Vocabulary.from_sentencepiece(_existing(path), end_tokens)
    if name != "builtin" and path.suffix == ".json":
        return _from_json(path, end_tokens)
    return Vocabulary.from_huggingface(_huggingface_tokenizer(name), eos_token_ids=end_tokens)


def _from_json(path: Path, end_tokens: list[str] | None) -> Vocabulary:
    from tokenizers import Tokenizer

    from .grammar import Vocabulary

    tokenizer = Tokenizer.from_file(str(_existing(path)))
    found = end_tokens or [name for name in _END_NAMES if tokenizer.token_to_id(name) is not None][:1]
    if not found:
        raise UsageError(f"{path} does not say which token ends a text: give --end-token")
    return Vocabulary.from_tokenizers(tokenizer, found)


def _from_ranks(path: Path) -> Vocabulary:
    """The ranks of a .tiktoken file: lines of a token in base64 and its id. The end token is one behind them."""
    from .grammar import Vocabulary

    tokens: dict[int, bytes] = {}
    for number, line in enumerate(_existing(path).read_bytes().splitlines(), 1):
        if line.strip():
            try:
                text, rank = line.split()
                tokens[int(rank)] = base64.b64decode(text, validate=True)
            except (ValueError, binascii.Error):
                raise ModelError(f"{path}, line {number}: a token in base64 and its rank expected") from None
    end = max(tokens, default=-1) + 1
    return Vocabulary([tokens.get(token_id) for token_id in range(end + 1)], [end])


def _huggingface_tokenizer(name: str) -> Any:
    if name == "builtin":
        from transformers.utils import logging

        from .integrations.builtin import load as load_builtin

        logging.disable_progress_bar()  # type: ignore[no-untyped-call]  # it would tell of a model that nobody asked for
        return load_builtin()[1]
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(name)


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise ModelError(f"there is no file {path}")
    return path
