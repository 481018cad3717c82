"""A month is added up without the rows of its sales and bills."""

from shared.db.migrate import run_sql_file

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql_file("0038_expand_month_indexes.sql")
