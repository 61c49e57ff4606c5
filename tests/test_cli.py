"""The command line, as a user and as a script meet it: output, messages, exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
from command_line import finding, run

ROOT = Path(__file__).resolve().parent.parent
PERSON = ROOT / "docs" / "examples" / "person.json"
ANA = '{"name": "Ana Lima", "age": 34, "city": "Porto", "email": "ana@example.com"}'


# ------------------------------------------------------------------------------------------------------------ help


@pytest.mark.parametrize("command", ["generate", "check", "inspect"])
def test_help_is_enough(command: str) -> None:
    code, out, _ = run(command, "--help")
    assert code == 0
    for words in ("Examples", "Exit codes", "--schema", "--regex", "--choice", f"latticework {command}"):
        assert words in out


def test_version() -> None:
    import latticework

    assert run("--version") == (0, f"latticework {latticework.__version__}\n", "")


# ----------------------------------------------------------------------------------------------------- the constraint


@pytest.mark.parametrize("command", ["generate", "check", "inspect"])
@pytest.mark.parametrize("options", [[], ["--regex", "a", "--choice", "b"], ["--schema", "{}", "--regex", "a"]])
def test_exactly_one_constraint(command: str, options: list[str]) -> None:
    code, out, err = run(command, *options, stdin="x")
    assert (code, out) == (2, "")
    assert "exactly one of --schema, --regex, --choice, --lark, --gbnf, --ebnf, --grammar and --tools" in err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--schema", "no-such-file.json"], "no-such-file.json"),
        (["--schema", '{"type": "strin"}'], "#/type"),
        (["--schema", '{"type": }'], "line 1, column 10"),
        (["--schema", '{"not": {}}'], "UnsatisfiableSchemaError"),
        (["--schema", '{"properties": {"a": {"pattern": "(a)\\\\1"}}}'], "#/properties/a/pattern"),
        (["--regex", "a(b"], "GrammarSyntaxError"),
        (["--regex", r"(a)\1"], "line 1, column"),
        (["--choice", "a", "--choice", "a"], "stands in the list already"),
        (["--regex", "a", "--whitespace", "compact"], "only with --schema"),
    ],
)
def test_a_wrong_constraint_is_told_with_its_place(options: list[str], words: str) -> None:
    code, out, err = run("check", *options, "--text", "x")
    assert (code, out) == (2, "")
    assert words in err
    assert "Traceback" not in err


def test_usage_of_typer_has_the_same_code() -> None:
    assert run("check", "--no-such-option")[0] == 2


# -------------------------------------------------------------------------------------------------------------- check


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["--regex", "[a-z]+-[0-9]{3}"], "abc-123"),
        (["--choice", "yes", "--choice", "no"], "no"),
        (["--schema", str(PERSON)], ANA),
        (["--schema", '{"type": "string"}'], '"héllo 日本 \\u0041"'),
    ],
)
def test_check_accepts(options: list[str], text: str, tmp_path: Path) -> None:
    assert run("check", *options, "--text", text) == (0, "the text matches\n", "")
    assert run("check", *options, stdin=text + "\n")[0] == 0
    file = tmp_path / "text"
    file.write_text(text)
    assert run("check", *options, str(file))[0] == 0


def test_check_tells_the_place() -> None:
    found = finding("--schema", str(PERSON), "--text", '{"name": "Ana",\n "age": 2x')
    assert (found["offset"], found["line"], found["column"]) == (25, 2, 10)
    assert found["excerpt"] == ' "age": 2x\n         ^'
    assert found["reason"] == "this cannot stand here"


def test_check_tells_what_is_expected() -> None:
    found = finding("--choice", "red", "--choice", "green", "--choice", "grey", "--text", "blue")
    assert sorted(found["expected"]) == ["green", "grey", "red"]
    found = finding("--regex", "[0-9]{2}", "--text", "1")
    assert found["reason"] == "the text ends too early"
    assert found["expected"] == ["0 to 9"]
    found = finding("--regex", "[0-9]{2}", "--text", "123")
    assert found["reason"] == "the text should have ended here"
    assert found["expected"] == ["the end of the text"]


def test_check_shows_literals_of_a_schema() -> None:
    found = finding("--schema", '{"enum": [true, null, "x", 12]}', "--text", "[")
    assert sorted(found["expected"]) == sorted(["true", "null", '"x"', "12"])
    found = finding("--schema", str(PERSON), "--whitespace", "compact", "--text", "{}")
    assert found["expected"] == ['"name":"…']


def test_check_in_words() -> None:
    code, out, err = run("check", "--regex", "ab*c", "--text", "abx")
    assert (code, err) == (1, "")
    assert (
        out == "this cannot stand here: byte 2 (line 1, column 3)\n  abx\n    ^\nmatched: 'ab'\nexpected:\n  b\n  c\n"
    )


def test_check_counts_columns_in_characters_and_offsets_in_bytes() -> None:
    found = finding("--regex", "é+", "--text", "éé!")
    assert (found["offset"], found["column"]) == (4, 3)
    assert "é" in found["expected"][1] or "é" in found["expected"][0]


def test_check_takes_any_bytes(tmp_path: Path) -> None:
    file = tmp_path / "bytes"
    file.write_bytes(b'"\xff"')
    assert finding("--schema", '{"type": "string"}', str(file))["offset"] == 1


def test_check_notes_a_valid_value_in_another_order() -> None:
    schema = '{"properties": {"a": true, "b": true}, "required": ["a", "b"], "additionalProperties": false}'
    assert "--property-order" in finding("--schema", schema, "--text", '{"b": 1, "a": 2}')["note"]
    assert finding("--schema", schema, "--text", '{"b": 1}')["note"] == ""
    assert run("check", "--schema", schema, "--property-order", "any", "--text", '{"b": 1, "a": 2}')[0] == 0


def test_a_newline_at_the_end_is_the_files() -> None:
    assert run("check", "--regex", "a", stdin="a\n")[0] == 0
    assert run("check", "--regex", "a", "--keep-newline", stdin="a\n")[0] == 1
    assert run("check", "--regex", "a\n", "--keep-newline", stdin="a\n")[0] == 0
    assert run("check", "--regex", "a", "--text", "a\n")[0] == 1


def test_an_unreadable_text_is_a_usage_error() -> None:
    assert run("check", "--regex", "a", "no-such-file")[0] == 2
    assert run("check", "--schema", "-", stdin="{}")[0] == 2


# ------------------------------------------------------------------------------------------------------------ inspect


def inspection(*arguments: str) -> dict:
    code, out, err = run("inspect", "--json", *arguments)
    assert code == 0, err
    return json.loads(out)


@pytest.fixture(scope="module")
def ranks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A vocabulary of all bytes and two words, as a .tiktoken file."""
    import base64

    tokens = [*(bytes([value]) for value in range(256)), b"true", b"fal"]
    path = tmp_path_factory.mktemp("ranks") / "small.tiktoken"
    path.write_text("".join(f"{base64.b64encode(token).decode()} {rank}\n" for rank, token in enumerate(tokens)))
    return path


def test_inspect_follows_a_sample(ranks: Path) -> None:
    found = inspection("--schema", '{"type": "boolean"}', "--tokenizer", str(ranks), "--text", "true")
    assert found["vocabulary_size"] == 259
    assert [step["token"] for step in found["steps"]] == ["true", ""]
    assert [step["allowed"] for step in found["steps"]] == [4, 1]  # t, true, f, fal; then the end
    assert found["is_complete"]
    assert found["rejected_at"] is None
    assert found["statistics"]
    assert found["compile_ms"] > 0
    assert found["first_mask_ms"] > 0


def test_inspect_tells_forced_text(ranks: Path) -> None:
    found = inspection("--choice", "abcd", "--choice", "abce", "--tokenizer", str(ranks), "--text", "a")
    assert [step["forced"] for step in found["steps"]] == ["abc", "bc"]


def test_inspect_prints_tables(ranks: Path) -> None:
    code, out, _ = run("inspect", "--regex", "[ab]+", "--tokenizer", str(ranks), "--text", "ab")
    assert code == 0
    for words in ("vocabulary", "259 tokens", "time to first mask", "masks along the sample", "(end)"):
        assert words in out


def test_inspect_stops_where_the_sample_leaves(ranks: Path) -> None:
    code, out, err = run("inspect", "--json", "--regex", "a+", "--tokenizer", str(ranks), "--text", "aab")
    assert code == 1
    assert json.loads(out)["rejected_at"] == 2
    assert "after byte 2" in err


@pytest.mark.parametrize("name", ["missing.json", "missing.tiktoken", "missing.model"])
def test_a_missing_tokenizer_has_its_own_code(name: str) -> None:
    code, _, err = run("inspect", "--regex", "a", "--tokenizer", name)
    assert code == 3
    assert name in err


def test_a_broken_tokenizer_has_its_own_code(tmp_path: Path) -> None:
    for name, content in {"a.json": "{}", "b.tiktoken": "no ranks at all"}.items():
        (tmp_path / name).write_text(content)
        assert run("inspect", "--regex", "a", "--tokenizer", str(tmp_path / name))[0] == 3


def test_inspect_on_real_tokenizers(data_dir: Path) -> None:
    for name in ("llama3.tokenizer.json", "cl100k_base.tiktoken"):
        found = inspection("--schema", str(PERSON), "--tokenizer", str(data_dir / "tokenizers" / name), "--text", ANA)
        assert found["is_complete"]
        assert all(step["allowed"] > 0 for step in found["steps"])


# ----------------------------------------------------------------------------------------------------------- generate

PROMPT = ("--prompt", "Ana Lima is 34 years old and lives in Porto. Her email is ana@example.com.\nJSON: ")


def test_generate_gives_valid_json_alone_on_standard_output() -> None:
    code, out, _ = run("generate", "--schema", str(PERSON), *PROMPT)
    assert code == 0
    jsonschema.validate(json.loads(out), json.loads(PERSON.read_text()))


def test_generate_reads_the_prompt_from_standard_input() -> None:
    code, out, _ = run("generate", "--choice", "yes", "--choice", "no", stdin="Is the sky blue? ")
    assert code == 0
    assert out in {"yes\n", "no\n"}


def test_generate_streams_the_same_text() -> None:
    options = ("--schema", str(PERSON), *PROMPT, "--temperature", "0.9", "--seed", "3")
    assert run("generate", *options, "--stream")[:2] == run("generate", *options)[:2]


def test_generate_tells_everything_as_json() -> None:
    code, out, _ = run("generate", "--regex", "[0-9]{4}", *PROMPT, "--json")
    details = json.loads(out)
    assert code == 0
    assert details["value"] == details["text"]
    assert details["text"].isdigit()
    assert details["tokens"] == len(details["token_ids"])
    assert details["finish_reason"] in {"end", "complete"}


@pytest.mark.parametrize("stream", [[], ["--stream"], ["--json"]])
def test_a_cut_off_text_has_its_own_code(stream: list[str]) -> None:
    code, _, err = run("generate", "--schema", str(PERSON), *PROMPT, "--max-new-tokens", "3", "--no-finish", *stream)
    assert code == 1
    assert "--max-new-tokens" in err


def test_a_budget_that_is_too_small_is_told_before_anything_is_written() -> None:
    code, out, err = run("generate", "--schema", str(PERSON), *PROMPT, "--max-new-tokens", "3")
    assert (code, out) == (2, "")
    assert "max_new_tokens=3 is too small" in err


def test_drafts_do_not_change_the_text() -> None:
    texts = set()
    for drafts in (["none"], ["all"], ["copy", "counts"]):
        options = [part for name in drafts for part in ("--drafts", name)]
        code, out, err = run("generate", "--schema", str(PERSON), *PROMPT, "--json", *options)
        assert code == 0, err
        details = json.loads(out)
        texts.add(details["text"])
        assert (details["forward_passes"] < details["tokens"]) == (drafts != ["none"])
    assert len(texts) == 1
    assert run("generate", "--schema", str(PERSON), *PROMPT, "--drafts", "nonsense")[0] == 2


@pytest.mark.parametrize(
    "options",
    [["--seed", "1"], ["--stream", "--json"], ["--prompt", ""], ["--max-new-tokens", "0"], ["--temperature", "-1"]],
)
def test_options_that_make_no_sense(options: list[str]) -> None:
    assert run("generate", "--regex", "a", *(() if "--prompt" in options else PROMPT), *options)[0] == 2


def test_a_missing_model_has_its_own_code(tmp_path: Path) -> None:
    code, _, err = run("generate", "--regex", "a", *PROMPT, "--model", str(tmp_path))
    assert code == 3
    assert "cannot load the model" in err
