"""Figures of very many sales, kept with the instant they are of."""

from shared.db.migrate import run_sql_file

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql_file("0028_expand_kept_figures.sql")
