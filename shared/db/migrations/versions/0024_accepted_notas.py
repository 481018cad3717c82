"""Notas of other systems that a person accepts in a closing."""

from shared.db.migrate import run_sql_file

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql_file("0024_expand_accepted_notas.sql")
