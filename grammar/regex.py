"""Regular expressions: pattern text to `ir.Regex`, exactly, or an error with the place.

    from_regex -> regex_syntax.parse -> Tree -> regex_assertions.language (else regex_automaton) -> Regex

A pattern with look-around denotes a regular language all the same, and gets a `Regex` of exactly that language, with
`Intersection` and `Complement` in it. Back-references, conditionals and recursion are refused.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

from .errors import GrammarSyntaxError
from .ir import ANY_TEXT, Regex
from .regex_algebra import concat, union
from .regex_assertions import NotLocal, language
from .regex_automaton import determinised
from .regex_decisions import TooLarge
from .regex_escapes import Mistake
from .regex_syntax import parse
from .regex_tree import After, Before, Either, Series, Tree, is_plain, series


def from_regex(pattern: str, *, dialect: Literal["python", "ecma"] = "python", search: bool = False) -> Regex:
    """The texts that a regular expression matches.

    With `search=False` the whole text must match, as in `re.fullmatch`; with `search=True` a match may lie anywhere in
    it, as in `re.search` and in JSON Schema's `pattern`.

    `dialect="python"` is `re` for str patterns; `dialect="ecma"` is ECMA-262 with the flag `u`, with the tolerance of
    its annex B for needless escapes and lone braces, and with `(?i)` at the beginning taken as the flag.

    Raises GrammarSyntaxError for a pattern that is malformed or not supported. Results are cached; equal calls return
    the same object.
    """
    if dialect not in ("python", "ecma"):
        raise ValueError(f'dialect must be "python" or "ecma", not {dialect!r}')
    return _translated(pattern, dialect == "ecma", search)


@lru_cache(maxsize=4096)
def _translated(pattern: str, ecma: bool, search: bool) -> Regex:
    try:
        tree = parse(pattern, ecma=ecma)
        return _searched(tree) if search else _whole(tree)
    except Mistake as mistake:
        offset, expected = mistake.offset, mistake.expected
        raise GrammarSyntaxError(mistake.message, text=pattern, offset=offset, expected=expected) from None


def _whole(tree: Tree) -> Regex:
    try:
        return language(tree)
    except NotLocal:
        pass
    try:
        return determinised(tree)
    except TooLarge:
        raise Mistake("this combination of look-around and repetition is not supported", 0) from None


def _searched(tree: Tree) -> Regex:
    """The texts that hold a match somewhere."""
    if is_plain(tree):
        return concat((ANY_TEXT, tree, ANY_TEXT))
    if isinstance(tree, Either):
        return union(map(_searched, tree.parts))
    left, tree = _left_anchored(tree)
    right, tree = _right_anchored(tree)
    middle = series((*([] if left else [ANY_TEXT]), tree, *([] if right else [ANY_TEXT])))
    return _whole(middle)


def _left_anchored(tree: Tree) -> tuple[bool, Tree]:
    """Whether the tree begins with `^`, and the tree without it."""
    first = tree.parts[0] if isinstance(tree, Series) else tree
    if not (isinstance(first, Before) and not first.ranges and first.edge):
        return False, tree
    return True, series(tree.parts[1:] if isinstance(tree, Series) else ())


def _right_anchored(tree: Tree) -> tuple[bool, Tree]:
    """Whether the tree ends with `$` (strictly the end of the text), and the tree without it."""
    last = tree.parts[-1] if isinstance(tree, Series) else tree
    if not (isinstance(last, After) and not last.ranges and last.edge):
        return False, tree
    return True, series(tree.parts[:-1] if isinstance(tree, Series) else ())
