"""From a decoder of the `tokenizers` library (its JSON form) to the bytes of one token.

A decoder turns a sequence of token strings into text. Here it is taken apart into what it does to each token alone: byte
alphabets, space markers and byte fallback are such steps. What it does to the text as a whole is a *convention*, and
only one is known that leaves the tokens alone: dropping the space that the encoder puts before a text. A decoder that does
anything else has no exact bytes per token, and is refused.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from .errors import VocabularyError

Definition: TypeAlias = Mapping[str, Any]
Spelling: TypeAlias = str | bytes
"""A token on its way through the steps: text until a step has decided on its bytes."""
Step: TypeAlias = Callable[[Spelling], Spelling]


@dataclass(frozen=True, slots=True)
class TokenDecoder:
    """What a decoder does to one token.

    Attributes:
        steps: applied to the token string, one after the other; what is text at the end is spelled in UTF-8.
        markers: the strings that stand for a space, such as U+2581.
        is_byte_level: whether token strings are in the byte alphabet of GPT-2.
    """

    steps: tuple[Step, ...]
    markers: frozenset[str]
    is_byte_level: bool

    def __call__(self, token: str) -> bytes:
        """The bytes of a token string."""
        spelling: Spelling = token
        for step in self.steps:
            spelling = step(spelling)
        return spelling.encode() if isinstance(spelling, str) else spelling


def token_decoder(definition: Definition | None, *, byte_fallback: bool = False) -> TokenDecoder:
    """Take a decoder apart. `byte_fallback` adds that of the model, for definitions whose decoder forgets it.

    Raises `VocabularyError`, naming the decoder, if the bytes of a token would depend on its neighbours.
    """
    if definition is None:
        raise VocabularyError(
            "the tokenizer has no decoder, so the text between its tokens is unknown; "
            "set tokenizer.decoder (for a byte-level tokenizer: decoders.ByteLevel())"
        )
    steps: list[Step] = []
    markers: set[str] = set()
    seen: list[str] = []
    for part in _flat(definition):
        kind = part["type"]
        match kind:
            case "ByteLevel":
                steps.append(byte_level)
            case "ByteFallback":
                steps.append(fallback_byte)
            case "Metaspace":
                steps.append(_replace(part["replacement"], " "))
                markers.add(part["replacement"])
            case "Replace":
                steps.append(_replace(_literal_pattern(part), part["content"]))
                _check_replace(part, seen)
                if part["content"] == " ":
                    markers.add(_literal_pattern(part))
            case "Strip":
                steps.extend(_strip_steps(part, seen))
            case "Fuse":
                pass
            case _:
                raise VocabularyError(f"decoder {kind}: {_REASONS.get(kind, 'it is not known here')}")
        seen.append(kind)
    if byte_fallback and "ByteFallback" not in seen:
        steps.insert(0, fallback_byte)
    return TokenDecoder(tuple(steps), frozenset(markers), "ByteLevel" in seen)


_REASONS = {
    "WordPiece": "whether a space stands before a token depends on the prefix of the token after it and on clean-up "
    "rules, so a token has no bytes of its own",
    "BPEDecoder": "the end-of-word suffix is a space except at the end of a text, so a token has no bytes of its own",
    "CTC": "repeated tokens collapse, so a token has no bytes of its own",
}


def _flat(definition: Definition) -> Iterator[Definition]:
    """The decoders of nested sequences, in order."""
    if definition["type"] == "Sequence":
        for part in definition["decoders"]:
            yield from _flat(part)
    else:
        yield definition


# ------------------------------------------------------------------------------------------------------------- steps


def _byte_alphabet() -> str:
    """The character that stands for each byte in byte-level BPE (GPT-2): itself if printable, else U+0100 onwards."""
    printable = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    stand_ins = iter(range(0x100, 0x200))
    return "".join(chr(byte if byte in printable else next(stand_ins)) for byte in range(256))


BYTE_ALPHABET = _byte_alphabet()
_ALPHABET_ENCODING = codecs.charmap_build(BYTE_ALPHABET)


def byte_level(spelling: Spelling) -> Spelling:
    """`Ġcafé` in the byte alphabet -> its bytes. A token with any other character is literal text, as in the library."""
    if isinstance(spelling, bytes):
        return spelling
    try:
        return codecs.charmap_encode(spelling, "strict", _ALPHABET_ENCODING)[0]
    except UnicodeEncodeError:
        return spelling.encode()


def fallback_byte(spelling: Spelling) -> Spelling:
    """`<0x0A>` -> the byte 10; any other token is unchanged."""
    if isinstance(spelling, str) and len(spelling) == 6 and spelling.startswith("<0x") and spelling[5] == ">":
        try:
            return bytes.fromhex(spelling[3:5])
        except ValueError:
            pass
    return spelling


def _replace(old: str, new: str) -> Step:
    def step(spelling: Spelling) -> Spelling:
        return spelling.replace(old, new) if isinstance(spelling, str) else spelling

    return step


def _literal_pattern(part: Definition) -> str:
    pattern = part["pattern"]
    if "String" not in pattern or not pattern["String"]:
        raise VocabularyError(f"decoder Replace: the pattern {pattern!r} is not a literal text")
    return str(pattern["String"])


def _check_replace(part: Definition, seen: list[str]) -> None:
    """After a Fuse the whole text is searched: the same as token by token only for one character, and no bytes before."""
    if "Fuse" in seen and (len(_literal_pattern(part)) > 1 or {"ByteFallback", "ByteLevel"} & {*seen}):
        raise VocabularyError("decoder Replace: after Fuse it may match across tokens")


def _strip_steps(part: Definition, seen: list[str]) -> list[Step]:
    """Before a Fuse every token is stripped; after it the text, which is the convention of the leading space."""
    content, start, stop = part["content"], int(part["start"]), int(part["stop"])
    if "Fuse" in seen:
        if stop or (start and content != " "):
            raise VocabularyError(f"decoder Strip: it takes {content!r} from the ends of the whole text")
        return []
    if {"ByteFallback", "ByteLevel"} & {*seen}:
        raise VocabularyError("decoder Strip: after byte decoding and without Fuse it depends on neighbouring tokens")

    def step(spelling: Spelling) -> Spelling:
        if isinstance(spelling, bytes):
            return spelling
        left = min(start, len(spelling) - len(spelling.lstrip(content)))
        kept = spelling[left:]
        return kept[: len(kept) - min(stop, len(kept) - len(kept.rstrip(content)))]

    return [step]
