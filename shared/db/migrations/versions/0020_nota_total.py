"""What a nota says as its total, where discounts are shown on it."""

from shared.db.migrate import run_sql_file

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql_file("0020_expand_nota_total.sql")
