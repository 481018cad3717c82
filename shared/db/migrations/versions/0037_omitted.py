"""That a backfill could not read all that was to be read."""

from shared.db.migrate import run_sql_file

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql_file("0037_expand_omitted.sql")
