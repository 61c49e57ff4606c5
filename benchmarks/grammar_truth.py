"""Where a text leaves a language, said by something else than the engine: a machine for JSON, lark for other grammars."""

from __future__ import annotations

import re
from collections.abc import Callable

from lark import Lark
from lark.exceptions import UnexpectedInput

_LITERALS = (b"true", b"false", b"null")
_STRING = re.compile(rb'"(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"')
_STRING_BEGUN = re.compile(rb'"(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*(?:\\(?:u[0-9a-fA-F]{0,3})?)?\Z')
_NUMBER = re.compile(rb"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_NUMBER_BEGUN = re.compile(rb"-?(?:0|[1-9][0-9]*)?(?:(?<=[0-9])\.[0-9]*)?(?:(?<=[0-9])[eE][+-]?[0-9]*)?\Z")


def begins_json(data: bytes) -> bool:
    """Whether some JSON text begins with `data` (valid UTF-8 but for its end)."""
    expects, stack, at = "value", bytearray(), 0
    while at < len(data):
        byte = data[at : at + 1]
        if byte in b" \t\n\r":
            at += 1
        elif expects in ("value", "value]") and byte in b"[{":
            stack += byte
            expects, at = ("value]" if byte == b"[" else "name}"), at + 1
        elif expects in ("value]", "name}", "comma") and stack and byte == (b"]" if stack[-1:] == b"[" else b"}"):
            del stack[-1]
            expects, at = "comma", at + 1
        elif expects == "comma" and stack and byte == b",":
            expects, at = ("value" if stack[-1:] == b"[" else "name"), at + 1
        elif expects == "colon" and byte == b":":
            expects, at = "value", at + 1
        elif expects.startswith("name") and byte == b'"':
            found = _STRING.match(data, at)
            if found is None:
                return _STRING_BEGUN.match(data, at) is not None
            expects, at = "colon", found.end()
        elif expects.startswith("value"):
            end = _scalar(data, at)
            if end is None:
                return _is_begun(data, at)
            expects, at = "comma", end
        else:
            return False
    return True


def _scalar(data: bytes, at: int) -> int | None:
    for pattern in (_STRING, _NUMBER):
        if found := pattern.match(data, at):
            rest = data[at:]
            return None if pattern is _NUMBER and _NUMBER_BEGUN.match(rest) else found.end()
    return next((at + len(word) for word in _LITERALS if data.startswith(word, at)), None)


def _is_begun(data: bytes, at: int) -> bool:
    rest = data[at:]
    return bool(
        _STRING_BEGUN.match(rest) or _NUMBER_BEGUN.match(rest) or any(word.startswith(rest) for word in _LITERALS)
    )


class LarkTruth:
    """Whether some text of a grammar begins with a given one, tried with the ends that its lexemes may have."""

    ENDS = (
        "",
        " ",
        "a",
        "'",
        '"',
        "*/",
        "**/",
        "/\n",
        "1",
        "=",
        "''",
        '\\n"',
        "\n",
        " a",
        "x'",
        '1"',
        "0'",
        "00'",
        '000"',
        "|",
        "&",
        "..",
        "-",
        "+",
    )

    def __init__(self, lark: Lark) -> None:
        self._lark = lark
        values = [terminal.pattern.value for terminal in lark.terminals if terminal.pattern.type == "str"]
        words = [value for value in values if value[0].isalpha() or value[0] == "_"]
        self._words = sorted({*words, *map(str.lower, words)})  # as they are, and where their case is ignored

    def begins(self, text: str) -> bool:
        """Never wrong when it says yes; a no is as good as the list of ends."""
        word = re.search(r"[A-Za-z_]\w*\Z", text)
        ends = list(self.ENDS)
        if word:
            ends += [value[len(word[0]) :] for value in self._words if value.lower().startswith(word[0].lower())]
        return any(self._feeds(text + end) for end in ends)

    def _feeds(self, text: str) -> bool:
        try:
            self._lark.parse_interactive(text).exhaust_lexer()
        except UnexpectedInput:
            return False
        return True


def leaves_at(begins: Callable[[str], bool], text: str) -> int:
    """The length of the longest beginning that some text of the language has, by bisection."""
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if begins(text[:middle]) else (low, middle - 1)
    return low
