"""The figures are what they say: percentiles by their definition, counts and ratios by hand."""

import numpy as np
import pytest
from corpus import Case
from hypothesis import given
from hypothesis import strategies as st
from race import Result
from summary import disagreements, distribution, passes, percentile, ratios, step_times, summarise, wrong_tests
from walk import Job, Outcome, Times, Walk


def times(*microseconds: int) -> Times:
    values = np.array(microseconds, dtype=np.int64) * 1000
    return Times(values, values * 2)


def walk(accepted: bool, masks: tuple[int, ...], commits: tuple[int, ...] = ()) -> Walk:
    return Walk(accepted, None if accepted else len(masks) - 1, times(0), times(*masks), times(*commits))


def case(*labels: bool) -> Case:
    return Case(Job("id", {}, ((0,),) * len(labels)), "set", (None,) * len(labels), labels)


def outcome(*walks: Walk, milliseconds: int = 1) -> Outcome:
    nanoseconds = milliseconds * 1_000_000
    return Outcome("id", "ok", "", nanoseconds, nanoseconds * 2, 0, 0, list(walks))


@given(st.lists(st.integers(0, 10**12), min_size=1), st.sampled_from([1.0, 25.0, 50.0, 90.0, 99.0, 99.9, 100.0]))
def test_percentile_is_the_smallest_value_that_enough_do_not_exceed(values, percent):
    found = percentile(np.sort(np.array(values, dtype=np.int64)), percent)
    enough = [v for v in values if sum(w <= v for w in values) * 1000 >= round(percent * 10) * len(values)]
    assert found == min(enough)


def test_distribution_of_nothing_has_a_count_alone():
    assert distribution(np.zeros(0, dtype=np.int64), 1e3, (50.0,)) == {"count": 0}


def test_distribution_is_in_the_unit():
    values = np.array([4000, 1000, 2000], dtype=np.int64)
    assert distribution(values, 1e3, (50.0, 99.9)) == {"count": 3, "mean": 2.333, "p50": 2.0, "p99.9": 4.0, "max": 4.0}


def test_a_step_is_a_mask_and_its_commit():
    rejected = walk(False, (5, 7, 11), (1, 2))
    assert step_times(rejected, "cpu").tolist() == [6000, 9000, 11000]
    assert step_times(rejected, "wall").tolist() == [12000, 18000, 22000]


def test_wrong_answers_are_counted_unless_the_label_is_disputed():
    result = Result(case(True, False, False), judged=(True, False, True))
    result.cold["ours"] = outcome(walk(False, (1,)), walk(True, (1,)), walk(True, (1,)))
    assert wrong_tests(result, "ours") == [0, 1]
    figures = summarise([result], "ours")
    expected = {"tests": 3, "valid_tests": 1, "false_rejects": 1, "false_accepts": 1, "disputed_tests": 1, "passing": 0}
    assert {key: figures[key] for key in expected} == expected
    assert disagreements([result]) == [{"id": "id", "test": 2, "label": False, "accepted_by": ["ours"]}]


def test_a_validator_that_cannot_say_does_not_dispute():
    result = Result(case(True), judged=(None,))
    result.cold["ours"] = outcome(walk(True, (1,)))
    assert passes(result, "ours")
    assert disagreements([result]) == []


@pytest.mark.parametrize("status", ["unsupported", "unsatisfiable", "limit", "error", "timeout", "crash"])
def test_what_was_not_compiled_is_counted_by_cause(status):
    result = Result(case(True), judged=(True,))
    result.cold["ours"] = Outcome("id", status)
    figures = summarise([result], "ours")
    assert not passes(result, "ours")
    assert figures["compiled"] == figures["tests"] == figures["mask_us"]["cpu"]["count"] == 0
    assert sum(figures["refused"].values()) + figures["timeouts"] + figures["crashes"] == 1


@pytest.mark.parametrize(
    ("label", "judged", "wrong"), [(True, True, 1), (True, None, 1), (True, False, 0), (False, False, 0)]
)
def test_a_schema_with_a_valid_instance_is_not_unsatisfiable(label, judged, wrong):
    result = Result(case(label), judged=(judged,))
    result.cold["ours"] = Outcome("id", "unsatisfiable")
    assert summarise([result], "ours")["unsatisfiable_but_valid"] == wrong


def test_ratios_compare_the_masks_that_both_computed():
    both, ours_only = Result(case(True)), Result(case(True))
    both.cold = {"ours": outcome(walk(False, (1, 3))), "theirs": outcome(walk(True, (4, 4, 400)), milliseconds=10)}
    ours_only.cold = {"ours": outcome(walk(True, (1000,))), "theirs": Outcome("id", "unsupported")}
    figures = ratios([both, ours_only], "ours", "theirs")
    assert figures["schemas"] == 1
    assert figures["cpu"]["mask"] == {
        "count": 2,
        "mean": 0.5,
        "p50": 0.25,
        "p90": 0.75,
        "p99": 0.75,
        "p99.9": 0.75,
        "max": 0.75,
    }
    assert figures["cpu"]["first_mask"]["p50"] == figures["wall"]["first_mask"]["p50"] == 0.1
    assert figures["cpu"]["warm_mask"] == {"count": 0}
