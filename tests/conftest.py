"""What every test can ask for: tiny vocabularies, the data folder, hypothesis profiles, the GPU mark."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from latticework.grammar import Vocabulary

ROOT = Path(__file__).resolve().parent.parent

# No deadline: nothing may depend on timing. `fast` is reproducible; `slow` searches anew each time.
settings.register_profile(
    "fast", max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile(
    "slow", max_examples=2000, deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "fast"))

# Tokenizers must not start threads in a process that forks, nor look for models on the network.
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("HF_HUB_OFFLINE", "1")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip the tests marked `gpu` where there is none."""
    wanted = [item for item in items if item.get_closest_marker("gpu")]
    if not wanted:
        return
    import torch

    if not torch.cuda.is_available():
        for item in wanted:
            item.add_marker(pytest.mark.skip(reason="needs a CUDA device"))


@pytest.fixture(scope="session")
def root() -> Path:
    """The root of the repository."""
    return ROOT


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of real tokenizers and schemas (environment variable LATTICEWORK_DATA); skips when it is missing."""
    folder = Path(os.environ.get("LATTICEWORK_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip("no data folder: set LATTICEWORK_DATA to the folder that holds tokenizers/ and maskbench/")
    return folder


def _vocabulary(*tokens: bytes) -> Vocabulary:
    """A vocabulary of these tokens with one end token behind them."""
    from latticework.grammar import Vocabulary

    return Vocabulary([*tokens, None], [len(tokens)])


@pytest.fixture(scope="session")
def byte_vocabulary() -> Vocabulary:
    """Each byte is a token, whose id is its value; 256 is the end token."""
    return _vocabulary(*(bytes([value]) for value in range(256)))


@pytest.fixture(scope="session")
def ab_vocabulary() -> Vocabulary:
    """Tokens over {a, b}: single letters, overlaps, a duplicate (ids 1 and 6); 7 is the end token."""
    return _vocabulary(b"a", b"b", b"ab", b"ba", b"aa", b"aab", b"b")


@pytest.fixture(scope="session")
def json_vocabulary() -> Vocabulary:
    """Every byte, and tokens that cross the borders of JSON lexemes: 256 of the first kind, then a few dozen."""
    crossing = (
        '{" ": ", "," "} "] [[ ]] }} }, ], true false null name age ab abc \\" \\u00 \\n 12 00 1. .5 e+ -1'.split()
    )
    crossing += 'é ü 日 日本 😀 "}] "a a" "": 0, 1} true} false, null]'.split()
    crossing += [", ", ": ", '": ', '", "', "\n  ", "  ", "    "]
    return _vocabulary(*(bytes([value]) for value in range(256)), *(text.encode() for text in crossing))
