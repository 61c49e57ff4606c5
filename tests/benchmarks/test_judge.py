"""The second opinion: verdicts, and the cases in which there is none."""

import pytest
from judge import formats_in, judge


@pytest.mark.parametrize(
    ("schema", "instance", "verdict"),
    [
        ({"type": "integer"}, 1, True),
        ({"type": "integer"}, 1.0, True),
        ({"type": "integer"}, "1", False),
        ({"format": "ipv4"}, "1.2.3.4", True),
        ({"format": "ipv4"}, "1.2.3.400", False),
        ({"format": "time"}, "12:00:00Z", True),
        ({"format": "no such format"}, "x", True),
        (True, None, True),
        (False, None, False),
        ({"$ref": "http://localhost:1/x.json"}, 1, None),
        ({"type": "no such type"}, 1, None),
        ({"$schema": "http://json-schema.org/draft-04/schema#", "minimum": 1, "exclusiveMinimum": True}, 1, False),
    ],
)
def test_verdicts(schema, instance, verdict):
    assert judge((schema, (instance,))) == (verdict,)


def test_a_format_nobody_checks_leaves_valid_open(monkeypatch):
    monkeypatch.setattr("judge.STANDARD_FORMATS", {"unchecked"})
    assert judge(({"type": "string", "format": "unchecked"}, ("x", 1))) == (None, False)


def test_formats_are_found_wherever_they_stand():
    schema = {
        "format": "date",
        "items": [{"anyOf": [{"format": "uuid"}]}],
        "properties": {"format": {"format": "ipv4"}},
    }
    assert formats_in(schema) == {"date", "uuid", "ipv4"}
