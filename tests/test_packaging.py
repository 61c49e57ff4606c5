"""The wheel and the source distribution: what is in them, where it lands, and that it works without the checkout."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LEFT_OUT = shutil.ignore_patterns(".git", ".venv*", "build", "dist", "output", "__pycache__", ".*_cache", ".hypothesis")

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the sources, so that a build here and the one in use do not meet."""
    return Path(shutil.copytree(ROOT, tmp_path_factory.mktemp("build") / "checkout", ignore=LEFT_OUT))


@pytest.fixture(scope="module")
def wheel(checkout: Path) -> Path:
    run("-m", "pip", "wheel", "--no-build-isolation", "--no-deps", "--wheel-dir", "dist", ".", cwd=checkout)
    (found,) = (checkout / "dist").glob("*.whl")
    return found


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel installed in it, and nothing else."""
    folder = tmp_path_factory.mktemp("installed")
    run("-m", "pip", "install", "--no-deps", "--target", str(folder), str(wheel), cwd=folder)
    return folder


@pytest.fixture(scope="module")
def source(checkout: Path) -> Path:
    (checkout / "sdist").mkdir()
    run("-c", "from scikit_build_core.build import build_sdist; build_sdist('sdist')", cwd=checkout)
    (found,) = (checkout / "sdist").glob("*.tar.gz")
    return found


def run(*arguments: str, cwd: Path, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        env={**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1", **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return done.stdout


def test_wheel_has_one_name_at_the_top(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"latticework"}


def test_wheel_contents(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    for room in ("latticework", "latticework/grammar", "latticework/decoding", "latticework/integrations"):
        assert f"{room}/py.typed" in names
        assert f"{room}/__init__.py" in names
    assert "latticework/grammar/_native.pyi" in names
    assert [name for name in names if "/_native." in name and name.endswith(".so")]
    assert [name for name in names if name.endswith("LICENSE")]
    unwanted = (".cpp", ".hpp", ".o", ".a", ".pyc", "CMakeLists.txt")
    assert [name for name in names if name.endswith(unwanted) or "/tests/" in name or "/native/" in name] == []


def test_wheel_carries_the_builtin_model(wheel: Path) -> None:
    model = {
        str(path.relative_to(ROOT / "integrations" / "builtin"))
        for path in (ROOT / "integrations" / "builtin" / "model").rglob("*")
        if path.is_file()
    }
    prefix = "latticework/integrations/builtin/"
    infos = {info.filename: info.file_size for info in zipfile.ZipFile(wheel).infolist()}
    assert model, "there is a model to carry"
    assert {prefix + name for name in model} <= set(infos)
    assert sum(size for name, size in infos.items() if name.startswith(prefix + "model/")) <= 8 << 20


def test_wheel_metadata(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    (metadata,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
    text = archive.read(metadata).decode()
    assert "\nLicense-Expression: Apache-2.0\n" in text
    assert "\nRequires-Python: >=3.11\n" in text
    (entry_points,) = (name for name in archive.namelist() if name.endswith("entry_points.txt"))
    assert "latticework = latticework.cli:app" in archive.read(entry_points).decode()


def test_source_distribution_can_be_built_from(source: Path, checkout: Path) -> None:
    with tarfile.open(source) as archive:
        names = {name.split("/", 1)[1] for name in archive.getnames() if "/" in name}
    wanted = ("pyproject.toml", "LICENSE", "README.md", "CHANGELOG.md", "grammar/native/CMakeLists.txt", "Makefile")
    assert set(wanted) <= names
    assert {str(path.relative_to(checkout)) for path in (checkout / "grammar" / "native").glob("*.[ch]pp")} <= names
    assert {str(path.relative_to(checkout)) for path in (checkout / "tests").rglob("test_*.py")} <= names
    assert [name for name in names if name.startswith((".git/", "build/", "dist/", ".venv"))] == []


# Without `site` no editable install is seen: what is imported can only be the wheel.
def run_installed(installed: Path, code: str) -> str:
    libraries = os.pathsep.join(path for path in sys.path if path.endswith(("site-packages", "dist-packages")))
    return run("-S", "-c", code, cwd=installed, PYTHONPATH=os.pathsep.join([str(installed), libraries]))


def test_installed_wheel_works_alone(installed: Path) -> None:
    code = """
import latticework as lw
from latticework.grammar import _native
vocabulary = lw.Vocabulary([bytes([value]) for value in range(256)] + [None], [256])
grammar = lw.Compiler(vocabulary).compile(lw.choice(["yes", "no"]))
print(lw.__version__, lw.__file__, _native.__file__, grammar.allowed_tokens(grammar.start))
"""
    version, package, native, allowed = run_installed(installed, code).split(maxsplit=3)
    assert version == "0.1.0"
    assert Path(package).is_relative_to(installed)
    assert Path(native).is_relative_to(installed)
    assert allowed.strip() == str([ord("n"), ord("y")])


def test_nothing_else_lands_in_site_packages(installed: Path) -> None:
    folders = {path.name for path in installed.iterdir() if not path.name.endswith(".dist-info")}
    assert folders - {"bin"} == {"latticework"}
