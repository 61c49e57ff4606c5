"""Case-insensitive matching: the set of characters that a set stands for under the flag `i`.

Python: a character matches a set if its lower case is the lower case of a member, or shares an upper case with one
(U+017F and `s`, U+212A and `k`, ...). ECMA-262 with the flag `u`: two characters match if their simple case foldings
(Unicode, CaseFolding.txt) are equal.
"""

from __future__ import annotations

from collections import defaultdict
from functools import cache, lru_cache

from .regex_sets import CodePoints, contains, of_code_points, union
from .regex_unicode import every_character

_ASCII_LETTERS: CodePoints = ((0x41, 0x5A), (0x61, 0x7A))


def ignoring_case(ranges: CodePoints, kind: str) -> CodePoints:
    """Every character that matches one of `ranges` if case is ignored; `kind` is "python", "ascii" or "ecma"."""
    if kind == "ascii":
        return _ascii(ranges)
    if all(high < 0x80 for _, high in ranges):
        return _small(ranges, kind)
    return _closed(ranges, _orbits(kind))


@lru_cache(maxsize=1024)
def _small(ranges: CodePoints, kind: str) -> CodePoints:
    return _closed(ranges, _orbits(kind))


def _ascii(ranges: CodePoints) -> CodePoints:
    letters = [code for code in range(128) if chr(code).isalpha() and contains(ranges, code)]
    return union(ranges, of_code_points(code ^ 0x20 for code in letters))


def _closed(ranges: CodePoints, orbits: dict[int, CodePoints]) -> CodePoints:
    met = {id(orbit): orbit for code, orbit in orbits.items() if contains(ranges, code)}
    return union(ranges, *met.values()) if met else ranges


@cache
def _orbits(kind: str) -> dict[int, CodePoints]:
    """Code point -> all code points that match it, itself included; only where there are several."""
    groups = _python_groups() if kind == "python" else _folding_groups()
    orbits: dict[int, CodePoints] = {}
    for group in groups:
        members = of_code_points(group)
        orbits.update(dict.fromkeys(group, members))
    return orbits


def _python_groups() -> list[list[int]]:
    """Characters of equal lower case, joined where the lower cases have one upper case in common."""
    by_lower: dict[int, list[int]] = defaultdict(list)
    for code in _cased():
        by_lower[_lower(code)].append(code)
    by_upper: dict[str, list[int]] = defaultdict(list)
    for lower, codes in by_lower.items():
        by_upper[chr(lower).upper()] += codes
    return [group for group in by_upper.values() if len(group) > 1]


def _folding_groups() -> list[list[int]]:
    groups: dict[int, list[int]] = defaultdict(list)
    for code in _cased():
        groups[_folded(code)].append(code)
    return [group for group in groups.values() if len(group) > 1]


@cache
def _cased() -> tuple[int, ...]:
    """Every character that has another case, and what it becomes in it."""
    text = every_character()
    blocks = [text[start : start + 256] for start in range(0, len(text), 256)]
    cased = [block for block in blocks if block.lower() != block or block.upper() != block]
    changed = {char for block in cased for char in block if char.lower() != char or char.upper() != char}
    related = {other for c in changed for other in (c.lower(), c.upper(), c.casefold(), c.title()) if len(other) == 1}
    return tuple(sorted(map(ord, changed | related)))


def _lower(code: int) -> int:
    return ord(chr(code).lower()[0])


def _folded(code: int) -> int:
    """Simple case folding: the full one where that is one character, else the simple lower case (U+1E9E, ...)."""
    char = chr(code)
    for candidate in (char.casefold(), char.lower()):
        if len(candidate) == 1:
            return ord(candidate)
    return code
