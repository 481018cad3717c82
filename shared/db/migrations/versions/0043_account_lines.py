"""From when on the sales of each Vindi account are a tenant's to issue."""

from shared.db.migrate import run_sql_file

revision = "0043"
down_revision = "0042"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql_file("0043_expand_account_lines.sql")
