"""Every table of a tenant is spread by tenant: one that is forgotten would live on one node."""

from shared.db.connection import Pool
from shared.db.distribution import DISTRIBUTED_TABLES, REFERENCE_TABLES

BY_TENANT = """
    SELECT c.relname::text AS name FROM pg_class c
      JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped
     WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
       AND NOT c.relispartition
"""
REFERENCES = """
    SELECT conrelid::regclass::text AS table_name, confrelid::regclass::text AS refers_to
      FROM pg_constraint WHERE contype = 'f' AND conparentid = 0
"""


async def test_every_table_of_tenants_is_named(pool: Pool) -> None:
    named = {row["name"] for row in await pool.fetch(BY_TENANT)}

    assert named == set(DISTRIBUTED_TABLES) - set(REFERENCE_TABLES)


async def test_a_table_comes_after_those_it_refers_to(pool: Pool) -> None:
    place = {name: number for number, name in enumerate((*REFERENCE_TABLES, *DISTRIBUTED_TABLES))}
    wrong = [
        (row["table_name"], row["refers_to"])
        for row in await pool.fetch(REFERENCES)
        if place[row["refers_to"]] > place[row["table_name"]]
    ]

    assert not wrong
