"""Which fact about a sale's bill is the newest that is no talk of others' is kept."""

from shared.db.migrate import run_sql_file

revision = "0049"
down_revision = "0048"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql_file("0049_expand_asked_facts.sql")
