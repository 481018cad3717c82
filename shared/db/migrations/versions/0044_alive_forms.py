"""Whoever does a form of the panel says that it still does."""

from shared.db.migrate import run_sql_file

revision = "0044"
down_revision = "0043"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql_file("0044_expand_alive_forms.sql")
