"""One nota for each service of a bill: how it was divided."""

from shared.db.migrate import run_sql_file

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql_file("0007_expand_parts.sql")
