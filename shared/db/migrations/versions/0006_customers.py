"""Sales held for their customer are decided again when the customer changes."""

from shared.db.migrate import run_sql_file

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql_file("0006_expand_customers.sql")
