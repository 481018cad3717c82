"""A value under each key that seals, by which a service knows its keys."""

from shared.db.migrate import run_sql_file

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql_file("0013_expand_key_canaries.sql")
