"""Look-ups of single sales cannot be planned as walks over their tenant."""

from shared.db.migrate import run_sql_file

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql_file("0012_contract_found_by_key.sql")
