"""What a person wants of one nota of a divided sale."""

from shared.db.migrate import run_sql_file

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql_file("0021_expand_part_wishes.sql")
