"""The schema as one file, and what the names of migrations promise."""

import re
from pathlib import Path

from deploy.schema import SCHEMA, dump
from shared.db.revision import MIGRATIONS

SQL = sorted((MIGRATIONS / "sql").glob("*.sql"))
NAME = re.compile(r"(\d{4})_(expand|contract)_[a-z_]+\.sql")
# What code that was written before cannot live with.
TAKES_AWAY = re.compile(
    r"\b(DROP\s+(TABLE|COLUMN)|RENAME|SET\s+NOT\s+NULL|ALTER\s+COLUMN\s+\w+\s+TYPE)\b",
    re.IGNORECASE,
)
COMMENT = re.compile(r"--.*")
# What a function will do one day, a migration that makes it does not.
FUNCTION_BODY = re.compile(r"\$body\$.*?\$body\$", re.DOTALL)


def test_the_schema_file_is_what_the_migrations_make(database: str) -> None:
    assert SCHEMA.read_text(encoding="utf-8") == dump(database), "run `make schema`"


def test_a_migration_says_by_its_name_whether_it_may_run_under_the_old_code() -> None:
    numbers = [found[1] for file in SQL if (found := NAME.fullmatch(file.name))]
    assert len(numbers) == len(SQL)
    assert len(set(numbers)) == len(SQL), "two migrations have one number"


def test_a_migration_that_expands_takes_nothing_away() -> None:
    wrong = [
        file.name
        for file in SQL
        if "_expand_" in file.name
        and TAKES_AWAY.search(FUNCTION_BODY.sub("", COMMENT.sub("", _text(file))))
    ]
    assert not wrong


def _text(file: Path) -> str:
    return file.read_text(encoding="utf-8")


def test_every_migration_opens_with_its_why() -> None:
    assert all(file.read_text(encoding="utf-8").startswith("-- Why: ") for file in SQL)
