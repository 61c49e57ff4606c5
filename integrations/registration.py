"""Makes `transformers.pipeline("structured-generation")` known without importing transformers before anyone needs it.

Importing the pipelines of transformers takes seconds. So nothing is imported here: if they are loaded already, the task
is registered at once; if not, a finder is put before the other finders of `sys.meta_path`, which lets them find
`transformers.pipelines`, and has the task registered right after that module has run.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

_PIPELINES = "transformers.pipelines"


def register_pipeline() -> None:
    """Register the task "structured-generation", now or as soon as the pipelines of transformers are imported.

    May be called any number of times. Without transformers it has no effect.
    """
    if _PIPELINES in sys.modules:
        _register()
    elif not any(isinstance(finder, _RegisterAfterImport) for finder in sys.meta_path):
        sys.meta_path.insert(0, _RegisterAfterImport())


class _RegisterAfterImport(MetaPathFinder):
    """Finds one module, as the finders after it do, with a loader that registers the task."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != _PIPELINES:
            return None
        specs = (finder.find_spec(fullname, path, target) for finder in list(sys.meta_path) if finder is not self)
        spec = next((spec for spec in specs if spec is not None), None)
        if spec is not None and spec.loader is not None:
            spec.loader = _RegisteringLoader(spec.loader, self)
        return spec


class _RegisteringLoader(Loader):
    """The loader of a module, with one thing more to do after the module has run."""

    def __init__(self, loader: Loader, finder: MetaPathFinder) -> None:
        self._loader = loader
        self._finder = finder

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        module.__loader__ = self._loader  # whoever reads source or resources of the module meets its own loader
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        self._loader.exec_module(module)
        if self._finder in sys.meta_path:
            sys.meta_path.remove(self._finder)
        try:
            _register()
        except Exception as error:  # noqa: BLE001 - whoever imports transformers must get it, whatever is wrong here
            warnings.warn(f'the task "structured-generation" was not registered: {error!r}', stacklevel=2)


def _register() -> None:
    from .pipeline import register

    register()
