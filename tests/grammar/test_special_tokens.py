"""Special tokens: allowed exactly where a constraint demands one by its name, and nowhere else, in any vocabulary."""

from __future__ import annotations

import copy
import pickle
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latticework.grammar import (
    CompiledGrammar,
    Compiler,
    Constraint,
    GrammarError,
    Matcher,
    TagValue,
    TokenRejected,
    UnsatisfiableSchemaError,
    Vocabulary,
    VocabularyError,
    choice,
    either,
    free_text,
    json_schema,
    lark,
    reasoning,
    regex,
    repeat,
    sequence,
    special_token,
    tags,
    tool_calls,
    until,
)
from latticework.grammar.ir import Choice, Grammar, Node, Sequence, SpecialToken, Terminal, TextSet
from latticework.grammar.special_tokens import written_bytes
from latticework.grammar.tool_formats import styles, tool_format

BYTES = [bytes([value]) for value in range(256)]
# What looks like a special token or a part of one, but is none.
DISGUISED = [b"<a>", b"<", b"a>", b"\xff<a>\xff", b"\xff<a>", b">\xff", b"\xff\xff", b"a\xff", b"ab", b"a<a>"]
NAMES = ["<a>", "<a>b", "ab", "<c>"]  # one begins another, one is spelled by letters; the last is in no vocabulary


def with_special(tokens: list[bytes], names: list[str]) -> Vocabulary:
    """These tokens, then the special ones, then the end token."""
    ids = {name: len(tokens) + index for index, name in enumerate(names)}
    return Vocabulary([*tokens, *[None] * len(names), None], [len(tokens) + len(names)], special_tokens=ids)


def allowed(automaton: CompiledGrammar, state: int) -> set[int]:
    return set(automaton.allowed_tokens(state))


# ---------------------------------------------------------------------------------- small languages, by brute force

VOCABULARIES = {
    "every byte": with_special([*BYTES, *DISGUISED], NAMES[:3]),
    "few letters": with_special([b"a", b"<", b"b>", b"ab", *DISGUISED], NAMES[:3]),
    "no special token": with_special([*BYTES, *DISGUISED], []),
    "one special token": with_special([b"a", b"b", *DISGUISED], NAMES[1:2]),
}
STAND_INS = {name: chr(0xE000 + index) for index, name in enumerate(NAMES)}  # what is one symbol is one character

NODES = st.recursive(
    st.sampled_from([SpecialToken(name) for name in NAMES])
    | st.lists(st.sampled_from(["", "a", "b", "ab", "<a>", "a<", ">"]), min_size=1, max_size=3, unique=True).map(
        lambda texts: Terminal(TextSet(tuple(texts)))
    ),
    lambda inner: (
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: Sequence(tuple(parts)))
        | st.lists(inner, min_size=1, max_size=3).map(lambda parts: Choice(tuple(parts)))
    ),
    max_leaves=7,
)


def words(node: Node, known: set[str]) -> set[str]:
    """The language of a node, with one character for each special token."""
    match node:
        case SpecialToken(name):
            return {STAND_INS[name]} if name in known else set()
        case Terminal(TextSet(texts)):
            return set(texts)
        case Choice(parts):
            return set().union(*(words(part, known) for part in parts))
        case Sequence(parts):
            found = {""}
            for part in parts:
                found = {left + right for left in found for right in words(part, known)}
            return found
    raise AssertionError(node)


def symbols(vocabulary: Vocabulary) -> dict[int, str]:
    """What each token adds to a word; what is not UTF-8 adds to none."""
    found = {token_id: STAND_INS[name] for name, token_id in vocabulary.special_tokens.items()}
    for token_id in range(vocabulary.size):
        data = vocabulary.token_bytes(token_id)
        if data and data.isascii():
            found[token_id] = data.decode()
    return found


@pytest.mark.parametrize("name", sorted(VOCABULARIES))
@given(node=NODES)
def test_masks_are_the_truth(name: str, node: Node) -> None:
    vocabulary = VOCABULARIES[name]
    language, tokens = words(node, set(vocabulary.special_tokens)), symbols(vocabulary)
    beginnings = {word[:length] for word in language for length in range(len(word) + 1)}
    alive = set(language)  # beginnings that tokens can complete, the longest first
    for begun in sorted(beginnings, key=len, reverse=True):
        if any(begun + symbol in alive for symbol in tokens.values()):
            alive.add(begun)
    try:
        automaton = Compiler(vocabulary, cache_size=0).compile(Grammar(node))
    except (UnsatisfiableSchemaError, VocabularyError):
        assert "" not in alive
        return
    assert "" in alive
    waiting, met = [("", automaton.start)], {""}
    while waiting:
        begun, state = waiting.pop()
        right = {token_id for token_id, symbol in tokens.items() if begun + symbol in alive}
        ends = set(vocabulary.eos_token_ids) if begun in language else set()
        assert allowed(automaton, state) == right | ends, begun
        for token_id in right:
            after = begun + tokens[token_id]
            if after not in met:
                met.add(after)
                waiting.append((after, automaton.step(state, token_id)))


# ------------------------------------------------------------------------- constraints that do not ask for any of them

ORDINARY: dict[str, Constraint] = {
    "any text": free_text(),
    "free text": free_text(["<a>", "stop"]),
    "until": until("</x>"),
    "regex": regex(r"[^a-z]*(?:.|\n)*"),
    "complement": regex(r"(?!<a>)(?s:.{0,40})"),
    "json": json_schema(True),
    "strings": json_schema({"type": "array", "items": {"type": "string", "not": {"enum": ["<a>", "ab"]}}}),
    "lark": lark('start: (WORD | "<a>")+\nWORD: /[^< ]+/\n%ignore " "'),
    "tags": tags([("<a>", json_schema({"type": "string"}), "</a>")]),
    "tools": tool_calls([{"name": "ab"}], style="openai"),
}


@pytest.mark.parametrize("name", sorted(ORDINARY))
def test_ordinary_constraints_allow_none(name: str) -> None:
    tokens = [*BYTES, *DISGUISED, "é<".encode(), b'"<a>', b"\xc3", b"\xbf", b"\xf4\x8f\xbf", b'", "']
    special, plain = with_special(tokens, NAMES[:3]), Vocabulary([*tokens, None, None, None, None], [len(tokens) + 3])
    marked = {*special.special_tokens.values(), *(i for i, data in enumerate(tokens) if b"\xff" in data)}
    here, there = (Compiler(vocabulary).compile(ORDINARY[name]) for vocabulary in (special, plain))
    rng = random.Random(name)
    for _ in range(20):
        state, other = here.start, there.start
        for _ in range(30):
            mask = allowed(here, state)
            assert mask == allowed(there, other)
            assert not mask & marked
            assert here.next_bytes(state) == there.next_bytes(other)
            if not (following := sorted(mask - set(special.eos_token_ids))):
                break
            token_id = rng.choice(following)
            state, other = here.step(state, token_id), there.step(other, token_id)


def test_free_text_up_to_a_special_token() -> None:
    """The masks of long runs come from slices of the vocabulary; the special token must not be lost among them."""
    vocabulary = with_special([*BYTES, *DISGUISED, b"word ", "é日".encode()], NAMES[:3])
    special, end = vocabulary.special_tokens["<a>"], vocabulary.eos_token_ids[0]
    made = sequence(free_text(), special_token("<a>"), regex("[0-9]+"), either(special_token("ab"), free_text("x")))
    plain = Compiler(vocabulary).compile(free_text())
    automaton = Compiler(vocabulary).compile(made)
    state, other = automaton.start, plain.start
    for _ in range(8):
        assert allowed(automaton, state) == allowed(plain, other) - {end} | {special}
        token_id = len(BYTES + DISGUISED)  # "word "
        state, other = automaton.step(state, token_id), plain.step(other, token_id)
    state = automaton.step(state, special)
    assert allowed(automaton, state) == set(range(ord("0"), ord("9") + 1))
    state = automaton.step(state, ord("7"))
    assert vocabulary.special_tokens["ab"] in allowed(automaton, state)
    assert special not in allowed(automaton, state)
    assert allowed(automaton, automaton.step(state, vocabulary.special_tokens["ab"])) == {end}


# -------------------------------------------------------------------------------------------------------- compositions


def test_alone_and_missing() -> None:
    compiler = Compiler(VOCABULARIES["one special token"])
    automaton = compiler.compile(special_token("<a>b"))
    matcher = Matcher(automaton)
    token_id = compiler.vocabulary.special_tokens["<a>b"]
    with pytest.raises(TokenRejected):
        matcher.accept_token(0)
    matcher.accept_token(token_id)
    assert matcher.is_accepting
    for missing in (special_token("<c>"), sequence("a", special_token("<c>")), repeat(special_token("<c>"), 1)):
        with pytest.raises(VocabularyError, match="no special token '<c>'"):
            compiler.compile(missing)
    assert compiler.compile(either("a", special_token("<c>"))).allowed_tokens(0) is not None
    assert special_token("<c>").parse("<c>") == "<c>"


@pytest.mark.parametrize("name", ["", "\ud800"])
def test_names(name: str) -> None:
    with pytest.raises(GrammarError):
        special_token(name)


def test_in_a_lark_grammar() -> None:
    made = lark('start: "x" CALL /[0-9]+/ | /[a-z ]+/\n%declare CALL', terminals={"CALL": special_token("<a>")})
    vocabulary = VOCABULARIES["every byte"]
    special = vocabulary.special_tokens["<a>"]
    automaton = Compiler(vocabulary).compile(made)
    state = automaton.step(automaton.start, ord("x"))
    assert allowed(automaton, state) & set(vocabulary.special_tokens.values()) == {special}
    assert allowed(automaton, automaton.step(state, special)) == set(range(ord("0"), ord("9") + 1))
    assert special not in allowed(automaton, automaton.step(state, ord("y")))


def test_tags() -> None:
    vocabulary = VOCABULARIES["every byte"]
    special, compiler = vocabulary.special_tokens, Compiler(vocabulary)
    made = tags([("<a>=", regex("[0-9]"), "ab"), ("<n>", choice(["z"]), "")], special_tokens=["<a>", "ab"])
    automaton = compiler.compile(made)
    for beginning in ("", "why <", "x<n>z and "):
        state = automaton.step_bytes(automaton.start, beginning.encode())
        assert allowed(automaton, state) & set(special.values()) == {special["<a>"]}
        state = automaton.step(state, special["<a>"])
        assert allowed(automaton, state) == {ord("=")}
        state = automaton.step_bytes(state, b"=5")
        assert special["ab"] in allowed(automaton, state)
        assert automaton.is_accepting(automaton.step(state, special["ab"]))
        assert automaton.is_accepting(automaton.step_bytes(state, b"ab"))
    assert made.parse("why <a>=5ab") == ["why ", TagValue("<a>=", "5")]
    with pytest.raises(GrammarError, match="'<z>' stands neither"):
        tags([("<a>", "x", "")], special_tokens=["<z>"])
    inside = tags([("<t>", sequence(special_token("ab"), regex("[0-9]")), "")])
    assert inside.parse("a<t>ab5.") == ["a", TagValue("<t>", "ab5"), "."]


# ------------------------------------------------------------------------------------------------------ calls of tools

ARGUMENTS = {
    "type": "object",
    "properties": {"n": {"enum": [1, 2]}},
    "required": ["n"],
    "additionalProperties": False,
}
TOOLS = [{"name": "get", "parameters": ARGUMENTS}]
STYLES = [name for name in sorted(styles()) if tool_format(name).special]


def walk(automaton: CompiledGrammar, rng: random.Random) -> tuple[str, list[str]]:
    """A text in which every special token is written that can be, and their names."""
    vocabulary, state, written, names = automaton.vocabulary, automaton.start, bytearray(), []
    special = {token_id: name for name, token_id in vocabulary.special_tokens.items()}
    for _ in range(500):
        tokens = allowed(automaton, state) - set(vocabulary.eos_token_ids)
        if automaton.is_accepting(state) and (not tokens or rng.random() < 0.5):
            return written.decode(), names
        token_id = rng.choice(sorted(tokens & special.keys() or tokens))
        names += [special[token_id]] if token_id in special else []
        written += written_bytes(vocabulary, token_id)
        state = automaton.step(state, token_id)
    raise AssertionError(f"no end: {bytes(written)!r}")


@pytest.mark.parametrize("style", STYLES)
def test_tool_styles(style: str) -> None:
    form = tool_format(style)
    made = tool_calls(TOOLS, style=style, choice="required", schema_options={"whitespace": "compact"})
    automaton = Compiler(with_special(BYTES, list(form.special))).compile(made)
    used: set[str] = set()
    for seed in range(12):
        text, names = walk(automaton, random.Random(seed))
        used |= set(names)
        calls = made.parse(text).calls
        assert calls
        assert {call.name for call in calls} == {"get"}
        assert all(call.arguments in ({"n": 1}, {"n": 2}) for call in calls)
        assert any(names[0] in begin + form.call for begin in form.begin)
    assert used == set(form.special)


@pytest.mark.parametrize("style", STYLES)
def test_a_special_token_begins_calls_and_nothing_else(style: str) -> None:
    form = tool_format(style)
    vocabulary = with_special(BYTES, list(form.special))
    ids = vocabulary.special_tokens
    first = {name for name in form.special if any((begin + form.pieces[0]).startswith(name) for begin in form.begin)}
    assert first
    automaton = Compiler(vocabulary).compile(tool_calls(TOOLS, style=style))
    assert {name for name in ids if ids[name] in allowed(automaton, automaton.start)} == first
    said = automaton.step_bytes(automaton.start, b"Well, <")
    expected = first if form.text == "before" else set()
    assert {name for name in ids if ids[name] in allowed(automaton, said)} == expected
    without = Compiler(with_special(BYTES, [])).compile(tool_calls(TOOLS, style=style))
    assert allowed(without, without.start) == set(range(256)) & allowed(automaton, automaton.start) | {256}


def test_a_style_of_ones_own() -> None:
    table = {"call": "[T]{name}:{arguments}", "trigger": ["[T]"], "special": ["[T]"]}
    made = tool_calls(TOOLS, style=table, choice="required")
    vocabulary = with_special(BYTES, ["[T]"])
    automaton = Compiler(vocabulary).compile(pickle.loads(pickle.dumps(made)))
    assert allowed(automaton, automaton.start) == {256, ord("[")}
    with pytest.raises(GrammarError, match="special: '<T>' stands nowhere"):
        tool_calls(TOOLS, style=table | {"special": ["<T>"]})


def test_llama3(data_dir: Path) -> None:
    file = data_dir / "tokenizers" / "llama3.tokenizer.json"
    vocabulary = Vocabulary.from_tokenizers(file, ["<|eot_id|>", "<|eom_id|>"])
    assert vocabulary.special_tokens["<|python_tag|>"] == 128_010
    assert not {"<|eot_id|>", "<|eom_id|>"} & vocabulary.special_tokens.keys()
    special = set(vocabulary.special_tokens.values())
    compiler = Compiler(vocabulary)
    automaton = compiler.compile(tool_calls(TOOLS, style="llama3"))
    assert allowed(automaton, automaton.start) & special == {128_010}
    assert not allowed(automaton, automaton.step_bytes(automaton.start, b"I ")) & special
    assert not allowed(automaton, automaton.step(automaton.start, 128_010)) & special
    mixed = compiler.compile(tags([("<|python_tag|>", json_schema(True), "")], special_tokens=["<|python_tag|>"]))
    plain = compiler.compile(free_text("<|python_tag|>"))
    for said in ("", "Let me see:\n", "日本 and so on "):
        state = mixed.step_bytes(mixed.start, said.encode())
        there = allowed(plain, plain.step_bytes(plain.start, said.encode()))
        assert there < allowed(mixed, state)
        assert {vocabulary.token_bytes(token)[-2:] for token in allowed(mixed, state) - there} <= {b"", b"|>", b">"}
        assert allowed(mixed, state) & special == {128_010}
    thinking = compiler.compile(reasoning(json_schema(True)))
    assert not allowed(thinking, thinking.step_bytes(thinking.start, b"<think>so ")) & special


# -------------------------------------------------------------------------------------------------------- vocabularies


def test_bytes_and_names_of_tokens() -> None:
    tokens = [*BYTES, *DISGUISED]
    vocabulary = with_special(tokens, NAMES[:3])
    assert [vocabulary.token_bytes(token_id) for token_id in range(len(tokens))] == tokens
    assert [vocabulary.token_bytes(token_id) for token_id in vocabulary.special_tokens.values()] == [b""] * 3
    assert [written_bytes(vocabulary, i).decode() for i in vocabulary.special_tokens.values()] == NAMES[:3]
    for same in (pickle.loads(pickle.dumps(vocabulary)), copy.deepcopy(vocabulary)):
        assert same == vocabulary
        assert same.special_tokens == vocabulary.special_tokens
    assert with_special(tokens, [*NAMES[:2], "other"]) != vocabulary
    assert Vocabulary([*tokens, None, None, None, None], [len(tokens) + 3]) != vocabulary
    compiled = pickle.loads(pickle.dumps(Compiler(vocabulary).compile(special_token("<a>"))))
    assert compiled.allowed_tokens(compiled.start) == [vocabulary.special_tokens["<a>"]]


def test_ids_beyond_the_given_bytes_and_end_tokens() -> None:
    vocabulary = Vocabulary([b"a", None], [1], 40, {"<s>": 39, "</s>": 1})
    assert dict(vocabulary.special_tokens) == {"<s>": 39}
    automaton = Compiler(vocabulary).compile(sequence("a", special_token("<s>")))
    assert automaton.allowed_tokens(automaton.step(automaton.start, 0)) == [39]
    with pytest.raises(VocabularyError):
        Compiler(vocabulary).compile(special_token("</s>"))


@pytest.mark.parametrize(
    ("special", "error"),
    [
        ({"<s>": 9}, VocabularyError),
        ({"<s>": -1}, VocabularyError),
        ({"<s>": 0}, VocabularyError),
        ({"<s>": 1, "<t>": 1}, VocabularyError),
        ({"": 1}, VocabularyError),
        ({"<s>": "1"}, TypeError),
        ({b"<s>": 1}, TypeError),
    ],
)
def test_wrong_special_tokens(special: dict[str, int], error: type[Exception]) -> None:
    with pytest.raises(error):
        Vocabulary([b"a", None, None], [2], special_tokens=special)


def test_an_error_names_half_a_character_and_a_special_token_that_nothing_can_follow() -> None:
    with pytest.raises(VocabularyError, match=r"begins with '\\xc3'"):
        Compiler(Vocabulary([b"a", None], [1])).compile(regex("[éè]"))
    with pytest.raises(VocabularyError, match=r"begins with '.*<s>"):
        Compiler(Vocabulary([b"a", None, None], [1], special_tokens={"<s>": 2})).compile(
            sequence(special_token("<s>"), "b")
        )
