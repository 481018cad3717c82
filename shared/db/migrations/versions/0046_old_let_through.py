"""Old notas that a person let through are counted by themselves."""

from shared.db.migrate import run_sql_file

revision = "0046"
down_revision = "0045"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql_file("0046_expand_old_let_through.sql")
