"""What each nota says for the tax, in columns that can be added up."""

from shared.db.migrate import run_sql_file

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql_file("0022_expand_fiscal_facts.sql")
