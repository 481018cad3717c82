"""Services that own nothing."""

from shared.db.migrate import run_sql_file

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql_file("0033_expand_services_role.sql")
