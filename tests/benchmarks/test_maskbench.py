"""The commands: help, a run on three schemas made here, and on three of MaskBench where its files are."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


def command(script: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, str(BENCHMARKS / script), *map(str, arguments)]
    return subprocess.run(line, capture_output=True, text=True, check=False, timeout=240)


@pytest.mark.parametrize("script", ["maskbench.py", "mask.py"])
def test_help(script):
    done = command(script, "--help")
    assert done.returncode == 0
    assert "--engines" in done.stdout


def test_three_schemas_of_our_own(small_data, tmp_path):
    record_file, findings_file = tmp_path / "record.json", tmp_path / "findings.jsonl"
    options = ["--data", small_data, "--engines", "latticework", "--slow", 0]
    done = command("maskbench.py", *options, "--output", record_file, "--list-failures", findings_file)
    assert done.returncode == 0, done.stderr
    record = json.loads(record_file.read_text())
    overall = record["engines"]["latticework"]["overall"]
    expected = {"schemas": 3, "compiled": 3, "passing": 3, "tests": 6, "false_rejects": 0, "false_accepts": 0}
    assert {key: overall[key] for key in expected} == expected
    assert overall["contradictions"] == 0
    assert overall["mask_us"]["cpu"]["count"] == overall["warm_mask_us"]["cpu"]["count"] > 6
    disputed = [{"id": "two", "test": 2, "label": False, "accepted_by": ["latticework"]}]
    assert record["label_disagrees_with_jsonschema"] == disputed
    assert {json.loads(line)["kind"] for line in findings_file.read_text().splitlines()} == {"slow"}


def test_an_unknown_engine_is_refused(small_data):
    done = command("maskbench.py", "--data", small_data, "--engines", "nobody")
    assert done.returncode == 2
    assert "nobody" in done.stderr


def test_missing_data_is_named(tmp_path):
    done = command("maskbench.py", "--data", tmp_path)
    assert done.returncode == 2
    assert "LATTICEWORK_DATA" in done.stderr


def test_three_schemas_of_maskbench(data_dir, tmp_path):
    output = tmp_path / "record.json"
    done = command("maskbench.py", "--data", data_dir, "--engines", "latticework", "--sample", 3, "--output", output)
    assert done.returncode == 0, done.stderr
    overall = json.loads(output.read_text())["engines"]["latticework"]["overall"]
    assert (overall["schemas"], overall["false_accepts"], overall["crashes"], overall["timeouts"]) == (3, 0, 0, 0)
