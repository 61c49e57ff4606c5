"""The texts of the micro benchmark satisfy its schemas."""

import pytest
from jsonschema import Draft202012Validator, FormatChecker
from kinds import KINDS


@pytest.mark.parametrize("kind", list(KINDS))
def test_instances_are_valid(kind):
    row = KINDS[kind]()
    Draft202012Validator.check_schema(row["schema"])
    validator = Draft202012Validator(row["schema"], format_checker=FormatChecker())
    assert row["tests"]
    for test in row["tests"]:
        validator.validate(test["data"])
