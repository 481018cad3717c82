"""The table of data is about the tables there are, and the page shows it."""

from deploy.privacy_page import PAGE, page_of
from shared.db.connection import Pool
from shared.db.distribution import DISTRIBUTED_TABLES, REFERENCE_TABLES
from shared.db.sealed_columns import SEALED
from shared.domain.privacy.data import NONE
from shared.domain.privacy.inventory import INVENTORY

TABLES = """
    SELECT c.relname::text AS name FROM pg_class c
     WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
       AND NOT c.relispartition AND c.relname <> 'alembic_version'
"""


async def test_every_table_of_the_schema_has_its_line(pool: Pool) -> None:
    there = [row["name"] for row in await pool.fetch(TABLES)]

    assert sorted(one.table for one in INVENTORY) == sorted(there)
    assert set(there) == {*DISTRIBUTED_TABLES, *REFERENCE_TABLES}


def test_what_is_sealed_for_a_person_is_told_as_sealed() -> None:
    of_people = {"bill", "customer", "unread", "nota", "event", "link_email", "person_email"}
    told = {one.table: one.personal for one in INVENTORY}

    assert not [
        one.table for one in SEALED if one.purpose in of_people and "sealed" not in told[one.table]
    ]


def test_whoever_is_in_a_table_is_there_on_some_ground() -> None:
    assert not [one.table for one in INVENTORY if one.personal and one.ground == NONE]


def test_the_page_shows_the_table() -> None:
    text = PAGE.read_text(encoding="utf-8")

    assert page_of(text) == text
    assert all(f"| `{one.table}` |" in text for one in INVENTORY)
