"""A nota keeps the company and environment it was born under."""

from shared.db.migrate import run_sql_file

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql_file("0015_expand_nota_connections.sql")
