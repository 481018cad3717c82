"""A backfill remembers whose bills it reads."""

from shared.db.migrate import run_sql_file

revision = "0047"
down_revision = "0046"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql_file("0047_expand_backfill_account.sql")
