"""A day of events is made over nodes as on one."""

from shared.db.migrate import run_sql_file

revision = "0044"
down_revision = "0043"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql_file("0044_expand_day_over_nodes.sql")
