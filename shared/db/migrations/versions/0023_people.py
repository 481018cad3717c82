"""People who sign in to the panel, and a role that sees one tenant."""

from shared.db.migrate import run_sql_file

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql_file("0023_expand_people.sql")
