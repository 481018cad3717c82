"""A day of events is made over nodes as on one."""

from shared.db.migrate import run_sql_file

revision = "0045"
down_revision = "0044"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql_file("0045_expand_day_over_nodes.sql")
