"""Erasing what is kept of a person, and tenants that leave."""

from shared.db.migrate import run_sql_file

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql_file("0035_expand_privacy.sql")
