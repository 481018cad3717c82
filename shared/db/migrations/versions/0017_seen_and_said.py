"""When a bill was first seen paid, notas for old moments, and what people chose."""

from shared.db.migrate import run_sql_file

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql_file("0017_expand_seen_and_said.sql")
