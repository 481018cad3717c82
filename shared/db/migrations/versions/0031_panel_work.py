"""Shadow mode, actions for many sales as jobs, and lists that have a name."""

from shared.db.migrate import run_sql_file

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql_file("0031_expand_panel_work.sql")
