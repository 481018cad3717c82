"""What a backfill saw of its list, and events that passes wait for."""

from shared.db.migrate import run_sql_file

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql_file("0010_expand_whole_lists.sql")
