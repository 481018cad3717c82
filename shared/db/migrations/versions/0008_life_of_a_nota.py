"""Customers that change free denied notas; the mirror of the issuer reaches back on demand."""

from shared.db.migrate import run_sql_file

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql_file("0008_expand_life_of_a_nota.sql")
