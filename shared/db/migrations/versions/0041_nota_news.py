"""Since when the issuer says of a nota what we cannot believe yet, and when there was news of it."""

from shared.db.migrate import run_sql_file

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql_file("0041_expand_nota_news.sql")
