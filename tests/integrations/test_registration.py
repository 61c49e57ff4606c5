"""`import latticework` is enough for the pipeline to be known, whichever import comes first, and imports nothing heavy."""

from __future__ import annotations

import subprocess
import sys
from importlib.abc import Loader
from types import ModuleType

import pytest

from latticework.integrations import registration

LATTICEWORK_FIRST = """
import importlib.util, inspect, sys
import latticework
print(sorted({"torch", "transformers", "numpy"} & set(sys.modules)))

importlib.util.find_spec("transformers.pipelines")  # asking for it does not use up the registration
latticework.integrations.registration.register_pipeline()  # nor does registering twice
import transformers.pipelines as pipelines
print("structured-generation" in pipelines.PIPELINE_REGISTRY.supported_tasks)

print(type(pipelines.__loader__).__name__, type(pipelines.__spec__.loader).__name__)
print(any("RegisterAfterImport" in type(finder).__name__ for finder in sys.meta_path))
"""

TRANSFORMERS_FIRST = """
import transformers.pipelines as pipelines
import latticework
print("structured-generation" in pipelines.PIPELINE_REGISTRY.supported_tasks)
"""


def lines_of(code: str) -> list[str]:
    return subprocess.run(
        [sys.executable, "-c", code], cwd="/", check=True, capture_output=True, text=True
    ).stdout.splitlines()


def test_latticework_first():
    assert lines_of(LATTICEWORK_FIRST) == ["[]", "True", "SourceFileLoader SourceFileLoader", "False"]


def test_transformers_first():
    assert lines_of(TRANSFORMERS_FIRST) == ["True"]


class Quiet(Loader):
    """Runs a module that holds nothing."""

    def exec_module(self, module: ModuleType) -> None:
        module.has_run = True


def test_a_failing_registration_warns_and_lets_transformers_be(monkeypatch):
    def fail() -> None:
        raise RuntimeError("no such registry")

    monkeypatch.setattr(registration, "_register", fail)
    module = ModuleType("transformers.pipelines")
    loader = registration._RegisteringLoader(Quiet(), registration._RegisterAfterImport())
    with pytest.warns(UserWarning, match="was not registered: RuntimeError"):
        loader.exec_module(module)
    assert module.has_run


def test_other_modules_are_left_to_other_finders():
    assert registration._RegisterAfterImport().find_spec("json", None) is None
