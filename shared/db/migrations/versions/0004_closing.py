"""The closing of a month: its figures, locks and deep checks."""

from shared.db.migrate import run_sql_file

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql_file("0004_expand_closing.sql")
