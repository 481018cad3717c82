"""When an account was at another tenant is kept."""

from shared.db.migrate import run_sql_file

revision = "0048"
down_revision = "0047"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql_file("0048_expand_account_away.sql")
