"""The rules of the house, held by machine: import direction, doors, the native contract, sizes, names, the README."""

from __future__ import annotations

import ast
import re
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# The rooms from the bottom to the top: each may import those before it.
ROOMS = ("grammar", "decoding", "integrations", "latticework")
SOURCES = [path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))]
SCRIPTS = sorted((ROOT / "benchmarks").rglob("*.py")) + sorted((ROOT / "tests").rglob("*.py"))
NATIVE = sorted([*(ROOT / "grammar" / "native").glob("*.[ch]pp"), *(ROOT / "tests" / "native").glob("*.[ch]pp")])

# Third-party packages each room may name, and those it may import inside a function only (optional or heavy).
ALLOWED = {
    "grammar": {"jsonschema_rs", "lark", "numpy", "pydantic"},
    "decoding": {"numpy", "torch"},
    "integrations": {"faker", "huggingface_hub", "numpy", "tokenizers", "torch", "transformers"},
    "latticework": {"numpy", "rich", "typer"},
}
ALLOWED_INSIDE = {
    "grammar": {"regex", "sentencepiece", "tiktoken", "tokenizers"},
    "decoding": {"triton"},
    "integrations": set(),
    "latticework": {"jsonschema", "tokenizers", "transformers"},
}
# Modules that are imported by nobody unless their own library is wanted, and is there.
NEEDS = {"decoding/kernels.py": {"triton"}, "integrations/builtin/train.py": {"rich"}}

DOORS = {
    "latticework": """
        CompiledGrammar Compiler Constraint ConstraintError Generation GenerationIncomplete Grammar GrammarError
        GrammarSyntaxError GrammarWarning JsonLayout LimitError Limits Matcher SchemaError Tag TagValue TokenRejected ToolCall
        ToolMessage UnsatisfiableSchemaError UnsupportedSchemaError Vocabulary VocabularyError __version__ argmax
        beam_search choice classify complete ebnf either extract free_text gbnf generate json_schema lark load_builtin reasoning regex repeat sequence
        special_token stream substring tags tool_calls until
    """,
    "latticework.grammar": """
        CompiledGrammar Compiler Constraint ConstraintError Grammar GrammarError GrammarSyntaxError GrammarWarning
        JsonLayout LimitError Limits Matcher SchemaError Tag TagValue TokenRejected ToolCall ToolMessage
        UnsatisfiableSchemaError UnsupportedSchemaError Vocabulary VocabularyError choice ebnf either free_text gbnf
        json_schema lark reasoning regex repeat sequence special_token substring tags tool_calls until
    """,
}


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def imports(path: Path) -> Iterator[tuple[str, bool, int]]:
    """(module with the package in front, is it inside a function, line) of every import of a file."""
    tree = ast.parse(path.read_text())
    inside = {
        id(node)
        for function in ast.walk(tree)
        if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef))
        for node in ast.walk(function)
    }
    room = path.relative_to(ROOT).parts[0]
    package = ["latticework"] if room == "latticework" else ["latticework", room]
    package += path.relative_to(ROOT).parts[1:-1]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, id(node) in inside, node.lineno
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            for alias in node.names:
                yield f"{module}.{alias.name}", id(node) in inside, node.lineno


def room_of(module: str) -> str | None:
    parts = module.split(".")
    if parts[0] != "latticework":
        return None
    return parts[1] if len(parts) > 1 and parts[1] in ROOMS[:-1] else "latticework"


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_imports_run_one_way(path: Path) -> None:
    room = path.relative_to(ROOT).parts[0]
    for module, is_inside, line in imports(path):
        target, top = room_of(module), module.split(".")[0]
        place = f"{name_of(path)}:{line}"
        if target is not None:
            assert ROOMS.index(target) <= ROOMS.index(room), f"{place}: {room} may not import {module}"
        elif top not in sys.stdlib_module_names:
            allowed = ALLOWED[room] | (ALLOWED_INSIDE[room] if is_inside else NEEDS.get(name_of(path), set()))
            assert top in allowed, f"{place}: {room} may not import {top}{'' if is_inside else ' at the top'}"


@pytest.mark.parametrize("path", sorted((ROOT / "benchmarks").rglob("*.py")), ids=name_of)
def test_benchmarks_use_public_names(path: Path) -> None:
    for module, _, line in imports(path):
        private = [part for part in module.split(".")[1:] if part.startswith("_") and part != "__version__"]
        assert room_of(module) is None or not private, f"{name_of(path)}:{line}: {module} is private"


@pytest.mark.parametrize(
    ("module", "unwanted"),
    [
        ("latticework", {"torch", "transformers", "pydantic", "numpy", "tokenizers"}),
        ("latticework.cli", {"torch", "transformers", "pydantic", "tokenizers"}),
        ("latticework.grammar", {"torch", "transformers", "tokenizers", "sentencepiece", "tiktoken"}),
        ("latticework.decoding", {"transformers"}),
    ],
)
def test_nothing_heavy_is_imported_unasked(module: str, unwanted: set[str]) -> None:
    code = f"import sys, {module}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd="/", capture_output=True, text=True, check=True)
    assert not unwanted & set(done.stdout.split())


@pytest.mark.parametrize("door", DOORS)
def test_doors(door: str) -> None:
    module = __import__(door, fromlist=["__all__"])
    assert sorted(module.__all__) == sorted(DOORS[door].split()), "change the door and this list together"
    for name in module.__all__:
        assert getattr(module, name) is not None
    assert set(module.__all__) <= set(dir(module))


@pytest.mark.parametrize("door", DOORS)
def test_no_module_takes_the_place_of_a_function(door: str) -> None:
    code = f"""
import {door} as door
grammar = door.json_schema({{"type": "string", "pattern": "^a$"}}).grammar()
assert door.regex("a").grammar() and door.gbnf('root ::= "a"').grammar() and door.ebnf('a ::= "a"').grammar()
assert door.tags([("<", "a", ">")]).grammar() and door.tool_calls([], style="hermes").grammar()
names = "json_schema regex choice gbnf ebnf tags tool_calls".split()
assert all(callable(getattr(door, name)) for name in names)
"""
    subprocess.run([sys.executable, "-c", code], cwd="/", check=True)


def test_front_door_knows_no_other_name() -> None:
    import latticework

    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = latticework.nonsense


def test_front_door_is_pure() -> None:
    tree = ast.parse((ROOT / "integrations" / "__init__.py").read_text())
    assert [type(node) for node in tree.body] == [ast.Expr], "integrations imports nothing until asked"


# ------------------------------------------------------------------------------------------------ the native contract


def contract(source: str) -> dict[str, tuple[list[str], int, str]]:
    """Qualified name -> (argument names, number of defaults, plain return type) of the public functions of a stub."""
    found = {}
    for klass in (node for node in ast.parse(source).body if isinstance(node, ast.ClassDef)):
        found[klass.name] = ([], 0, "")
        for node in klass.body:
            if isinstance(node, ast.FunctionDef) and (node.name == "__init__" or not node.name.startswith("_")):
                arguments = [argument.arg for argument in (*node.args.posonlyargs, *node.args.args)]
                returns = ast.unparse(node.returns) if node.returns else "None"
                found[f"{klass.name}.{node.name}"] = (arguments, len(node.args.defaults), returns)
    return found


def test_stub_is_current() -> None:
    from nanobind.stubgen import StubGen

    from latticework.grammar import _native

    generator = StubGen(_native)
    generator.put(_native)
    built = contract(generator.get())
    written = contract((ROOT / "grammar" / "_native.pyi").read_text())
    assert sorted(built) == sorted(written), "the names of _native.pyi are those of the build"
    simple = {"int", "bool", "bytes", "None"}
    for name, (arguments, defaults, returns) in written.items():
        assert built[name][:2] == (arguments, defaults), name
        assert returns not in simple or built[name][2] == returns, name


# -------------------------------------------------------------------------------------------------- sizes and names


def function_lengths(path: Path) -> Iterator[tuple[str, int]]:
    """Lines of every function of a Python file, without its docstring and empty lines."""
    text = path.read_text()
    lines = text.split("\n")
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            documented = ast.get_docstring(node) is not None
            first = node.body[0]
            skipped = set(range(first.lineno, (first.end_lineno or first.lineno) + 1)) if documented else set()
            body = range(node.lineno, (node.end_lineno or node.lineno) + 1)
            count = sum(number not in skipped and bool(lines[number - 1].strip()) for number in body)
            yield f"{name_of(path)}:{node.lineno} {node.name}", count


def test_functions_are_short() -> None:
    lengths = dict(item for path in SOURCES for item in function_lengths(path))
    assert {name: length for name, length in lengths.items() if length > 60} == {}
    assert statistics.median(lengths.values()) <= 10
    assert statistics.quantiles(lengths.values(), n=10)[8] <= 35


@pytest.mark.parametrize("path", [*SOURCES, *SCRIPTS, *NATIVE], ids=name_of)
def test_files_are_short(path: Path) -> None:
    most = 400 if path.suffix == ".py" and "tests" not in path.parts else 600
    lines = len(path.read_text().splitlines())
    assert lines <= most, f"{lines} lines: it has found a second concern"


@pytest.mark.parametrize("path", [*SOURCES, *SCRIPTS, *NATIVE], ids=name_of)
def test_files_say_what_they_are_for(path: Path) -> None:
    first = path.read_text().lstrip().split("\n", 1)[0]
    if path.suffix == ".py":
        sentence = (ast.get_docstring(ast.parse(path.read_text())) or "").split("\n\n")[0]
        assert first.startswith(('"""', 'r"""')), "the first line begins the docstring"
        assert sentence.rstrip().endswith((".", ":")), "it is a sentence"
    elif path.suffix == ".hpp":
        assert first.startswith("// "), "the header says it"
    else:
        assert first.startswith(("// ", f'#include "{path.stem}.hpp"'))


@pytest.mark.parametrize("path", [*SOURCES, *SCRIPTS, *NATIVE], ids=name_of)
def test_files_are_named_after_a_concept(path: Path) -> None:
    words = set(re.split(r"[_.]", path.name))
    assert not words & {"utils", "util", "common", "helpers", "helper", "base", "core", "misc"}


def test_every_room_is_typed() -> None:
    assert [room for room in ROOMS if not (ROOT / room / "py.typed").is_file()] == []


# ------------------------------------------------------------------------------------------------------- the README


DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


@pytest.mark.parametrize("document", [path for path in DOCUMENTS if "```python" in path.read_text()], ids=name_of)
def test_examples_run(document: Path, tmp_path: Path) -> None:
    """The Python examples of a document, each with names of its own, in one process, since the imports take long."""
    blocks = re.findall(r"```python\n(.*?)```", document.read_text(), re.DOTALL)
    script = tmp_path / "examples.py"
    script.write_text(
        f"for block in {blocks!r}:\n    exec(compile(block, 'example', 'exec'), {{'__name__': 'example'}})\n"
    )
    command = [sys.executable, "-W", "error", str(script)]
    done = subprocess.run(command, check=False, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_documents_lead_somewhere() -> None:
    for document in [*DOCUMENTS, ROOT / "CONTRIBUTING.md"]:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", document.read_text()):
            assert (document.parent / target).exists(), f"{document.name}: {target}"
