"""The first schema."""

from alembic import op

from shared.db.migrations.statements import read_statements

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    for statement in read_statements("0001_first_schema.sql"):
        op.execute(statement)
