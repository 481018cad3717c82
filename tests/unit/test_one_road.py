"""Facts enter by one road, and one store writes the outbox: rules that review had to repeat."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# Writing its rows, or locking them before a sale is changed.
WRITES_OUTBOX = re.compile(
    r"\b(INSERT INTO|UPDATE|DELETE FROM|MERGE INTO)\s+(ONLY\s+)?outbox\b"
    r"|\bFROM\s+outbox\b.*\bFOR (NO KEY )?UPDATE\b",
    re.IGNORECASE | re.DOTALL,
)


def test_what_is_heard_or_read_enters_through_intake_alone() -> None:
    assert set(_callers("outbox_store", "mark_due")) == {
        "shared/intake.py",
        "shared/commands/actions.py",  # a person's wish is no fact
    }
    assert set(_callers("events_store", "add")) == {"shared/intake.py"}
    # The emitter stores the bill that it read before it decided, with its decision.
    assert set(_callers("bills_store", "store")) == {
        "shared/intake.py",
        "services/emitter/acting/write.py",
    }


def test_only_the_outboxs_own_stores_write_it() -> None:
    writers = {
        name
        for path, name in _ours()
        for text in _texts(path)
        if WRITES_OUTBOX.search(text) and not name.startswith("shared/db/migrations/")
    }

    assert writers == {
        "shared/db/outbox/claims_store.py",
        "shared/db/outbox/clock_back_store.py",
        "shared/db/outbox/outbox_store.py",
        "shared/db/outbox/outbox_wakes.py",
        "shared/db/outbox/set_back_store.py",
    }


def _callers(module: str, function: str) -> Iterator[str]:
    """Modules of ours that call a store's function, or bring it in under its own name."""
    for path, path_name in _ours():
        for node in ast.walk(_parsed(path)):
            match node:
                case ast.Attribute(value=ast.Name(id=found), attr=name):
                    called = (found, name) == (module, function)
                case ast.ImportFrom(module=str(found), names=names):
                    brought = {alias.name for alias in names}
                    called = found.endswith(f".{module}") and function in brought
                case _:
                    continue
            if called:
                yield path_name


def _texts(path: Path) -> Iterator[str]:
    for node in ast.walk(_parsed(path)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def _parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _ours() -> Iterator[tuple[Path, str]]:
    for folder in ("services", "shared", "deploy"):
        for path in (ROOT / folder).rglob("*.py"):
            yield path, path.relative_to(ROOT).as_posix()
