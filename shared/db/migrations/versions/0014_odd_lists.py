"""An account whose lists are odd shows it in its health."""

from shared.db.migrate import run_sql_file

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql_file("0014_expand_odd_lists.sql")
