"""Forced drafts: the tokens that the tokenizer would write, whatever comes next."""

from __future__ import annotations

import gzip
import json
import random
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest
from draft_rows import paths, proposed, row_of, walk, write
from hypothesis import given
from hypothesis import strategies as st
from tiny_models import make_tokenizer
from tokenizer_samples import byte_fallback_tokenizer, unigram_tokenizer
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

import latticework as lw
from latticework.decoding.compilers import compiler_for
from latticework.decoding.draft_forced import ForcedDrafts, canonical_forced_tokens
from latticework.decoding.draft_names import DRAFTERS, drafters_for
from latticework.decoding.drafting import Drafts, Observed
from latticework.decoding.healing import TokenPrefixes, unhealed_length
from latticework.decoding.likely_texts import LikelyTexts
from latticework.decoding.retokenise import canonical_tokens

WORDS = (
    "order orderId orderName order_id name names first_name last_name id identifier user users user_name email age city "
    "cities country price prices total total_price amount status state created created_at updated_at description title "
    "type types items item_count address street zip zip_code phone is_active active enabled latitude longitude quantity"
).split()
VALUES = (
    "red green greenish blue Anna Annabel Berlin Bern open opened closed shipped pending x-small small 2024-01".split()
)


def random_schema(rng: random.Random, depth: int = 0) -> dict:
    properties: dict = {}
    for name in rng.sample(WORDS, rng.randint(1, 5)):
        kinds = ["string", "integer", "boolean", "enum", "const"] + ["object", "array"] * (depth < 2)
        kind = rng.choice(kinds)
        if kind == "enum":
            properties[name] = {"enum": rng.sample(VALUES, rng.randint(2, 3))}
        elif kind == "const":
            properties[name] = {"const": rng.choice(VALUES)}
        elif kind == "object":
            properties[name] = random_schema(rng, depth + 1)
        elif kind == "array":
            properties[name] = {"type": "array", "items": random_schema(rng, depth + 1), "minItems": 1, "maxItems": 2}
        else:
            properties[name] = {"type": kind}
    required = [name for name in properties if rng.random() < 0.8]
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def instance(rng: random.Random, schema: dict) -> object:
    if "enum" in schema:
        return rng.choice(schema["enum"])
    if "const" in schema:
        return schema["const"]
    match schema["type"]:
        case "object":
            chosen = [n for n in schema["properties"] if n in schema["required"] or rng.random() < 0.5]
            return {name: instance(rng, schema["properties"][name]) for name in chosen}
        case "array":
            return [instance(rng, schema["items"]) for _ in range(rng.randint(1, 2))]
        case "string":
            return rng.choice(VALUES + WORDS)
        case "integer":
            return rng.choice([0, 7, 12, 345, 2024])
        case _:
            return rng.random() < 0.5


@cache
def json_tokenizer() -> PreTrainedTokenizerFast:
    """A byte-level BPE of about 2,000 merges, trained on JSON like that of the schemas."""
    rng = random.Random(5)
    texts = [
        json.dumps(instance(rng, random_schema(rng)), separators=rng.choice([None, (",", ":")])) for _ in range(600)
    ]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=2300, special_tokens=["<eos>", "<call>"], initial_alphabet=alphabet, show_progress=False
    )
    prose = [" ".join(rng.choices(WORDS + VALUES, k=40)) for _ in range(400)]
    tokenizer.train_from_iterator([*texts, *prose], trainer)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<eos>", additional_special_tokens=["<call>"])


def spell(grammar, tokens) -> bytes:
    return b"".join(map(grammar.vocabulary.token_bytes, tokens))


class Runs:
    """Counts forced runs, and those that are not what the tokenizer makes of the complete text."""

    def __init__(self, look_back: int) -> None:
        self.look_back, self.runs, self.foreign, self.forced, self.tokens = look_back, 0, 0, 0, 0

    def follow(self, grammar, tokenizer, tokens: list[int]) -> None:
        """Generate a text whose canonical tokens are given, with forced runs where they come; each is judged."""
        states = [grammar.start]
        for token_id in tokens:
            states.append(grammar.step(states[-1], token_id))
        assert grammar.is_accepting(states[-1])
        place = 0
        self.tokens += len(tokens)
        while place < len(tokens):
            run = canonical_forced_tokens(grammar, states[place], tokenizer, tokens[:place], look_back=self.look_back)
            is_canonical = tuple(tokens[place : place + len(run)]) == run
            self.runs += bool(run)
            self.foreign += not is_canonical
            self.forced += len(run) if is_canonical else 0
            place += max(1, len(run) if is_canonical else 1)


def judge(cases, tokenizer) -> tuple[Runs, Runs]:
    """Forced runs with and without looking back over (grammar, text)."""
    healed, trusting = Runs(4), Runs(0)
    for grammar, text in cases:
        tokens = canonical_tokens(tokenizer, grammar.vocabulary, b"", text.encode())
        if spell(grammar, tokens) == text.encode():
            healed.follow(grammar, tokenizer, tokens)
            trusting.follow(grammar, tokenizer, tokens)
    return healed, trusting


def test_no_foreign_run_on_generated_schemas():
    tokenizer, rng, cases = json_tokenizer(), random.Random(11), []
    for number in range(200):
        schema, layout = random_schema(rng), ("flexible", "compact")[number % 2]
        grammar = compiler_for(tokenizer).compile(lw.json_schema(schema, whitespace=layout))
        separators = (",", ":") if layout == "compact" else None
        cases.append((grammar, json.dumps(instance(rng, schema), separators=separators)))
    healed, trusting = judge(cases, tokenizer)
    assert healed.foreign == 0
    assert healed.runs > 1000 and healed.forced > 0.2 * healed.tokens
    assert trusting.foreign > 0.1 * trusting.runs


def real_cases(data_dir: Path, tokenizer, count: int, every: int, begin: int = 0):
    with gzip.open(data_dir / "maskbench" / "dev.jsonl.gz", "rt") as lines:
        for number, line in enumerate(lines):
            if number % every != begin or not count:
                continue
            case = json.loads(line)
            texts = [json.dumps(test["data"]) for test in case["tests"] if test["valid"]]
            try:
                grammar = compiler_for(tokenizer).compile(lw.json_schema(case["schema"]))
            except lw.ConstraintError:
                continue
            text = next((text for text in texts if len(text) < 600), "")
            after = grammar.step_bytes(grammar.start, text.encode())
            if text and after >= 0 and grammar.is_accepting(after):
                count -= 1
                yield grammar, text


def test_no_foreign_run_on_real_schemas(data_dir):
    tokenizer = json_tokenizer()
    healed, trusting = judge(real_cases(data_dir, tokenizer, 200, 31), tokenizer)
    assert healed.foreign == 0
    assert healed.runs > 500
    assert trusting.foreign > 0.1 * trusting.runs


@pytest.mark.parametrize(
    ("name", "end"), [("llama3", "<|eot_id|>"), ("phi3-mini", "<|endoftext|>"), ("phi2", "<|endoftext|>")]
)
def test_real_tokenizers(data_dir, name, end):
    path = data_dir / "tokenizers" / f"{name}.tokenizer.json"
    tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(path), eos_token=end)
    healed, trusting = judge(real_cases(data_dir, tokenizer, 25, 37, 3), tokenizer)
    assert healed.foreign == 0
    assert healed.runs > 50 and healed.forced > 100
    assert trusting.foreign > 0.1 * trusting.runs


# ------------------------------------------------------------------------------------------------------------- the cut


def test_a_key_that_may_go_on_is_given_back():
    tokenizer = json_tokenizer()
    names = {"orderId": {"type": "integer"}, "orderName": {"type": "integer"}}
    either = {"type": "object", "properties": names, "minProperties": 1, "additionalProperties": False}
    grammar = compiler_for(tokenizer).compile(lw.json_schema(either, whitespace="compact"))
    text = b'{"order'
    assert grammar.forced_bytes(grammar.start) == text
    trusting = canonical_forced_tokens(grammar, grammar.start, tokenizer, [], look_back=0)
    assert spell(grammar, trusting) == text
    healed = canonical_forced_tokens(grammar, grammar.start, tokenizer, [])
    whole = tokenizer('{"orderId":1}', add_special_tokens=False)["input_ids"]
    assert list(healed) == whole[: len(healed)] and list(trusting) != whole[: len(trusting)]


@given(
    st.lists(st.text("abc", min_size=1, max_size=4), min_size=1, max_size=30), st.text("abc", min_size=1, max_size=4)
)
def test_goes_beyond_is_what_brute_force_says(words, beginning):
    vocabulary = lw.Vocabulary([*(word.encode() for word in words), b"a", b"b", b"c", None], [len(words) + 3])
    grammar = lw.Compiler(vocabulary).compile(lw.regex("(ab|c)*b?"))
    for state in {grammar.start, grammar.step_bytes(grammar.start, b"a"), grammar.step_bytes(grammar.start, b"b")}:
        tokens = {vocabulary.token_bytes(token_id) for token_id in range(vocabulary.size)}
        rests = [data[len(beginning) :] for data in tokens if data.startswith(beginning.encode())]
        expected = any(rest and grammar.step_bytes(state, rest) >= 0 for rest in rests)
        assert TokenPrefixes(vocabulary).goes_beyond(grammar, state, beginning.encode()) == expected


def test_many_longer_tokens_are_searched_byte_by_byte():
    words = [f"a{first}{second}".encode() for first in "bcdefgh" for second in "ijklmn"]
    vocabulary = lw.Vocabulary([b"a", *words, *(bytes([byte]) for byte in range(98, 123)), None], [len(words) + 26])
    for pattern, expected in (("a(bi|z)", True), ("a(bz|zi)", False), ("a(gn|x)?", True), ("a", False)):
        grammar = lw.Compiler(vocabulary).compile(lw.regex(pattern))
        state = grammar.step_bytes(grammar.start, b"a")
        assert TokenPrefixes(vocabulary).goes_beyond(grammar, state, b"a") == expected


def test_look_back_ends_where_it_says():
    """A token that begins three tokens back is seen from three, not from two."""
    vocabulary = lw.Vocabulary([b"a", b"b", b"c", b"d", b"abcd", None], [5])
    grammar = lw.Compiler(vocabulary).compile(lw.regex("abc[dx]?"))
    lengths = [unhealed_length(grammar, grammar.start, [b"a", b"b", b"c"], look_back) for look_back in range(5)]
    assert lengths == [3, 3, 3, 0, 0]


# ------------------------------------------------------------------------------------------------------- from bytes to ids

TOKENIZERS = {
    "byte level": make_tokenizer,
    "byte fallback": lambda: PreTrainedTokenizerFast(tokenizer_object=byte_fallback_tokenizer(), eos_token="<unk>"),
    "unigram": lambda: PreTrainedTokenizerFast(tokenizer_object=unigram_tokenizer(), eos_token="<end>"),
}


@cache
def sample(kind: str):
    tokenizer = TOKENIZERS[kind]()
    return tokenizer, lw.Vocabulary.from_huggingface(tokenizer)


@pytest.mark.parametrize("kind", TOKENIZERS)
@given(st.text(max_size=8), st.text(max_size=12), st.integers(0, 3))
def test_tokens_spell_the_text_or_its_beginning(kind, before, text, cut):
    tokenizer, vocabulary = sample(kind)
    data = text.encode()
    data = data[: len(data) - cut]
    found = b"".join(map(vocabulary.token_bytes, canonical_tokens(tokenizer, vocabulary, before.encode(), data)))
    assert data.startswith(found)
    if kind == "byte level":
        assert found.decode() == data.decode(errors="ignore")  # all but the beginning of a character at the end


def test_the_context_decides_about_the_space_in_front():
    tokenizer, vocabulary = sample("byte fallback")
    names = [vocabulary.token_bytes(t) for t in canonical_tokens(tokenizer, vocabulary, b"", b"ab ab")]
    assert names == [b"ab", b" ab"]
    assert [vocabulary.token_bytes(t) for t in canonical_tokens(tokenizer, vocabulary, b"b", b" ab")] == [b" ab"]


def test_a_border_inside_a_token_leaves_the_text_to_itself():
    tokenizer = json_tokenizer()
    vocabulary = compiler_for(tokenizer).vocabulary
    assert len(tokenizer("name", add_special_tokens=False)["input_ids"]) == 1
    alone = tokenizer("ame", add_special_tokens=False)["input_ids"]
    assert canonical_tokens(tokenizer, vocabulary, b"n", b"ame") == alone


def test_half_characters_are_left_to_the_model():
    tokenizer, vocabulary = sample("byte level")
    grammar = lw.Compiler(vocabulary).compile(lw.choice(["zé", "zè"]))
    assert grammar.forced_bytes(grammar.start) == "zé".encode()[:-1]
    assert spell(grammar, canonical_forced_tokens(grammar, grammar.start, tokenizer, [])) == b"z"
    inside = grammar.step_bytes(grammar.start, "zé".encode()[:-1])
    assert canonical_forced_tokens(grammar, inside, tokenizer, []) == ()


def test_special_tokens_are_forced_by_their_names():
    tokenizer = json_tokenizer()
    call, compiler = lw.special_token("<call>"), compiler_for(tokenizer)
    grammar = compiler.compile(lw.sequence("the name", call, "order", lw.choice([" 1", " 2"])))
    tokens = canonical_forced_tokens(grammar, grammar.start, tokenizer, [])
    special = tokenizer.convert_tokens_to_ids("<call>")
    before, behind = tokens[: tokens.index(special)], tokens[tokens.index(special) + 1 :]
    assert spell(grammar, before) == b"the name"
    assert list(behind) == tokenizer("order ", add_special_tokens=False)["input_ids"]
    both = compiler.compile(lw.either(lw.sequence("ab", call), lw.sequence("ab", call, "c")))
    assert canonical_forced_tokens(both, both.start, tokenizer, [])[-1] == special


# ------------------------------------------------------------------------------------------------------------ the drafter


def test_drafts_follow_the_grammar_to_the_values():
    tokenizer = json_tokenizer()
    schema = {"type": "object", "properties": {"name": {"const": "Anna"}, "age": {"type": "integer"}}}
    constraint = lw.json_schema(schema | {"required": ["name", "age"]}, whitespace="compact")
    grammar = compiler_for(tokenizer).compile(constraint)
    tree = proposed(ForcedDrafts(tokenizer), row_of(grammar))
    written = [spell(grammar, tokens) for tokens in paths(tree)]
    assert max(written, key=len).startswith(b'{"name":"Anna","age"')
    assert not any(tree.sure)


def test_canonical_mode_is_sure_of_what_is_forced_where_the_row_stands():
    tokenizer = json_tokenizer()
    grammar = compiler_for(tokenizer).compile(lw.regex('name: "[a-z]{1,5}" of the cities'))
    row = row_of(grammar)
    forced = canonical_forced_tokens(grammar, grammar.start, tokenizer, row.token_ids)
    tree = proposed(Drafts([ForcedDrafts(tokenizer, canonical=True)], nodes=0), row)
    assert tuple(token_id for token_id, sure in zip(tree.token_ids, tree.sure, strict=True) if sure) == forced
    assert forced
    walk(row, forced)
    assert not any(proposed(ForcedDrafts(tokenizer, canonical=True), row).sure[len(forced) :])


def test_small_choices_are_looked_into_and_learned():
    tokenizer = json_tokenizer()
    grammar = compiler_for(tokenizer).compile(lw.regex("the (name|price)"))
    drafter, row = ForcedDrafts(tokenizer), row_of(grammar, tokenizer("order")["input_ids"])
    tree = proposed(drafter, row)
    written = {spell(grammar, tokens): tree.reach(node) for tokens, node in paths(tree).items()}
    assert written[b"the name"] == pytest.approx(written[b"the price"])
    behind = tokenizer("the name", add_special_tokens=False)["input_ids"]
    for _ in range(20):
        drafter.observe(row, [Observed(0, left, right) for left, right in pairwise(behind)])
    tree = proposed(drafter, row)
    written = {spell(grammar, tokens): tree.reach(node) for tokens, node in paths(tree).items()}
    assert written[b"the name"] > 0.8 and b"the price" not in written


@given(st.integers(0, 10**6))
def test_likely_texts_are_allowed_and_not_more_than_certain(seed):
    rng = random.Random(seed)
    grammar = compiler_for(json_tokenizer()).compile(lw.json_schema(random_schema(rng)))
    likely = LikelyTexts()
    likely.learn(b"", json.dumps(instance(rng, random_schema(rng))).encode())
    found = likely.find(grammar, grammar.start, b"")
    assert found and sum(chance for _, chance in found) <= 1 + 1e-9
    assert len({text for text, _ in found}) == len(found)
    for text, _ in found:
        assert text.startswith(grammar.forced_bytes(grammar.start))
        assert grammar.step_bytes(grammar.start, text) >= 0


def test_states_that_are_dropped_meanwhile_cost_a_draft_and_nothing_else():
    tokenizer, rng = json_tokenizer(), random.Random(3)
    compiler = lw.Compiler(compiler_for(tokenizer).vocabulary, limits=lw.Limits(grammar_bytes=1))
    collections = passes = written = 0
    for _ in range(12):
        schema = random_schema(rng)
        grammar = compiler.compile(lw.json_schema(schema))
        text = json.dumps(instance(rng, schema))
        tokens = [*tokenizer(text, add_special_tokens=False)["input_ids"], tokenizer.eos_token_id]
        row = row_of(grammar, [5], remaining=len(tokens))
        drafts = Drafts(drafters_for(DRAFTERS, tokenizer))
        out, count = write(drafts, row, lambda text, allowed, tokens=tokens: [tokens[len(text) - 1]])
        assert out == tokens
        passes, written = passes + count, written + len(tokens)
        collections += grammar.statistics()["collections"]
    assert collections > 12 and passes < 0.8 * written


def test_a_negative_look_back_is_refused():
    with pytest.raises(ValueError, match="look_back=-1"):
        ForcedDrafts(None, look_back=-1)
