"""Where a company is and how it is taxed, as its issuer has it."""

from shared.db.migrate import run_sql_file

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql_file("0027_expand_company_registration.sql")
