"""Reads a migration's SQL file as single statements."""

from pathlib import Path

_FOLDER = Path(__file__).parent / "sql"


def read_statements(name: str) -> list[str]:
    """Split a file at semicolons that end a line; our migrations hold no functions.

    Comments stay with their statement, so that they show in a rendered script.
    """
    text = (_FOLDER / name).read_text(encoding="utf-8")
    parts = [part.strip() for part in text.split(";\n")]
    return [part for part in parts if _says_something(part)]


def _says_something(part: str) -> bool:
    return any(line.strip() and not line.lstrip().startswith("--") for line in part.splitlines())
