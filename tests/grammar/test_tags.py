"""Tags in free text against a reader that searches with `str` alone, on every short text."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_languages import accepts, check, texts

from latticework.grammar import Compiler, Constraint, GrammarError, Vocabulary, choice, json_schema, regex
from latticework.grammar.composition import repeat
from latticework.grammar.composition_texts import free_text
from latticework.grammar.tags import Tag, tags
from latticework.grammar.tags_reading import TagValue

Ends = Callable[[str, int], Iterator[int]]  # where what begins at a place of a text may end


def among(*texts: str) -> Ends:
    return lambda text, start: (start + len(one) for one in texts if text.startswith(one, start))


@dataclass
class Reader:
    """The same language, read with plain searches: tags as (begin, texts of the content, end)."""

    tags: Sequence[tuple[str, Sequence[str], str]]
    triggers: Sequence[str]
    at_least: int = 0
    at_most: int | None = None
    gaps: tuple[Any, Any, Any] = (True, True, True)
    known: dict[tuple[int, int], bool] = field(default_factory=dict)

    def takes(self, text: str) -> bool:
        before, _, _ = self.gaps
        return (self.at_least == 0 and len(text) in self.free(before)(text, 0)) or self.after(text, 0, 0)

    def after(self, text: str, start: int, count: int) -> bool:
        """Whether the rest is right behind `count` tags; a tag comes next unless there are enough."""
        enough = count > 0 and count >= self.at_least
        if enough and len(text) in self.free(self.gaps[2])(text, start):
            return True
        if self.at_most is not None and count >= self.at_most:
            return False
        gap = self.gaps[1 if count else 0]
        return any(
            self.after(text, end, count + 1) for place in self.places(gap, text, start) for end in self.tag(text, place)
        )

    def places(self, gap: Any, text: str, start: int) -> set[int]:
        """Where a tag may begin."""
        if gap is not True:
            return set(self.free(gap)(text, start))
        ends = [end for end in range(start, len(text) + 1) if any(text[start:end].endswith(t) for t in self.triggers)]
        return {ends[0] - len(t) for t in self.triggers if ends and text[start : ends[0]].endswith(t)}

    def tag(self, text: str, start: int) -> set[int]:
        return {
            start + len(begin + one + end)
            for begin, content, end in self.tags
            for one in content
            if text.startswith(begin + one + end, start)
        }

    def free(self, gap: Any) -> Ends:
        if gap is True:
            return lambda text, start: (
                end for end in range(start, len(text) + 1) if not any(t in text[start:end] for t in self.triggers)
            )
        return among("") if gap is False else among(gap)


def compare(reader: Reader, alphabet: str, most: int, slack: int) -> None:
    before, between, after = reader.gaps
    made = tags(
        [(begin, choice(list(content)), end) for begin, content, end in reader.tags],
        reader.triggers,
        at_least=reader.at_least,
        at_most=reader.at_most,
        before=before,
        between=between,
        after=after,
    )
    check(made, reader.takes, alphabet, most, slack)
    for text in texts(alphabet, most - 3):
        check_reading(made, reader, text)


def check_reading(made: Constraint, reader: Reader, text: str) -> None:
    """The pieces are the text, and each is what it says; where there are none, the text is wrong."""
    if not reader.takes(text):
        with pytest.raises(ValueError, match="no reading"):
            made.parse(text)
        return
    pieces = made.parse(text)
    found = [piece for piece in pieces if isinstance(piece, TagValue)]
    assert len(found) >= reader.at_least
    assert reader.at_most is None or len(found) <= reader.at_most
    ways = [""]
    for piece in pieces:
        if isinstance(piece, TagValue):
            ends = {end for begin, content, end in reader.tags if begin == piece.begin and piece.value in content}
            ways = [way + piece.begin + piece.value + end for way in ways for end in ends]
        else:
            assert True not in reader.gaps or not all(reader.gaps) or not any(t in piece for t in reader.triggers)
            ways = [way + piece for way in ways]
    assert text in ways


ONE = [("<a", ["b", "bb", ""], ">")]
TWO = [("<a", ["b", ""], ">"), ("<b", ["a", "<a"], ">")]
MANY = [(f"<{letter}", ["b", ""], ">") for letter in "abcdefghijkl"]
OVERLAPPING = [("aba", ["b", "a"], "b"), ("abab", ["a"], "")]


@pytest.mark.parametrize(
    ("written", "triggers"),
    [
        (ONE, ["<a"]),
        (ONE, ["<"]),
        (TWO, ["<"]),
        (TWO, ["<a", "<b"]),
        (TWO, ["<a", "<b", "<"]),
        (OVERLAPPING, ["aba"]),
        (OVERLAPPING, ["ab"]),
        ([("aa", ["b"], "a")], ["aa"]),
        (MANY, [begin for begin, _, _ in MANY]),
        ([("aa>", ["b"], "a"), (">a", ["", "b"], "b")], ["aa>", ">a"]),
    ],
)
@pytest.mark.parametrize(("at_least", "at_most"), [(0, None), (1, None), (0, 1), (1, 2), (2, 2), (0, 0)])
def test_tags_are_exact(written: Any, triggers: list[str], at_least: int, at_most: int | None) -> None:
    longest = max(len(begin + end) + max(map(len, content)) for begin, content, end in written)
    compare(Reader(written, triggers, at_least, at_most), "<ab>", 7, longest * max(at_least, 1))


@pytest.mark.parametrize(
    "gaps", [(b, m, a) for b in (True, False, "ab") for m in (True, False, "a") for a in (True, False, "b")]
)
@pytest.mark.parametrize("at_least", [0, 1])
def test_what_stands_around_tags(gaps: Any, at_least: int) -> None:
    compare(Reader([("<", ["a", ""], ">")], ["<"], at_least, None, gaps), "<ab>", 6, 5)


@given(st.data())
def test_random_tags(data: st.DataObject) -> None:
    word = st.text("ab", min_size=1, max_size=3)
    begins = data.draw(st.lists(word, min_size=1, max_size=3, unique=True))
    triggers = [begin[: data.draw(st.integers(1, len(begin)))] for begin in begins]
    content = st.lists(st.text("abc", max_size=2), min_size=1, max_size=2, unique=True)
    written = [(begin, data.draw(content), data.draw(st.text("abc", max_size=2))) for begin in begins]
    reader = Reader(written, triggers, data.draw(st.integers(0, 1)), data.draw(st.none() | st.integers(1, 2)))
    try:
        compare(reader, "abc", 7, 7 * max(reader.at_least, 1))
    except GrammarError:
        needed = [t for t in triggers if not any(t.startswith(o) for o in triggers if o != t)]
        assert any(o in t[1:] for t in triggers for o in needed), "refused without a reason"


def test_a_tag_may_hold_anything(byte_vocabulary: Vocabulary) -> None:
    tool = json_schema({"type": "object", "properties": {"x": {"type": "string"}}, "additionalProperties": False})
    made = tags([Tag("<call>", tool, "</call>")], ["<call"], at_least=1)
    automaton = Compiler(byte_vocabulary).compile(made)
    assert accepts(automaton, 'é < <cal <call>{"x": "</call> <call>"}</call> and <call>{}</call>')
    assert not accepts(automaton, "no tag, <b>")
    assert not accepts(automaton, "<call>{}</call> <call")


def test_nested_tags(byte_vocabulary: Vocabulary) -> None:
    inner = tags([("[", regex("[0-9]+"), "]")], before=False, after=False, between=",")
    automaton = Compiler(byte_vocabulary).compile(
        tags([("<", inner, ">"), ("{", repeat("ab"), "}")], stop_after_first=True)
    )
    assert accepts(automaton, "text <[1],[23]>")
    assert accepts(automaton, "text {abab}")
    assert accepts(automaton, "text <>")
    for text in ("text <[1][23]>", "<[]>", "{aba}", "<> more", "<><>"):
        assert not accepts(automaton, text)


def test_values() -> None:
    one = [("<a>", regex("[0-9]"), "</a>")]
    made = [
        tags(one), tags(one, ["<"]), tags(one, at_least=1), tags(one, at_most=1), tags(one, before=False),
        tags(one, between=False), tags(one, after=False), tags(one, stop_after_first=True),
        tags([("<a>", regex("[0-8]"), "</a>")]), tags([("<b>", regex("[0-9]"), "</a>")]),
        tags([("<a>", regex("[0-9]"), "</b>")]), tags([*one, *one]), free_text(["<a>"]),
    ]  # fmt: skip
    assert len({constraint.key for constraint in made}) == len(set(made)) == len(made)
    assert tags(one) == tags([Tag("<a>", regex("[0-9]"), "</a>")], ["<a>"])
    assert tags(one).parse("text <a>1</a>") == ["text ", TagValue("<a>", "1")]
    assert isinstance(made[0], Constraint)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (([],), GrammarError, "empty"),
        (([("", "x", "")],), GrammarError, r"tags\[0\]: begin"),
        (([("a", "x")],), TypeError, r"tags\[0\]"),
        (([("a", 1, "x")],), TypeError, "content"),
        (([("a", "x", 1)],), TypeError, "end"),
        (([("a", "x", "\ud800")],), GrammarError, "surrogate"),
        (([("ab", "x", "")], ["b"]), GrammarError, "none of the triggers"),
        (([("ab", "x", "")], ["ab", "c"]), GrammarError, "no tag begins with the trigger 'c'"),
        (([("ab", "x", ""), ("b", "x", "")],), GrammarError, "lies inside"),
        (([("ab", "x", "")], "ab"), TypeError, "triggers"),
        (([("ab", "x", "")], [""]), GrammarError, "empty"),
    ],
)
def test_what_is_refused(arguments: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        tags(*arguments)


@pytest.mark.parametrize(
    "options", [{"at_least": 2, "at_most": 1}, {"at_least": -1}, {"at_least": 2, "stop_after_first": True}]
)
def test_wrong_bounds(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="at_"):
        tags([("a", "x", "")], **options)
