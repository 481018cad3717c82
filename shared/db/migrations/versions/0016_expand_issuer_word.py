"""The issuer's word counts at any time, and its list is the third side of a closing."""

from shared.db.migrate import run_sql_file

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql_file("0016_expand_issuer_word.sql")
