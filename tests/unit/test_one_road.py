"""Facts enter by one road, and rules of the house that review had to repeat."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_what_is_heard_or_read_enters_through_intake_alone() -> None:
    assert set(_callers("outbox_store", "mark_due")) == {
        "shared/intake.py",
        "shared/commands/actions.py",  # a person's wish is no fact
    }
    assert set(_callers("events_store", "add")) == {"shared/intake.py"}
    assert set(_callers("bills_store", "store")) == {
        "shared/intake.py",
        "services/emitter/acting/write.py",  # what it read, with what it decided
    }


def _callers(module: str, function: str) -> Iterator[str]:
    """Modules of ours that call a store's function, or bring it in under its own name."""
    for path in _ours():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.Attribute(value=ast.Name(id=found), attr=name):
                    called = (found, name) == (module, function)
                case ast.ImportFrom(module=str(found), names=names):
                    brought = {alias.name for alias in names}
                    called = found.endswith(f".{module}") and function in brought
                case _:
                    continue
            if called:
                yield path.relative_to(ROOT).as_posix()


def _ours() -> Iterator[Path]:
    for folder in ("services", "shared", "deploy"):
        yield from (ROOT / folder).rglob("*.py")
