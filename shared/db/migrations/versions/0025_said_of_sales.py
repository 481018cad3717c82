"""What people say of one sale, and when a bill was given back."""

from shared.db.migrate import run_sql_file

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql_file("0025_expand_said_of_sales.sql")
