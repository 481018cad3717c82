"""Sales held with a refusal's word are found by their customer."""

from shared.db.migrate import run_sql_file

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql_file("0019_expand_held_before.sql")
