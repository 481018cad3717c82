"""A month is added up without the rows of its sales and bills."""

from shared.db.migrate import run_sql_file

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql_file("0040_expand_month_indexes.sql")
