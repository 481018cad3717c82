"""Causes of denials, outages, brakes, and status webhooks out."""

from shared.db.migrate import run_sql_file

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql_file("0005_expand_denials.sql")
