"""Files of a month made behind, other companies' doors, and what happened by its time."""

from shared.db.migrate import run_sql_file

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql_file("0032_expand_month_files.sql")
