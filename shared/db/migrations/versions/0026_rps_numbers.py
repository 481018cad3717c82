"""RPS numbers that a company gives by itself: where they go on, and who has which."""

from shared.db.migrate import run_sql_file

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql_file("0026_expand_rps_numbers.sql")
