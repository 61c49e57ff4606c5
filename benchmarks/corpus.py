"""Reads MaskBench files: schemas with labelled instances, as texts and token ids.

One JSON object a line: `id`, `dataset`, `schema`, `tests` (each `data`, `valid`). As in MaskBench's own runner, the
text of an instance is `json.dumps(data, ensure_ascii=False)`, tokenised whole and without special tokens.
"""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from walk import Job

MASKBENCH_FILE = Path("maskbench/dev.jsonl.gz")
TOKENIZER_FILE = Path("tokenizers/llama3.tokenizer.json")
END_TOKEN = "<|eot_id|>"


@dataclass(frozen=True, slots=True)
class Case:
    """A schema with its instances; `labels[i]` is the publisher's word on `instances[i]`."""

    job: Job
    dataset: str
    instances: tuple[Any, ...]
    labels: tuple[bool, ...]

    @property
    def id(self) -> str:
        """The schema's."""
        return self.job.id


def read_rows(path: Path) -> list[dict[str, Any]]:
    """All rows of a `.jsonl` or `.jsonl.gz` file, in its order."""
    opening = gzip.open if path.suffix == ".gz" else open
    with opening(path, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def choose(
    rows: list[dict[str, Any]],
    *,
    datasets: Collection[str] = (),
    ids: Collection[str] = (),
    sample: int | None = None,
    seed: int = 0,
    limit: int | None = None,
) -> list[dict[str, Any]]:
    """Filter, then draw a sample without replacement (the same for the same seed), then cut; the order stays."""
    rows = [row for row in rows if (not datasets or row["dataset"] in datasets) and (not ids or row["id"] in ids)]
    if sample is not None and sample < len(rows):
        rows = [rows[index] for index in sorted(random.Random(seed).sample(range(len(rows)), sample))]
    return rows[:limit]


def cases(rows: list[dict[str, Any]], tokenizer: Any) -> Iterator[Case]:
    """Tokenise row by row. `tokenizer` is a `PreTrainedTokenizerFast`."""
    for row in rows:
        instances = tuple(test["data"] for test in row["tests"])
        texts = [json.dumps(instance, ensure_ascii=False) for instance in instances]
        encodings = tokenizer.backend_tokenizer.encode_batch_fast(texts, add_special_tokens=False)
        job = Job(row["id"], row["schema"], tuple(tuple(encoding.ids) for encoding in encodings))
        yield Case(job, row["dataset"], instances, tuple(test["valid"] for test in row["tests"]))
