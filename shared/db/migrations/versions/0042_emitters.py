"""Emitters say which restore they mind, and what of theirs is under way."""

from shared.db.migrate import run_sql_file

revision = "0042"
down_revision = "0041"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql_file("0042_expand_emitters.sql")
