"""A database that knows when it is an older copy of itself."""

from shared.db.migrate import run_sql_file

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql_file("0029_expand_restores.sql")
