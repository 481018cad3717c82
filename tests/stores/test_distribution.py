"""Every table of a tenant is spread by tenant: one that is forgotten would live on one node."""

from shared.db.connection import Pool
from shared.db.distribution import DISTRIBUTED_TABLES, OF_SOME_COLUMNS, REFERENCE_TABLES

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
# Each with the places of tenant_id on both sides, and what happens to whoever refers.
FOREIGN_KEYS = """
    SELECT k.conname::text AS name, k.conrelid::regclass::text AS table_name,
           k.confrelid::regclass::text AS refers_to, k.condeferrable AS deferrable,
           k.confdeltype::text AS on_delete, k.confupdtype::text AS on_update,
           array_position(k.conkey, (SELECT attnum FROM pg_attribute WHERE attrelid = k.conrelid
                                        AND attname = 'tenant_id')) AS here,
           array_position(k.confkey, (SELECT attnum FROM pg_attribute WHERE attrelid = k.confrelid
                                         AND attname = 'tenant_id')) AS there
      FROM pg_constraint k WHERE k.contype = 'f' AND k.conparentid = 0
"""
UNIQUE = """
    SELECT i.indexrelid::regclass::text AS name, t.relname::text AS table_name,
           a.attnum = ANY (i.indkey::int2[]) AS by_tenant,
           EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.indexrelid AND k.condeferrable)
               AS deferrable
      FROM pg_index i
      JOIN pg_class t ON t.oid = i.indrelid AND t.relnamespace = 'public'::regnamespace
      JOIN pg_attribute a ON a.attrelid = t.oid AND a.attname = 'tenant_id'
     WHERE i.indisunique
"""
# Citus takes no triggers unless it is told to, no rules, and no inheritance but partitions.
OTHERS = """
    SELECT 'trigger ' || tgname AS what FROM pg_trigger WHERE NOT tgisinternal
     UNION ALL
    SELECT 'rule ' || rulename FROM pg_rules WHERE schemaname = 'public'
     UNION ALL
    SELECT 'exclusion ' || conname FROM pg_constraint WHERE contype = 'x'
     UNION ALL
    SELECT 'inheritance ' || i.inhrelid::regclass::text FROM pg_inherits i
      JOIN pg_class c ON c.oid = i.inhrelid WHERE NOT c.relispartition AND c.relkind = 'r'
"""


async def test_a_foreign_key_stays_on_its_node(pool: Pool) -> None:
    keys = await pool.fetch(FOREIGN_KEYS)

    assert keys
    for key in keys:
        here, there = (name in DISTRIBUTED_TABLES for name in (key["table_name"], key["refers_to"]))
        assert here or not there, f"{key['name']}: every node has the one, one node the other"
        assert not key["deferrable"], key["name"]
        if here and there:
            assert key["here"] is not None, key["name"]
            assert key["here"] == key["there"], key["name"]
        if here:  # a row's tenant is never emptied or changed
            assert key["on_delete"] in {"a", "r", "c"}, key["name"]
            assert key["on_update"] in {"a", "r"}, key["name"]


async def test_what_is_unique_is_so_within_a_tenant(pool: Pool) -> None:
    rows = [row for row in await pool.fetch(UNIQUE) if row["table_name"] in DISTRIBUTED_TABLES]

    assert len(rows) >= len(DISTRIBUTED_TABLES)
    assert not [row["name"] for row in rows if not row["by_tenant"] or row["deferrable"]]


async def test_a_grant_of_columns_is_known_to_be_made_whole_on_nodes(pool: Pool) -> None:
    rows = await pool.fetch(
        "SELECT DISTINCT attrelid::regclass::text AS name FROM pg_attribute"
        " WHERE attacl IS NOT NULL AND attrelid > 16384"
    )

    assert {row["name"] for row in rows} == set(OF_SOME_COLUMNS)


async def test_nothing_hangs_on_a_table_that_nodes_would_not_have(pool: Pool) -> None:
    assert [row["what"] for row in await pool.fetch(OTHERS)] == []


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
