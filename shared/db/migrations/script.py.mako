"""${message}

May run under the old code: expand | only after it is gone: contract.
"""

from shared.db.migrate import run_sql_file


revision = "${up_revision}"
down_revision = ${repr(down_revision)}
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql_file("${up_revision}_${slug}.sql")
