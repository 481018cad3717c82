"""How far time was done at each tenant, and a departure whose day nobody brings forward."""

from shared.db.migrate import run_sql_file

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql_file("0038_expand_walks.sql")
