"""Statements that Citus refuses, each with why, and others like them that it takes."""

from typing import Final

REFUSED_CLOCKS: Final = {
    "an upsert": """
        INSERT INTO tenants AS t (tenant_id, name, plan, timezone) VALUES ($1, $2, $3, $4)
            ON CONFLICT (tenant_id) DO UPDATE SET updated_at = now()""",
    "an upsert that is not always done": """
        INSERT INTO tenants AS t (tenant_id, name, plan, timezone) VALUES ($1, $2, $3, $4)
            ON CONFLICT (tenant_id) DO UPDATE SET name = excluded.name
         WHERE t.updated_at < clock_timestamp()""",
    "a choice": "UPDATE tenants SET updated_at = CASE WHEN $2 THEN now() END WHERE tenant_id = $1",
    "a default": """
        UPDATE tenants SET active_from = coalesce(active_from, date_trunc('second', now()))
         WHERE tenant_id = $1""",
    "a default of the standard's clock": """
        UPDATE tenants SET active_from = coalesce(active_from, current_timestamp)
         WHERE tenant_id = $1""",
    "what is returned": """
        UPDATE tenants SET name = $2 WHERE tenant_id = $1 RETURNING name, now() AS at""",
    "what an upsert returns": """
        INSERT INTO tenants (tenant_id, name, plan, timezone) VALUES ($1, $2, $3, $4)
            ON CONFLICT (tenant_id) DO NOTHING RETURNING gen_random_uuid()""",
}
REFUSED_TYPES: Final = {
    "an instant of an upsert less an interval": """
        INSERT INTO webhook_rejections AS r (tenant_id, since, rejected_at, rejections)
        VALUES ($1, $2, $2, 1)
            ON CONFLICT (tenant_id) DO UPDATE SET rejections = r.rejections + 1
         WHERE r.rejected_at < excluded.rejected_at - $3::interval""",
    "an instant plus what a column says": """
        UPDATE backfills SET not_before = $3::timestamptz + failures * interval '1 second'
         WHERE tenant_id = $1 AND backfill_id = $2""",
    "a column that is compared once an interval is added": """
        UPDATE outbox SET heard_at = NULL WHERE tenant_id = $1 AND heard_at + $2 <= $3""",
    "a column as text": "UPDATE tenants SET name = created_at::text WHERE tenant_id = $1",
    "chance": """
        UPDATE outbox SET due_at = $2::timestamptz + random() * $3::interval
         WHERE tenant_id = $1""",
    "a day that is returned": """
        DELETE FROM tenants WHERE tenant_id = $1 RETURNING created_at::date""",
    "a choice below a WITH": """
        WITH moved AS (
            UPDATE outbox SET due_at = coalesce(heard_at, now()) WHERE tenant_id = $1
            RETURNING bill_id)
        SELECT count(*) FROM moved""",
}
REFUSED_SHAPES: Final = {
    "a lock over tenants": "SELECT bill_id FROM outbox WHERE due_at <= $1 FOR UPDATE SKIP LOCKED",
    "a lock of tenants brought along": """
        SELECT bill_id FROM outbox WHERE tenant_id = ANY($1::text[]) FOR SHARE""",
    "a lock for each tenant": """
        SELECT d.bill_id FROM tenants t CROSS JOIN LATERAL (
            SELECT o.bill_id FROM outbox o WHERE o.tenant_id = t.tenant_id FOR UPDATE) d""",
    "a lock whose tenant is named or not": """
        SELECT bill_id FROM outbox WHERE tenant_id = $1 OR $2 FOR UPDATE""",
    "a change over tenants": "UPDATE sales SET code = NULL WHERE code = $1",
    "a change of tenants that another table names": """
        UPDATE sales s SET code = NULL FROM bills b
         WHERE s.tenant_id = b.tenant_id AND s.bill_id = b.bill_id""",
    "a deletion below a WITH": """
        WITH gone AS (DELETE FROM bills) DELETE FROM sales WHERE tenant_id = $1""",
    "a row of no tenant": "INSERT INTO sales (bill_id, amount) VALUES ($1, $2)",
    "a join by bill": """
        SELECT s.status FROM sales s JOIN bills b ON b.bill_id = s.bill_id
         WHERE s.tenant_id = $1""",
    "a join of which one side's tenant is another": """
        SELECT s.status FROM sales s, bills b WHERE s.tenant_id = $1 AND b.tenant_id = $2""",
    "a join to what a subquery reads": """
        SELECT s.status FROM sales s JOIN (SELECT bill_id, status FROM bills) b USING (bill_id)
         WHERE s.tenant_id = $1""",
    "a join of tenants brought along": """
        SELECT s.status FROM sales s, bills b
         WHERE s.tenant_id = ANY($1::text[]) AND b.tenant_id = ANY($1::text[])
           AND s.bill_id = b.bill_id""",
    "a join that leaves some out": """
        SELECT s.status FROM sales s LEFT JOIN bills b ON b.bill_id = s.bill_id
         WHERE s.tenant_id = $1""",
    "a subquery of other tenants": """
        SELECT status FROM sales s
         WHERE tenant_id = $1 AND EXISTS (SELECT FROM bills b WHERE b.bill_id = s.bill_id)""",
    "a recursion over tenants": """
        WITH RECURSIVE t AS (
            (SELECT tenant_id FROM outbox ORDER BY tenant_id LIMIT 1)
            UNION ALL
            SELECT (SELECT o.tenant_id FROM outbox o WHERE o.tenant_id > t.tenant_id
                     ORDER BY o.tenant_id LIMIT 1) FROM t WHERE t.tenant_id IS NOT NULL)
        SELECT tenant_id FROM t""",
    "a subquery for each of some VALUES": """
        SELECT t.tenant_id, first.due_at FROM tenants t LEFT JOIN LATERAL (
            SELECT min((SELECT o.due_at FROM outbox o
                         WHERE o.tenant_id = t.tenant_id AND o.lane = lanes.lane LIMIT 1)) AS due_at
              FROM (VALUES (0::smallint), (1::smallint)) AS lanes (lane)) first ON true""",
    "a subquery for each tenant brought along": """
        SELECT m.tenant_id FROM unnest($1::text[]) AS m (tenant_id)
         WHERE EXISTS (SELECT FROM tenants t WHERE t.tenant_id = m.tenant_id)""",
}
REFUSED_ON_NODES: Final = {
    "a LATERAL that has the tenant of the query around it": """
        SELECT s.bill_id, n.number FROM sales s LEFT JOIN LATERAL (
            SELECT number FROM notas WHERE tenant_id = s.tenant_id AND bill_id = s.bill_id
             ORDER BY revision DESC LIMIT 1) n ON true
         WHERE s.tenant_id = $1""",
    "a subquery that has the tenant of the query around it": """
        SELECT s.bill_id FROM sales s
         WHERE s.tenant_id = $1 AND (s.code = $2 OR EXISTS (
               SELECT FROM notas n WHERE n.tenant_id = s.tenant_id AND n.bill_id = s.bill_id))""",
    "a LIMIT for each of what is brought along": """
        SELECT t.tenant_id, s.bill_id FROM unnest($1::text[], $2::bytea[]) AS w (tenant_id, word)
          JOIN tenants t ON t.tenant_id = w.tenant_id
         CROSS JOIN LATERAL (
               SELECT bill_id FROM sales WHERE tenant_id = t.tenant_id AND document_word = w.word
                ORDER BY bill_id DESC LIMIT 5) s""",
    "a count for each of a page that is asked for first": """
        SELECT t.tenant_id, a.acts
          FROM (SELECT tenant_id FROM tenants ORDER BY tenant_id LIMIT $1) t
         CROSS JOIN LATERAL (
               SELECT count(*) AS acts FROM audit u WHERE u.tenant_id = t.tenant_id) a""",
    "a sum over all rows of a node for each of what is brought along": """
        SELECT w.tenant_id, s.place FROM unnest($1::text[]) AS w (tenant_id)
         CROSS JOIN LATERAL (
               SELECT row_number() OVER (ORDER BY bill_id) AS place FROM sales
                WHERE tenant_id = w.tenant_id) s""",
    "a part without columns, asked for first": """
        SELECT count(*) FROM (SELECT FROM tenants LIMIT $1) AS t""",
    "whether there is one, asked for first without a column": """
        SELECT EXISTS (SELECT FROM nota_connections WHERE company_id = $1)""",
    "the number of the coordinator's transaction": """
        UPDATE idempotency_keys SET status = 0
         WHERE tenant_id = $1 AND pg_current_xact_id_if_assigned() IS NOT NULL""",
    "rows that would be copied past a guard": """
        INSERT INTO timeline (tenant_id, bill_id, what)
        SELECT $1, bill_id, $3 FROM unnest($2::bigint[]) AS b (bill_id)""",
    "a subquery without a name": "SELECT bill_id FROM (SELECT bill_id FROM sales)",
}
TAKEN_ON_NODES: Final = {
    "a LATERAL that names the tenant": """
        SELECT s.bill_id, n.number FROM sales s LEFT JOIN LATERAL (
            SELECT number FROM notas WHERE tenant_id = $1 AND bill_id = s.bill_id
             ORDER BY revision DESC LIMIT 1) n ON true
         WHERE s.tenant_id = $1""",
    "a join that has the tenant of its own FROM": """
        SELECT s.bill_id FROM sales s
          JOIN tenants t ON t.tenant_id = s.tenant_id
          LEFT JOIN bills b ON b.tenant_id = s.tenant_id AND b.bill_id = s.bill_id
         WHERE s.tenant_id = $1""",
    "the newest of each of what is brought along, counted off within the tenant": """
        SELECT t.tenant_id, s.bill_id FROM unnest($1::text[], $2::bytea[]) AS w (tenant_id, word)
          JOIN tenants t ON t.tenant_id = w.tenant_id
         CROSS JOIN LATERAL (
               SELECT f.bill_id, row_number() OVER (PARTITION BY f.tenant_id
                                                        ORDER BY f.bill_id DESC) AS place
                 FROM sales f WHERE f.tenant_id = t.tenant_id AND f.document_word = w.word) s
         WHERE s.place <= 5""",
    "a count for each tenant": """
        SELECT t.tenant_id, a.acts FROM tenants t CROSS JOIN LATERAL (
               SELECT count(*) AS acts FROM audit u WHERE u.tenant_id = t.tenant_id) a
         WHERE t.tenant_id > $1 ORDER BY t.tenant_id LIMIT $2""",
    "rows that each node inserts": """
        INSERT INTO timeline (tenant_id, bill_id, what)
        SELECT $1, bill_id, $3 FROM unnest($2::bigint[]) AS b (bill_id) RETURNING bill_id""",
    "whether a tenant has one": "SELECT EXISTS (SELECT FROM sales WHERE tenant_id = $1)",
}
REFUSED_ZONES: Final = {
    "a day of an instant": "SELECT created_at::date FROM tenants",
    "a month of an instant": "SELECT date_trunc('month', moment_at) FROM sales",
    "the days between two": """
        SELECT k.tenant_id, day::date
          FROM nota_connections k CROSS JOIN generate_series($1::date, $2::date, '1 day') AS day""",
    "a day as text": "SELECT to_char(month, 'YYYY-MM') FROM closing_locks",
    "an instant against a day": "SELECT bill_id FROM sales WHERE moment_at >= $1::date",
}
TAKEN: Final = {
    "a clock that the coordinator reads": """
        UPDATE outbox SET lease_until = now() + $2::interval
         WHERE tenant_id = $1 AND lease_until <= now()""",
    "the instant of the row that was refused": """
        INSERT INTO tenants AS t (tenant_id, name, plan, timezone, updated_at)
        VALUES ($1, $2, $3, $4, now())
            ON CONFLICT (tenant_id) DO UPDATE SET updated_at = excluded.updated_at
         WHERE excluded.updated_at - t.updated_at > $5::interval""",
    "tenants brought along as data": """
        UPDATE outbox o SET heard_at = NULL
          FROM unnest($1::text[], $2::bigint[]) AS m (tenant_id, bill_id)
         WHERE (o.tenant_id, o.bill_id) = (m.tenant_id, m.bill_id)""",
    "tenants of a list": "UPDATE outbox SET heard_at = NULL WHERE tenant_id = ANY($1::text[])",
    "a subquery for each bill of one tenant": """
        SELECT b.bill_id FROM unnest($2::bigint[]) AS b (bill_id)
         WHERE NOT EXISTS (SELECT FROM sales s WHERE s.tenant_id = $1 AND s.bill_id = b.bill_id)""",
    "a probe for each tenant": """
        SELECT t.tenant_id, o.due_at FROM tenants t JOIN LATERAL (
            SELECT o.due_at FROM outbox o WHERE o.tenant_id = t.tenant_id
             ORDER BY o.due_at LIMIT 1) o ON true""",
    "a lock of one tenant below a WITH": """
        WITH picked AS MATERIALIZED (
            SELECT bill_id FROM outbox WHERE tenant_id = $1 AND state = 'due' FOR UPDATE)
        UPDATE outbox o SET tries = 0 FROM picked
         WHERE o.tenant_id = $1 AND o.bill_id = picked.bill_id""",
}
