"""CONTRIBUTING's table says where a thing lies and where its tests lie; the tree agrees."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath

import pytest

ROOT = Path(__file__).parents[2]
PATH = re.compile(r"`((?:services|shared|deploy|tests)/[\w./-]*)`")
OURS = {"services", "shared", "deploy"}
# A sale's whole way, and what is told of it, may use everything.
WHOLE = {"tests/journey", "tests/situations", "tests/bench", "tests/support"}
PURE = "tests/unit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    goes_to: frozenset[str]
    tests: frozenset[str]


def test_every_path_of_the_table_is_there() -> None:
    assert not [path for row in table() for path in row.goes_to | row.tests if not exists(path)]


@pytest.mark.parametrize("root", sorted(OURS))
def test_every_folder_has_its_line(root: str) -> None:
    named = {path for row in table() for path in row.goes_to}
    assert not [
        folder
        for folder in folders(root)
        if folder not in named and (has_code(folder) or not ancestors(folder) & named)
    ]


def test_every_folder_of_tests_has_its_line() -> None:
    named = {path for row in table() for path in row.tests}
    assert not [folder for folder in folders("tests") if has_code(folder) and folder not in named]


def test_a_test_lies_where_the_table_says_of_something_it_uses() -> None:
    lost = [
        str(test.relative_to(ROOT))
        for test in single_tests()
        if not used_by(test) & set(things_tested_in(folder_of(test)))
    ]
    assert not lost


def test_a_test_of_a_pure_decision_lies_among_them() -> None:
    assert not [
        str(test.relative_to(ROOT))
        for test in single_tests()
        if folder_of(test) != PURE and is_pure(test)
    ]


@cache
def table() -> tuple[Row, ...]:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    lines = text[text.index("| it is about") : text.index("## The layers")].splitlines()[2:]
    cells = [line.split("|") for line in lines if line.startswith("|")]
    assert all(len(cell) == 5 for cell in cells)
    return tuple(Row(goes_to=paths(cell[2]), tests=paths(cell[3])) for cell in cells)


def paths(cell: str) -> frozenset[str]:
    return frozenset(path.rstrip("/") for path in PATH.findall(cell))


def exists(path: str) -> bool:
    return (ROOT / path).is_file() or path in folders(path.partition("/")[0])


@cache
def folders(root: str) -> tuple[str, ...]:
    """Every folder with something of ours in it, but for the root itself, unless it is a thing."""
    found = {
        folder.relative_to(ROOT).as_posix()
        for file in (ROOT / root).rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
        for folder in file.parents
        if folder.is_relative_to(ROOT / root)
    }
    return tuple(sorted(found - {"services", "shared", "tests"}))


def has_code(folder: str) -> bool:
    return any((ROOT / folder).glob("*.py"))


def ancestors(path: str) -> set[str]:
    return {parent.as_posix() for parent in PurePosixPath(path).parents}


def single_tests() -> Iterator[Path]:
    """Tests of one thing; what goes the whole way, and rules about our source, are of none."""
    for file in sorted((ROOT / "tests").rglob("test_*.py")):
        if folder_of(file) not in WHOLE and imported(file):
            yield file


def folder_of(test: Path) -> str:
    return test.parent.relative_to(ROOT).as_posix()


def things_tested_in(folder: str) -> Iterator[str]:
    for row in table():
        if folder in row.tests:
            yield from row.goes_to


def used_by(test: Path) -> set[str]:
    """Modules of ours that a test names, or the fixtures beside it and those it takes from others.

    With the folders they lie in, so that a line about a folder is about what lies in it.
    """
    files = {test} | {file for file in (test.parent / "conftest.py",) if file.exists()}
    files |= {file for one in tuple(files) for file in fixtures_of(one)}
    modules = {module for file in files for module in imported(file)}
    return modules | {folder for module in modules for folder in ancestors(module)}


def fixtures_of(test: Path) -> Iterator[Path]:
    for name in imports(test):
        if name.startswith("tests.") and "conftest" in name.split("."):
            yield ROOT / (name[: name.index("conftest")].replace(".", "/") + "conftest.py")


@cache
def imported(file: Path) -> frozenset[str]:
    """The files of ours that a file imports."""
    return frozenset(
        path
        for name in imports(file)
        if name.partition(".")[0] in OURS
        for path in (f"{name.replace('.', '/')}.py",)
        if (ROOT / path).is_file()
    )


@cache
def imports(file: Path) -> frozenset[str]:
    """Every dotted name that may be a module: `from a.b import c` is `a.b` or `a.b.c`."""
    nodes = ast.walk(ast.parse(file.read_text(encoding="utf-8")))
    froms = [node for node in nodes if isinstance(node, ast.ImportFrom) and node.module]
    whole = {str(node.module) for node in froms}
    return frozenset(
        whole | {f"{node.module}.{alias.name}" for node in froms for alias in node.names}
    )


def is_pure(test: Path) -> bool:
    """Whether it knows nothing but the domain: no fixture of a service, nothing to wait for."""
    nodes = list(ast.walk(ast.parse(test.read_text(encoding="utf-8"))))
    waits = any(isinstance(node, ast.AsyncFunctionDef) for node in nodes)
    return not waits and all(path.startswith("shared/domain/") for path in imported(test))
