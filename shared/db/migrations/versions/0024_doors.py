"""Addresses that rest, deliveries that end."""

from shared.db.migrate import run_sql_file

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql_file("0024_expand_doors.sql")
