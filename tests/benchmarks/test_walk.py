"""A walk records what the engine did, and catches it when it breaks its own word."""

import numpy as np
import pytest
from engines import Refusal, empty_bitmask, is_allowed, population
from walk import Job, SlowLog, Walker, walk_text

END = 40


class Scripted:
    """Allows exactly one text of tokens; `lies` breaks one promise."""

    def __init__(self, text: tuple[int, ...], lies: str = "") -> None:
        self.bitmask = empty_bitmask(41)
        self.text, self.lies, self.place = text, lies, 0

    def reset(self) -> None:
        self.place = 0

    def compute_mask(self) -> None:
        token = END if self.is_accepting() and self.lies != "end" else (*self.text, 0)[self.place]
        self.bitmask[:] = 0
        self.bitmask[0, token // 32] = np.uint32(1 << token % 32).astype(np.int32)

    def commit(self, token: int) -> bool:
        self.place += 1
        return self.lies != "commit"

    def is_accepting(self) -> bool:
        return self.place == len(self.text)

    def fault(self) -> str:
        return "tired" if self.lies == "fault" else ""


class ScriptedEngine:
    name = package = "scripted"
    settings: dict[str, object] = {}

    def compile(self, schema):
        if schema == {"refuse": True}:
            return Refusal("limit", "too much")
        if schema == {"break": True}:
            raise KeyError("broken")
        return Scripted((31, 32))


@pytest.mark.parametrize("token", [0, 1, 31, 32, 40])
def test_bits_of_a_row(token):
    row = empty_bitmask(41)
    row[0, token // 32] = np.uint32(1 << token % 32).astype(np.int32)
    assert [other for other in range(41) if is_allowed(row, other)] == [token]
    assert population(row) == 1


@pytest.mark.parametrize(
    ("tokens", "accepted", "rejected_at", "masks", "commits"),
    [((31, 32), True, None, 2, 2), ((31,), False, None, 1, 1), ((31, 33), False, 1, 2, 1), ((5, 32), False, 0, 1, 0)],
)
def test_walks(tokens, accepted, rejected_at, masks, commits):
    walk = walk_text(Scripted((31, 32)), tokens, END, 0, SlowLog(10**12))
    assert (walk.accepted, walk.rejected_at) == (accepted, rejected_at)
    assert (len(walk.masks.cpu), len(walk.commits.wall), len(walk.start.cpu)) == (masks, commits, 1)
    assert walk.contradiction == ""


@pytest.mark.parametrize(("lies", "word"), [("commit", "commit"), ("end", "end token")])
def test_contradictions_are_named(lies, word):
    assert word in walk_text(Scripted((31, 32), lies), (31, 32), END, 0, SlowLog(10**12)).contradiction


def test_a_fault_is_kept():
    assert walk_text(Scripted((31,), "fault"), (31,), END, 0, SlowLog(10**12)).fault == "tired"


def test_slow_masks_are_kept_by_their_time():
    log, session = SlowLog(100, keep=2), Scripted((1,))
    session.compute_mask()
    for position, nanoseconds in enumerate([99, 100, 300, 200]):
        log.note(session, 0, position, nanoseconds)
    assert [(mask.position, mask.cpu_ns, mask.tokens) for mask in log.masks] == [(2, 300, 1), (3, 200, 1)]


@pytest.fixture
def walker():
    import gc

    yield Walker(ScriptedEngine(), END, 10**12, Job("warm-up", {}, ()))
    gc.enable()  # a walker has its process to itself and turns collection off
    gc.unfreeze()


def test_cold_and_warm_outcomes(walker):
    job = Job("a", {}, ((31, 32), (31,)))
    cold, warm = walker(("cold", job)), walker(("warm", job))
    assert cold.status == warm.status == "ok"
    assert [walk.accepted for walk in cold.walks] == [walk.accepted for walk in warm.walks] == [True, False]
    first = cold.walks[0]
    assert cold.first_cpu == cold.compile_cpu + first.start.cpu[0] + first.masks.cpu[0]
    assert 0 < cold.first_mask_wall <= cold.first_wall
    assert warm.compile_cpu == 0


def test_a_schema_without_texts_still_has_a_first_mask(walker):
    assert walker(("cold", Job("a", {}, ()))).first_mask_wall > 0


def test_refusals_and_crashes_are_outcomes(walker):
    refused = walker(("cold", Job("a", {"refuse": True}, ())))
    broken = walker(("cold", Job("b", {"break": True}, ())))
    assert (refused.status, refused.message) == ("limit", "too much")
    assert (broken.status, broken.message) == ("crash", "KeyError: 'broken'")
    assert walker(("warm", Job("b", {}, ()))).status == "crash"  # nothing is compiled
