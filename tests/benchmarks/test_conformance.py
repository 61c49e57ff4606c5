"""The official suite: spelling of instances, the ratchet, the command, and (where the data is) nothing worse than recorded."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from conformance import RECORD
from ratchet import compare, make_record
from suite import Group, Test, digest, read_groups, read_remotes, spell
from suite_judge import Judge, by_bytes

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
FILE = """[
  {"description": "whole", "schema": {"type": "integer"}, "tests": [
    {"description": "one", "data": 1, "valid": true},
    {"description": "many", "data": 1.50e3, "valid": false},
    {"description": "text", "data": ["\\u00e9", {"a": null}], "valid": false}]},
  {"description": "elsewhere", "schema": {"$ref": "http://localhost:1234/folder/text.json"}, "tests": [
    {"description": "text", "data": "a", "valid": true}]},
  {"description": "nowhere", "schema": {"$ref": "http://localhost:1234/folder/none.json"}, "tests": [
    {"description": "text", "data": "a", "valid": true}]}
]"""


@pytest.fixture(scope="session")
def small_suite(tmp_path_factory):
    """A suite of three groups, one of which leads to a remote schema, and one to none."""
    folder = tmp_path_factory.mktemp("data") / "json-schema-test-suite"
    (folder / "tests/draft7/optional/format").mkdir(parents=True)
    (folder / "remotes/folder").mkdir(parents=True)
    (folder / "tests/draft7/type.json").write_text(FILE)
    (folder / "remotes/folder/text.json").write_text('{"type": "string"}')
    return folder


def test_instances_are_spelled_as_in_the_file(small_suite):
    groups = list(read_groups(small_suite))
    assert [group.name for group in groups] == ["whole", "elsewhere", "nowhere"]
    assert [test.text for test in groups[0].tests] == ["1", "1.50e3", '["é",{"a":null}]']
    assert (groups[0].draft, groups[0].is_format) == ("7", False)
    assert spell("\ud800") == '"\\ud800"'


def test_groups_are_judged(small_suite):
    judge = Judge(read_remotes(small_suite), *by_bytes())
    whole, elsewhere, nowhere = map(judge.group, read_groups(small_suite))
    assert whole.is_right
    assert elsewhere.is_right
    assert nowhere.outcomes == ("refused",)
    assert nowhere.refusal == "UnsupportedSchemaError $ref"
    assert "none.json" in nowhere.reason
    false = Group("draft7", "x.json", "false", False, (Test("a", "1", True), Test("b", "2", False)))
    assert judge.group(false).outcomes == ("false_reject", "right")


def record_of(**groups):
    wrong = sum(len(found.get("wrong", "x")) for found in groups.values())
    return {"edition": "1", "sections": {"draft7": {"right": 9 - wrong}}, "groups": {"draft7": {"x.json": groups}}}


def test_the_ratchet_turns_one_way():
    refused, rejects = {"refused": "LimitError"}, {"wrong": {"t": "false_reject"}}
    accepts = {"wrong": {"t": "false_accept"}}
    order = [record_of(), record_of(g=refused), record_of(g=rejects), record_of(g=accepts)]
    for i, before in enumerate(order):
        for j, now in enumerate(order):
            assert bool(compare(before, now)) == (j > i), (before, now)
    assert "another edition" in compare(record_of(), record_of() | {"edition": "2"})[0]


def command(*arguments):
    line = [sys.executable, str(BENCHMARKS / "conformance.py"), *map(str, arguments)]
    return subprocess.run(line, capture_output=True, text=True, check=False, timeout=240)


def test_the_command_records_and_checks(small_suite, tmp_path):
    record = tmp_path / "record.json"
    options = ["--data", small_suite.parent, "--record", record]
    done = command(*options, "--update")
    assert done.returncode == 0, done.stderr
    assert "localhost" not in record.read_text().replace("none.json", "")
    assert command(*options, "--check").returncode == 0
    better = json.loads(record.read_text())
    del better["groups"]["draft7"]["type.json"]["nowhere"]
    record.write_text(json.dumps(better))
    done = command(*options, "--check")
    assert done.returncode == 1
    assert "'nowhere' is refused" in done.stdout


def test_missing_data_is_named(tmp_path):
    done = command("--data", tmp_path)
    assert done.returncode == 2
    assert "LATTICEWORK_DATA" in done.stderr


def test_nothing_is_worse_than_recorded():
    data = Path(os.environ.get("LATTICEWORK_DATA", BENCHMARKS.parent.parent / "shared" / "data"))
    suite = data / "json-schema-test-suite"
    if not suite.is_dir():
        pytest.skip("no json-schema-test-suite: set LATTICEWORK_DATA to a folder that holds it")
    recorded = json.loads(RECORD.read_text())
    edition = digest(suite)
    if edition != recorded["edition"]:
        pytest.skip("another edition of json-schema-test-suite than the one that was recorded")
    judge = Judge(read_remotes(suite), *by_bytes())
    verdicts = [judge.group(group) for group in read_groups(suite)]
    assert compare(recorded, make_record(edition, verdicts)) == []
    assert not [verdict.group.name for verdict in verdicts if "false_accept" in verdict.outcomes]
