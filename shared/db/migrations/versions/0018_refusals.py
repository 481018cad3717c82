"""The row of the catalogue a denial is, a day a person chose, companies that may not issue."""

from shared.db.migrate import run_sql_file

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql_file("0018_expand_refusals.sql")
