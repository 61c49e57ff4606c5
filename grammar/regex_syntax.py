"""Pattern text to syntax tree, for regular expressions in the spelling of Python's `re` and of ECMA-262.

Python patterns are read as `re` (3.11 and later) reads them, its oddities included. ECMA-262 patterns are read with
the meaning of the flag `u` (a character is a code point, `\\p{...}` is a property) and with the tolerance of annex B
where that cannot change the meaning: lone `{`, `}` and `]`, and needless escapes of punctuation. What is plain becomes
`Regex` nodes while reading; see `regex_tree.py` for the rest.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from .ir import ANY_CHAR, Regex, Text
from .regex_algebra import char, chars
from .regex_atomic import atomic
from .regex_case import ignoring_case
from .regex_escapes import LINE_TERMINATORS, Flags, Mistake, class_escape, read_class, read_escape, refuse_reference
from .regex_sets import NO_CODE_POINT, CodePoints, inverted
from .regex_tree import After, Before, Either, Look, Loop, Series, Tree, either, loop, series, settled, width

MAX_DEPTH = 100
MAX_COUNT = 1_000_000

_PLAIN = re.compile(r"[^\\\[(){|*+?.^$]+")
_PLAIN_VERBOSE = re.compile(r"[^\\\[(){|*+?.^$# \t\n\r\v\f]+")
_BLANK = re.compile(r"(?:[ \t\n\r\v\f]|#[^\n]*(?:\n|\Z))+")
_COUNT = {False: re.compile(r"\{(?!\})(\d*)(,?)(\d*)\}", re.ASCII), True: re.compile(r"\{(\d+)(,?)(\d*)\}", re.ASCII)}
_FLAG_NAMES = {"i": "ignore_case", "m": "multiline", "s": "dot_all", "x": "verbose"}
_NEWLINE: CodePoints = ((0x0A, 0x0A),)
_TEXT_START = Before(NO_CODE_POINT, True)
_TEXT_END = After(NO_CODE_POINT, True)
# Until Python 3.14 `\B` did not match in the empty text.
_INSIDE_EMPTY_TEXT = re.search(r"\B", "") is not None


class _Frame:
    """One open group: how it opened and where, what surrounds it, and what has been read of it."""

    __slots__ = ("alternatives", "flags", "items", "kind", "offset")

    def __init__(self, kind: str, offset: int, flags: Flags) -> None:
        self.kind = kind
        self.offset = offset
        self.flags = flags
        self.items: list[Tree] = []
        self.alternatives: list[Tree] = []


class _Count(NamedTuple):
    minimum: int
    maximum: int | None
    manner: str  # "", "?" (lazy) or "+" (possessive)


def parse(text: str, *, ecma: bool, ordered: bool = False) -> Tree:
    """The syntax tree of a pattern; raises `Mistake`. `ordered`: as in an atomic group, the order of attempts is kept."""
    parser = _Parser(text, Flags(ecma))
    parser.ordered = int(ordered)
    return parser.run()


class _Parser:
    """Reads from left to right with an explicit stack of open groups, so that depth costs no recursion."""

    def __init__(self, text: str, flags: Flags) -> None:
        self.text = text
        self.at = 0
        self.flags = flags
        self.frames = [_Frame("", 0, flags)]
        self.names: set[str] = set()
        self.ordered = 0  # how many atomic groups are open: inside, the order of attempts must be kept
        self.repeatable = True  # whether the last item may be repeated: neither a repetition nor an anchor

    def run(self) -> Tree:
        while self.at < len(self.text):
            self._step()
        if len(self.frames) > 1:
            raise Mistake("unclosed group", self.frames[-1].offset, ")")
        return self._body(self.frames[0])

    def _step(self) -> None:
        if self.flags.verbose and (blank := _BLANK.match(self.text, self.at)):
            self.at = blank.end()
            return
        plain = (_PLAIN_VERBOSE if self.flags.verbose else _PLAIN).match(self.text, self.at)
        if plain:
            self._plain(plain[0])
            return
        match self.text[self.at]:
            case "\\":
                self._escape()
            case "[":
                node, self.at = read_class(self.text, self.at, self.flags)
                self._add(node)
            case "(":
                self._open()
            case ")":
                self._close()
            case "|":
                self._alternative()
            case "." | "^" | "$" as sign:
                self.at += 1
                self._add(self._sign(sign), repeatable=sign == ".")
            case _:
                self._quantifier()

    # -------------------------------------------------------------------------------------------------------- items

    def _add(self, node: Tree, *, repeatable: bool = True) -> None:
        self.frames[-1].items.append(node)
        self.repeatable = repeatable

    def _plain(self, run: str) -> None:
        """A run of characters that stand for themselves; the last one is an item of its own if it is repeated."""
        self.at += len(run)
        if self.flags.ignore_case or not _encodable(run):
            for letter in run:
                self._add(self._character(ord(letter)))
            return
        if len(run) > 1 and self.text[self.at : self.at + 1] in ("*", "+", "?", "{"):
            self._add(Text(run[:-1]))
            run = run[-1]
        self._add(Text(run))

    def _character(self, code: int) -> Regex:
        if not self.flags.ignore_case:
            return char(code)
        return chars(ignoring_case(((code, code),), self.flags.case_kind))

    def _sign(self, sign: str) -> Tree:
        """The meaning of `.`, `^` and `$` under the flags."""
        ends = LINE_TERMINATORS if self.flags.ecma else _NEWLINE
        if sign == ".":
            return ANY_CHAR if self.flags.dot_all else chars(inverted(ends))
        if self.flags.multiline:
            return Before(ends, True) if sign == "^" else After(ends, True)
        if sign == "^":
            return _TEXT_START
        return _TEXT_END if self.flags.ecma else _end_or_last_newline()

    def _escape(self) -> None:
        letter = self.text[self.at + 1 : self.at + 2]
        if letter in ("b", "B"):
            self._add(self._boundary(letter == "b"), repeatable=False)
            self.at += 2
        elif letter in ("A", "Z") and not self.flags.ecma:
            self._add(_TEXT_START if letter == "A" else _TEXT_END, repeatable=False)
            self.at += 2
        else:
            element, self.at = read_escape(self.text, self.at, self.flags, in_class=False)
            self._add(self._character(element) if isinstance(element, int) else self._set(element))

    def _set(self, ranges: CodePoints) -> Regex:
        return chars(ignoring_case(ranges, "ecma") if self.flags.ecma and self.flags.ignore_case else ranges)

    def _boundary(self, positive: bool) -> Tree:
        """`\\b` and `\\B`: whether exactly one neighbour is a word character."""
        word = class_escape("w", self.flags)
        other = inverted(word)
        if positive:
            return either([series([Before(word, False), After(other, True)]), _pair(other, True, word, False)])
        outside = [_pair(other, True, other, True)]
        if not self.flags.ecma and not _INSIDE_EMPTY_TEXT:
            outside = [_pair(other, False, other, True), _pair(NO_CODE_POINT, True, other, False)]
        return either([_pair(word, False, word, False), *outside])

    # -------------------------------------------------------------------------------------------------- repetitions

    def _quantifier(self) -> None:
        start = self.at
        if self.text[start] == "{" and not _COUNT[self.flags.ecma].match(self.text, start):
            self.at += 1
            self._add(self._character(ord("{")))
            return
        count = self._count()
        items = self.frames[-1].items
        if not items or not self.repeatable:
            raise Mistake("nothing to repeat here", start, "a character, class or group")
        items.append(self._repeated(items.pop(), count, start))
        self.repeatable = False

    def _count(self) -> _Count:
        start = self.at
        low, high = 0, None
        match self.text[start]:
            case "*":
                self.at += 1
            case "+":
                low, self.at = 1, start + 1
            case "?":
                high, self.at = 1, start + 1
            case _:
                low, high = self._braces()
        manner = self.text[self.at : self.at + 1]
        if manner == "?" or (manner == "+" and not self.flags.ecma):
            self.at += 1
            return _Count(low, high, manner)
        return _Count(low, high, "")

    def _braces(self) -> tuple[int, int | None]:
        start = self.at
        match = _COUNT[self.flags.ecma].match(self.text, start)
        assert match is not None
        self.at = match.end()
        if max(len(match[1].lstrip("0")), len(match[3].lstrip("0"))) > 7:
            raise Mistake(f"a count above {MAX_COUNT} is not supported", start)
        low = int(match[1] or 0)
        high = (int(match[3]) if match[3] else None) if match[2] else low
        if max(low, high or 0) > MAX_COUNT:
            raise Mistake(f"a count above {MAX_COUNT} is not supported", start)
        if high is not None and high < low:
            raise Mistake("the greatest count is below the least", start)
        return low, high

    def _repeated(self, item: Tree, count: _Count, start: int) -> Tree:
        if self.ordered:
            repeated: Tree = Loop(item, count.minimum, count.maximum, lazy=count.manner == "?")
        elif count.manner == "+":
            repeated = Loop(item, count.minimum, count.maximum)
        else:
            return loop(item, count.minimum, count.maximum)
        return self._atomic(repeated, start) if count.manner == "+" else repeated

    def _atomic(self, tree: Tree, start: int) -> Tree:
        result = atomic(tree)
        if result is None:
            raise Mistake("an atomic group or possessive repetition of this kind is not supported", start)
        return result

    # ------------------------------------------------------------------------------------------------------- groups

    def _alternative(self) -> None:
        self.at += 1
        frame = self.frames[-1]
        frame.alternatives.append(self._sequence(frame.items))
        frame.items = []

    def _sequence(self, items: list[Tree]) -> Tree:
        return Series(tuple(items)) if self.ordered else series(items)

    def _body(self, frame: _Frame) -> Tree:
        last = self._sequence(frame.items)
        if not frame.alternatives:
            return last
        alternatives = [*frame.alternatives, last]
        return Either(tuple(alternatives)) if self.ordered else either(alternatives)

    def _close(self) -> None:
        if len(self.frames) == 1:
            raise Mistake("unbalanced parenthesis", self.at)
        frame = self.frames[-1]
        tree = self._closed(frame)
        self.frames.pop()
        self.flags = frame.flags
        self.at += 1
        self._add(tree, repeatable=not (self.flags.ecma and frame.kind in ("<=", "<!")))

    def _closed(self, frame: _Frame) -> Tree:
        """What a whole group stands for in its surroundings."""
        tree = self._body(frame)
        if frame.kind == ">":
            self.ordered -= 1
            return self._atomic(tree, frame.offset)
        if frame.kind in ("=", "!", "<=", "<!"):
            tree = settled(tree)
            ahead, negative = "<" not in frame.kind, "!" in frame.kind
            if not ahead and not self.flags.ecma and width(tree)[0] != width(tree)[1]:
                raise Mistake("a look-behind must have a fixed width", frame.offset)
            if not ahead and width(tree)[1] == 0:  # it looks around here, not back
                return Look(tree, True, negative)
            return Look(tree, ahead, negative)
        return tree

    def _open(self) -> None:
        start = self.at
        if len(self.frames) > MAX_DEPTH:
            raise Mistake(f"groups nested more than {MAX_DEPTH} deep are not supported", start)
        if not self.text.startswith("(?", start):
            self._push("", start, start + 1, self.flags)
            return
        head = re.compile(r"\(\?(<=|<!|[:=!>#(]|P?<|P=|P>|R|&|\d)?").match(self.text, start)
        assert head is not None
        self._open_special(head[1] or "", start, head.end())

    def _push(self, kind: str, start: int, at: int, flags: Flags) -> None:
        self.frames.append(_Frame(kind, start, self.flags))
        self.flags = flags
        self.at = at

    def _open_special(self, kind: str, start: int, at: int) -> None:
        match kind:
            case ":":
                self._push("", start, at, self.flags)
            case "=" | "!" | "<=" | "<!":
                self._push(kind, start, at, self.flags)
            case ">" if not self.flags.ecma:
                self.ordered += 1
                self._push(kind, start, at, self.flags)
            case "#" if not self.flags.ecma:
                end = self.text.find(")", at)
                if end < 0:
                    raise Mistake("unclosed comment", start, ")")
                self.at = end + 1
            case "<" if self.flags.ecma:
                self._named(start, at)
            case "P<" if not self.flags.ecma:
                self._named(start, at)
            case "P=":
                refuse_reference(start)
            case "(" if not self.flags.ecma:
                raise Mistake("conditional groups are not supported: the language would not be regular", start)
            case _:
                self._flags(start)

    def _named(self, start: int, at: int) -> None:
        end = self.text.find(">", at)
        name = self.text[at:end]
        if end < 0 or not name.replace("$", "_" if self.flags.ecma else "$").isidentifier():
            raise Mistake("bad group name", at, "a name and >")
        if name in self.names and not self.flags.ecma:
            raise Mistake(f"a second group named {name!r}", at)
        self.names.add(name)
        self._push("", start, end + 1, self.flags)

    def _flags(self, start: int) -> None:
        """`(?i)` at the very beginning, or `(?i-s:...)` anywhere."""
        letters = "ims" if self.flags.ecma else "aimsux"
        match = re.compile(rf"\(\?([{letters}]*)(?:-([imsx]*))?([:)])").match(self.text, start)
        if match is None or not (match[1] or match[2]) or match[2] == "" or set(match[1]) & set(match[2] or ""):
            raise Mistake("unknown group syntax", start, "(?:", "(?=", "(?!", "(?<=", "(?<!", "(?flags:")
        if {"a", "u"} <= set(match[1]) or (match[3] == ")" and match[2]):
            raise Mistake("these flags cannot stand together", start)
        flags = self._changed(match[1], match[2] or "")
        if match[3] == ":":
            self._push("", start, match.end(), flags)
            return
        if len(self.frames) > 1 or self.frames[0].items or self.frames[0].alternatives:
            raise Mistake("flags for the whole pattern must stand at its beginning", start, "(?flags:")
        self.flags = flags
        self.at = match.end()

    def _changed(self, on: str, off: str) -> Flags:
        changes = {_FLAG_NAMES[letter]: True for letter in on if letter in _FLAG_NAMES}
        changes |= {_FLAG_NAMES[letter]: False for letter in off}
        if "a" in on or "u" in on:
            changes["ascii"] = "a" in on
        return self.flags._replace(**changes)


def _encodable(text: str) -> bool:
    return text.isascii() or not re.search("[\ud800-\udfff]", text)


def _pair(before: CodePoints, start: bool, after: CodePoints, end: bool) -> Tree:
    return series([Before(before, start), After(after, end)])


def _end_or_last_newline() -> Tree:
    """Python's `$` without MULTILINE: at the end, and before a newline that ends the text."""
    return either([_TEXT_END, Look(series([Text("\n"), _TEXT_END]), ahead=True, negative=False)])
