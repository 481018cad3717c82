"""Notas denied for their customer's data are sent again when the customer changes."""

from shared.db.migrate import run_sql_file

revision = "0008"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql_file("0008_denied_for_customer.sql")
