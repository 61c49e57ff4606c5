"""Pointers and order: how the places of a part of an instance are found in the source."""

from __future__ import annotations

from typing import Any

from latticework.grammar.json_places import Source, all_places

DOCUMENT: dict[str, Any] = {
    "$id": "http://example.org/root#",
    "$defs": {
        "base": {"$anchor": "base", "properties": {"z": {"title": "z of base"}}},
        "inner": {
            "$id": "inner",
            "properties": {"q": {"$ref": "#/$defs/local"}},
            "$defs": {"local": {"title": "local"}},
        },
    },
    "allOf": [{"$ref": "#base"}],
    "properties": {"a/b~c": {"items": [{"title": "first"}]}, "i": {"$ref": "inner"}},
    "patternProperties": {"^z": {"title": "pattern"}},
    "additionalProperties": {"title": "extra"},
    "anyOf": [{"properties": {"y": {}}}, True],
}


def pointers(document: dict[str, Any], *names: str) -> list[str]:
    part = Source(document, old_references=False).start()
    for name in names:
        part = part.member(name)
    return [place.pointer for place in part.places]


def test_places_in_the_order_of_the_text() -> None:
    assert pointers(DOCUMENT) == ["/allOf/0", "/$defs/base", "", "/anyOf/0"]
    assert pointers(DOCUMENT, "a/b~c") == ["/properties/a~1b~0c", "/patternProperties/^z"]
    assert pointers(DOCUMENT, "z")[0] == "/$defs/base/properties/z"
    assert "/additionalProperties" in pointers(DOCUMENT, "other")


def test_references_are_read_where_they_stand() -> None:
    assert pointers(DOCUMENT, "i", "q")[:2] == ["/$defs/inner/properties/q", "/$defs/inner/$defs/local"]


def test_branches_are_told_apart() -> None:
    part = Source(DOCUMENT, old_references=False).start()
    assert [place.pointer for place in part.branches] == ["/anyOf/0"]
    assert [place.pointer for place in part.without(frozenset(part.branches)).places] == ["/allOf/0", "/$defs/base", ""]


def test_items() -> None:
    part = Source(DOCUMENT, old_references=True).start().member("a/b~c")
    assert [place.pointer for place in part.item(0).places] == ["/properties/a~1b~0c/items/0"]
    assert part.item(1).places == ()


def test_pointer_prefers_the_keyword_and_the_value() -> None:
    part = Source({"allOf": [{"pattern": "a"}, {"pattern": "b"}]}, old_references=False).start()
    assert part.pointer("pattern", "b") == "/allOf/1"
    assert part.pointer("pattern") == "/allOf/0"
    assert part.pointer("format") == ""


def test_loops_of_references_end() -> None:
    loop = {"$ref": "#/$defs/a", "$defs": {"a": {"allOf": [{"$ref": "#"}]}}}
    assert sorted(pointers(loop)) == ["", "/$defs/a", "/$defs/a/allOf/0"]


def test_every_schema_object_is_a_place() -> None:
    found = [place.pointer for place in all_places(Source(DOCUMENT, old_references=False).root)]
    assert found[0] == ""
    assert "/$defs/inner/$defs/local" in found
    assert len(found) == len(set(found)) == 14


def test_identifiers_that_are_no_uri_do_no_harm() -> None:
    assert pointers({"$id": "http://[x", "$ref": "http://]y#/z"}) == [""]
