"""Choosing schemas is repeatable, and texts are MaskBench's."""

import json

import pytest
from corpus import cases, choose, read_rows
from engines import load_tokenizer

ROWS = [{"id": f"s{index}", "dataset": "even" if index % 2 == 0 else "odd"} for index in range(20)]


def names(rows):
    return [row["id"] for row in rows]


def test_a_sample_is_the_same_for_the_same_seed_and_keeps_the_order():
    once, again, other = (choose(ROWS, sample=6, seed=seed) for seed in (1, 1, 2))
    assert once == again != other
    assert names(once) == sorted(names(once), key=lambda name: int(name[1:]))
    assert len(set(names(once))) == 6


def test_filters_come_first_and_the_limit_last():
    assert names(choose(ROWS, datasets=["odd"], limit=2)) == ["s1", "s3"]
    assert names(choose(ROWS, ids=["s4", "s5"], datasets=["even"])) == ["s4"]
    assert choose(ROWS, sample=100) == ROWS


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_rows_are_read_packed_or_not(small_data, tmp_path, suffix):
    import gzip

    packed = small_data / "maskbench/dev.jsonl.gz"
    plain = tmp_path / "dev.jsonl"
    plain.write_bytes(gzip.decompress(packed.read_bytes()))
    assert names(read_rows(packed if suffix else plain)) == ["one", "two", "three"]


def test_texts_are_the_instances_as_json(tokenizer_file):
    tokenizer = load_tokenizer(str(tokenizer_file), "<|eot_id|>")
    row = {"id": "a", "dataset": "d", "schema": {}, "tests": [{"data": {"ä": [1, "\n"]}, "valid": True}]}
    (case,) = cases([row], tokenizer)
    assert tokenizer.decode(case.job.texts[0]) == json.dumps(row["tests"][0]["data"], ensure_ascii=False)
    assert (case.id, case.dataset, case.labels) == ("a", "d", (True,))
