"""Fixtures for the benchmarks: their folder on the import path (as when a script is run), and a tiny tokenizer."""

import gzip
import json
import sys
from pathlib import Path

import pytest
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
sys.path.insert(0, str(BENCHMARKS))

MERGES = ["t r", "tr u", "tru e", "a b", "ab c", '" :', '" ,', '" }', "1 2", '{ "']


def tiny_tokenizer() -> Tokenizer:
    """Byte-level BPE: the 256 bytes, a few merges, one end token."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    words = alphabet + [merge.replace(" ", "") for merge in MERGES]
    pairs = [tuple(merge.split(" ")) for merge in MERGES]
    tokenizer = Tokenizer(models.BPE({word: index for index, word in enumerate(words)}, pairs))
    split = pre_tokenizers.Split(Regex(r"\w+|\W+"), "isolated")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([split, pre_tokenizers.ByteLevel(False, use_regex=False)])
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(["<|eot_id|>"])
    return tokenizer


@pytest.fixture(scope="session")
def tokenizer_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tokenizer") / "llama3.tokenizer.json"
    tiny_tokenizer().save(str(path))
    return path


ROWS = [
    {
        "id": "one",
        "dataset": "small",
        "schema": {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]},
        "tests": [{"data": {"a": 12}, "valid": True}, {"data": {"a": "12"}, "valid": False}],
    },
    {
        "id": "two",
        "dataset": "small",
        "schema": {"enum": ["abc", "true"]},
        "tests": [{"data": "abc", "valid": True}, {"data": "ab", "valid": False}, {"data": "true", "valid": False}],
    },
    {"id": "three", "dataset": "other", "schema": {"type": "boolean"}, "tests": [{"data": True, "valid": True}]},
]


@pytest.fixture(scope="session")
def small_data(tokenizer_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with three schemas; one label is wrong on purpose (`two`, test 2)."""
    folder = tmp_path_factory.mktemp("data")
    (folder / "maskbench").mkdir()
    (folder / "tokenizers").mkdir()
    (folder / "tokenizers/llama3.tokenizer.json").write_bytes(tokenizer_file.read_bytes())
    lines = "".join(json.dumps(row) + "\n" for row in ROWS)
    (folder / "maskbench/dev.jsonl.gz").write_bytes(gzip.compress(lines.encode()))
    return folder
