"""Addresses that rest, deliveries that end."""

from shared.db.migrate import run_sql_file

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql_file("0030_expand_doors.sql")
