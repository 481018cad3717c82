"""Refused deliveries of Vindi, by the tenant their secret names."""

from shared.db.migrate import run_sql_file

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql_file("0009_expand_rejections.sql")
