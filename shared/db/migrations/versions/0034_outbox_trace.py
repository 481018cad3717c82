"""The trace of a sale that is due."""

from shared.db.migrate import run_sql_file

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql_file("0034_expand_outbox_trace.sql")
