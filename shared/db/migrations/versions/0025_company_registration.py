"""Where a company is and how it is taxed, as its issuer has it."""

from shared.db.migrate import run_sql_file

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql_file("0025_expand_company_registration.sql")
