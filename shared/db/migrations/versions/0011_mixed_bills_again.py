"""Sales held for their several services are decided again."""

from shared.db.migrate import run_sql_file

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql_file("0011_expand_mixed_bills_again.sql")
