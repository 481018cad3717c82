"""A page's one tenant, and the audit's old lines, also where tenants are spread over nodes."""

from shared.db.migrate import run_sql_file

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql_file("0039_expand_over_nodes.sql")
