-- audit_store.add
INSERT INTO audit (tenant_id, actor, action, detail) VALUES ($1, $2, $3, $4)

-- backfill_bills_store.add
   INSERT INTO backfill_bills (tenant_id, backfill_id, bill_id, month, amount, outcome, code,
                               to_issue, customer_id, charges, body, read_at)
   SELECT $1, $2, bill_id, month, amount, outcome, code, to_issue, customer_id,
          ARRAY(SELECT jsonb_array_elements_text(charges::jsonb)::bigint), body, read_at
     FROM unnest($3::bigint[], $4::text[], $5::bigint[], $6::text[], $7::text[], $8::bigint[],
                 $9::bigint[], $10::text[], $11::bytea[], $12::timestamptz[])
          AS f (bill_id, month, amount, outcome, code, to_issue, customer_id, charges, body,
                read_at)
       ON CONFLICT (tenant_id, backfill_id, bill_id) DO NOTHING
RETURNING bill_id

-- backfill_bills_store.add_customers
INSERT INTO backfill_customers (tenant_id, backfill_id, customer_id, body, problem)
SELECT $1, $2, customer_id, body, problem
  FROM unnest($3::bigint[], $4::bytea[], $5::text[]) AS c (customer_id, body, problem)
    ON CONFLICT DO NOTHING

-- backfill_bills_store.customers
SELECT customer_id, body, problem FROM backfill_customers
 WHERE tenant_id = $1 AND backfill_id = $2 AND customer_id = ANY($3::bigint[])

-- backfill_bills_store.now_ready
UPDATE backfill_bills SET outcome = 'ready'
 WHERE tenant_id = $1 AND backfill_id = $2 AND outcome = 'customer'
   AND customer_id = ANY($3::bigint[])

-- backfill_bills_store.ready
SELECT bill_id, charges, refunds, body, read_at, customer_id FROM backfill_bills
 WHERE tenant_id = $1 AND backfill_id = $2 AND outcome = 'ready'
 ORDER BY bill_id LIMIT $3

-- backfill_bills_store.settle
UPDATE backfill_bills b
   SET outcome = d.outcome, code = d.code, to_issue = d.to_issue, refunds = d.refunds::jsonb,
       body = CASE WHEN d.outcome = 'customer' THEN b.body END
  FROM unnest($3::bigint[], $4::text[], $5::text[], $6::bigint[], $7::text[])
       AS d (bill_id, outcome, code, to_issue, refunds)
 WHERE b.tenant_id = $1 AND b.backfill_id = $2 AND b.bill_id = d.bill_id

-- backfill_bills_store.unread_customers
SELECT DISTINCT customer_id FROM backfill_bills
 WHERE tenant_id = $1 AND backfill_id = $2 AND outcome = 'customer'
 ORDER BY customer_id LIMIT $3

-- backfill_bills_store.without_refunds
SELECT bill_id, charges, refunds, body, read_at, customer_id FROM backfill_bills
 WHERE tenant_id = $1 AND backfill_id = $2 AND outcome = 'refunds'
 ORDER BY bill_id LIMIT $3

-- backfill_sales_store.take
   INSERT INTO sales AS s (tenant_id, bill_id, status, amount, moment_at, origin, customer_id,
                           customer_name, backfill, backfill_id)
   SELECT $1, t.bill_id, 'queued', t.amount, t.moment_at, 'backfill', t.customer_id,
          t.customer_name, $3, $2
     FROM unnest($4::bigint[], $5::bigint[], $6::timestamptz[], $7::bigint[], $8::text[])
          AS t (bill_id, amount, moment_at, customer_id, customer_name)
    WHERE NOT EXISTS (SELECT FROM notas n WHERE n.tenant_id = $1 AND n.bill_id = t.bill_id)
    ORDER BY t.bill_id
       ON CONFLICT (tenant_id, bill_id) DO UPDATE
      SET backfill = excluded.backfill, backfill_id = excluded.backfill_id,
          status = CASE WHEN s.code = 'before_activation' THEN 'queued' ELSE s.status END,
          code = CASE WHEN s.code = 'before_activation' THEN NULL ELSE s.code END,
          updated_at = now()
RETURNING bill_id

-- backfills_store.add
   INSERT INTO backfills (tenant_id, backfill_id, dry_run, since, until, competencia, rule,
                          requested_by, reason)
   VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
       ON CONFLICT (tenant_id) WHERE status IN ('queued', 'running') DO NOTHING
RETURNING backfill_id

-- backfills_store.advance
   UPDATE backfills
      SET phase = $4, anchor = $5, page = $6, reading = $7, rows_read = $8, rows_left = $9,
          seen = coalesce($10, seen), list_total = $11, again = $12, failures = 0, error = NULL
    WHERE tenant_id = $1 AND backfill_id = $2 AND attempt = $3 AND status = 'running'
RETURNING true

-- backfills_store.claim
   UPDATE backfills
      SET status = 'running', started_at = coalesce(started_at, now()), attempt = attempt + 1,
          lease_until = now() + $3::interval, not_before = NULL
    WHERE tenant_id = $1 AND backfill_id = $2 AND status IN ('queued', 'running')
      AND coalesce(lease_until, '-infinity') <= now()
      AND coalesce(not_before, '-infinity') <= now()
RETURNING *

-- backfills_store.end
   UPDATE backfills
      SET status = $4, finished_at = now(), error = $5, summary = $6, lease_until = NULL,
          seen = '{}'
    WHERE tenant_id = $1 AND backfill_id = $2 AND status IN ('queued', 'running')
      AND ($3::bigint IS NULL OR attempt = $3)
RETURNING true

-- backfills_store.forget_bills
DELETE FROM backfill_bills WHERE tenant_id = $1 AND backfill_id = $2

-- backfills_store.forget_customers
DELETE FROM backfill_customers WHERE tenant_id = $1 AND backfill_id = $2

-- backfills_store.found
SELECT outcome, code, month, count(*) AS bills, sum(amount)::bigint AS amount,
       sum(to_issue)::bigint AS to_issue
  FROM backfill_bills WHERE tenant_id = $1 AND backfill_id = $2
 GROUP BY outcome, code, month

-- backfills_store.get
SELECT * FROM backfills WHERE tenant_id = $1 AND backfill_id = $2

-- backfills_store.let_go
UPDATE backfills SET lease_until = NULL
 WHERE tenant_id = $1 AND backfill_id = $2 AND attempt = $3 AND status = 'running'

-- backfills_store.list_newest_first
SELECT * FROM backfills
 WHERE tenant_id = $1
   AND ($2::timestamptz IS NULL OR (requested_at, backfill_id) < ($2, $3))
 ORDER BY requested_at DESC, backfill_id DESC LIMIT $4

-- backfills_store.lock
SELECT true FROM backfills
 WHERE tenant_id = $1 AND backfill_id = $2 AND status IN ('queued', 'running') FOR UPDATE

-- backfills_store.open
SELECT backfill_id FROM backfills WHERE tenant_id = $1 AND status IN ('queued', 'running')

-- backfills_store.release
   UPDATE backfills
      SET lease_until = NULL, failures = failures + 1, error = $4,
          not_before = now() + least(60, power(2, least(failures, 6))) * interval '1 second'
    WHERE tenant_id = $1 AND backfill_id = $2 AND attempt = $3 AND status = 'running'
RETURNING failures

-- backfills_store.renew
   UPDATE backfills SET lease_until = now() + $4::interval
    WHERE tenant_id = $1 AND backfill_id = $2 AND attempt = $3 AND status = 'running'
RETURNING true

-- backfills_store.waiting_any_tenant
SELECT tenant_id, backfill_id FROM backfills
 WHERE status IN ('queued', 'running') AND coalesce(lease_until, '-infinity') <= now()
   AND coalesce(not_before, '-infinity') <= now()
 ORDER BY requested_at LIMIT $1

-- bills_store.lately
SELECT bill_id, status, updated_at, moment_amount, customer_id, came_alive_at, refunds::text,
       body, read_at
  FROM bills
 WHERE tenant_id = $1 AND read_at >= $2
   AND (created_at >= $2::timestamptz - interval '1 day'
        OR paid_moment >= $2::timestamptz - interval '4 days'
        OR status IN ('review', 'scheduled', 'pending'))

-- bills_store.load
SELECT bill_id, status, updated_at, moment_amount, customer_id, came_alive_at, refunds::text,
       body, read_at
  FROM bills WHERE tenant_id = $1 AND bill_id = ANY($2::bigint[])

-- bills_store.newest
SELECT bill_id, status, updated_at, moment_amount, customer_id, came_alive_at, refunds::text,
       body, read_at
  FROM bills
 WHERE tenant_id = $1 AND created_at > '-infinity' ORDER BY created_at DESC LIMIT 1

-- bills_store.open_unseen
SELECT bill_id FROM bills
 WHERE tenant_id = $1 AND status IN ('review', 'scheduled', 'pending') AND read_at < $2
   AND bill_id > $3
 ORDER BY bill_id LIMIT $4

-- bills_store.paid_by_day
SELECT (created_at AT TIME ZONE $4)::date AS day, count(*) AS bills FROM bills
 WHERE tenant_id = $1 AND status = 'paid' AND created_at >= $2 AND created_at < $3
 GROUP BY 1

-- bills_store.store
INSERT INTO bills AS b (
    tenant_id, bill_id, status, amount, moment_amount, customer_id, created_at, updated_at,
    created_moment, paid_moment, recorded_at, came_alive_at, refunds, refunds_read_at, body,
    read_at, charges_paid_at)
SELECT $1, bill_id, status, amount, moment_amount, customer_id, created_at, updated_at,
       created_moment, paid_moment, recorded_at, came_alive_at, refunds, read_at, body,
       read_at, charges_paid_at
  FROM ROWS FROM (
           json_to_recordset($2::text::json)
               AS (bill_id bigint, status text, amount bigint, moment_amount bigint,
                   customer_id bigint, created_at timestamptz, updated_at timestamptz,
                   created_moment timestamptz, paid_moment timestamptz,
                   recorded_at timestamptz, came_alive_at timestamptz, refunds jsonb,
                   read_at timestamptz, charges_paid_at timestamptz[]),
           unnest($3::bytea[]))
       AS r (bill_id, status, amount, moment_amount, customer_id, created_at, updated_at,
             created_moment, paid_moment, recorded_at, came_alive_at, refunds, read_at,
             charges_paid_at, body)
    ON CONFLICT (tenant_id, bill_id) DO UPDATE
   SET status = excluded.status,
       amount = excluded.amount,
       moment_amount = CASE WHEN excluded.status IN ('pending', 'paid') AND excluded.amount <> 0
                            THEN excluded.moment_amount ELSE b.moment_amount END,
       customer_id = excluded.customer_id,
       updated_at = excluded.updated_at,
       created_moment = coalesce(b.created_moment, excluded.created_moment),
       paid_moment = coalesce(excluded.paid_moment, b.paid_moment),
       recorded_at = coalesce(excluded.recorded_at, b.recorded_at),
       came_alive_at = coalesce(b.came_alive_at, excluded.came_alive_at),
       refunds = excluded.refunds,
       refunds_read_at = excluded.refunds_read_at,
       body = excluded.body,
       read_at = excluded.read_at,
       charges_paid_at = excluded.charges_paid_at
 WHERE excluded.updated_at >= b.updated_at

-- brakes_store.count
INSERT INTO nota_days AS d (tenant_id, day, notas, amount, backfilled)
VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (tenant_id, day) DO UPDATE
   SET notas = d.notas + excluded.notas, amount = d.amount + excluded.amount,
       backfilled = d.backfilled + excluded.backfilled

-- brakes_store.count freed
UPDATE tenant_brakes
   SET free_notas = $3 + CASE WHEN free_day = $2 THEN free_notas ELSE 0 END,
       free_amount = $4 + CASE WHEN free_day = $2 THEN free_amount ELSE 0 END,
       free_day = $2
 WHERE tenant_id = $1

-- brakes_store.free_held
WITH held AS MATERIALIZED (
    SELECT o.bill_id FROM outbox o
     WHERE o.tenant_id = $1 AND o.bill_id = ANY (ARRAY(
           SELECT bill_id FROM sales
            WHERE tenant_id = $1 AND status = 'held' AND code = ANY($2::text[])))
     ORDER BY o.bill_id FOR UPDATE OF o
), due AS (
    UPDATE outbox o
       SET generation = o.generation + 1, bill_facts = o.bill_facts + 1, tries = 0,
           due_at = least(o.due_at, now()),
           state = CASE WHEN o.state = 'leased' THEN 'leased' ELSE 'due' END
     WHERE o.tenant_id = $1 AND o.bill_id = ANY (ARRAY(SELECT bill_id FROM held))
), told AS (
    INSERT INTO timeline (tenant_id, bill_id, what, why, by)
    SELECT $1, bill_id, 'brake_released', $3, $4 FROM held
)
UPDATE sales s SET brake_free = true
 WHERE s.tenant_id = $1 AND s.bill_id = ANY (ARRAY(SELECT bill_id FROM held))

-- brakes_store.free_sales
SELECT bill_id FROM sales
 WHERE tenant_id = $1 AND bill_id = ANY($2::bigint[]) AND (brake_free OR wish = 'issue')

-- brakes_store.get
SELECT notas_a_day, amount_a_day, amount_a_nota, unusual, code, braked_at, detail
  FROM tenant_brakes WHERE tenant_id = $1

-- brakes_store.get_any_tenant
SELECT tenant_id, notas_a_day, amount_a_day, amount_a_nota, unusual, code, braked_at, detail
  FROM tenant_brakes WHERE tenant_id = ANY($1::text[])

-- brakes_store.lock_today add
INSERT INTO tenant_brakes (tenant_id) VALUES ($1) ON CONFLICT DO NOTHING

-- brakes_store.lock_today counts
SELECT coalesce(sum(notas) FILTER (WHERE day = $2), 0)::int AS notas,
       coalesce(sum(amount) FILTER (WHERE day = $2), 0)::bigint AS amount,
       coalesce(sum(backfilled) FILTER (WHERE day = $2), 0)::int AS backfilled,
       count(*) FILTER (WHERE day < $2 AND notas > backfilled) AS history_days,
       coalesce(max(notas - backfilled) FILTER (WHERE day < $2), 0) AS busiest
  FROM nota_days WHERE tenant_id = $1 AND day BETWEEN $2 - $3::int AND $2

-- brakes_store.lock_today lock
SELECT b.notas_a_day, b.amount_a_day, b.amount_a_nota, b.unusual, b.code,
       (now() AT TIME ZONE t.timezone)::date AS day, b.free_notas, b.free_amount, b.free_day
  FROM tenant_brakes b JOIN tenants t ON t.tenant_id = b.tenant_id
 WHERE b.tenant_id = $1 FOR UPDATE OF b

-- brakes_store.pull
UPDATE tenant_brakes SET code = $2, detail = $3, braked_at = now()
 WHERE tenant_id = $1 AND code IS NULL

-- brakes_store.put
INSERT INTO tenant_brakes (tenant_id, notas_a_day, amount_a_day, amount_a_nota, unusual)
VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (tenant_id) DO UPDATE
   SET notas_a_day = excluded.notas_a_day, amount_a_day = excluded.amount_a_day,
       amount_a_nota = excluded.amount_a_nota, unusual = excluded.unusual

-- brakes_store.release
UPDATE tenant_brakes b
   SET code = NULL, detail = '', braked_at = NULL, free_day = d.day,
       free_notas = coalesce(n.notas, 0), free_amount = coalesce(n.amount, 0)
  FROM (SELECT (now() AT TIME ZONE timezone)::date AS day FROM tenants
         WHERE tenant_id = $1) d
  LEFT JOIN nota_days n ON n.tenant_id = $1 AND n.day = d.day
 WHERE b.tenant_id = $1 AND b.code IS NOT NULL

-- brakes_store.uncount
UPDATE nota_days d
   SET notas = greatest(d.notas - w.notas, 0), amount = greatest(d.amount - w.amount, 0)
  FROM (SELECT (i.created_at AT TIME ZONE t.timezone)::date AS day, count(*)::int AS notas,
               sum(i.amount)::bigint AS amount
          FROM unnest($2::timestamptz[], $3::bigint[]) AS i (created_at, amount)
         CROSS JOIN tenants t WHERE t.tenant_id = $1 GROUP BY 1) w
 WHERE d.tenant_id = $1 AND d.day = w.day

-- closing_checks_store.advance
UPDATE closing_checks
   SET status = CASE WHEN $4::text IS NULL THEN 'completed' ELSE 'running' END,
       finished_at = CASE WHEN $4::text IS NULL THEN now() END,
       phase = coalesce($4, phase), cursor = $5, bills_total = coalesce($6, bills_total),
       bills_read = bills_read + $7, differed = differed + $8, found = found + $9,
       lease_until = NULL, failures = 0, error = NULL
 WHERE tenant_id = $1 AND month = $2 AND attempt = $3 AND status = 'running'

-- closing_checks_store.ask
   INSERT INTO closing_checks AS c (tenant_id, month, requested_by) VALUES ($1, $2, $3)
       ON CONFLICT (tenant_id, month) DO UPDATE
      SET status = 'queued', requested_by = excluded.requested_by, requested_at = now(),
          started_at = NULL, finished_at = NULL, error = NULL, attempt = c.attempt + 1,
          lease_until = NULL, not_before = NULL, failures = 0, phase = 'known', cursor = 0,
          bills_total = 0, bills_read = 0, differed = 0, found = 0
    WHERE c.status IN ('completed', 'failed')
RETURNING c.*

-- closing_checks_store.claim
   UPDATE closing_checks
      SET status = 'running', started_at = coalesce(started_at, now()), attempt = attempt + 1,
          lease_until = now() + $3::interval, not_before = NULL
    WHERE tenant_id = $1 AND month = $2 AND status IN ('queued', 'running')
      AND coalesce(lease_until, '-infinity') <= now()
RETURNING *

-- closing_checks_store.fail
UPDATE closing_checks
   SET status = 'failed', finished_at = now(), error = $4, lease_until = NULL
 WHERE tenant_id = $1 AND month = $2 AND attempt = $3 AND status = 'running'

-- closing_checks_store.get
SELECT * FROM closing_checks WHERE tenant_id = $1 AND month = $2

-- closing_checks_store.open_any_tenant
SELECT tenant_id, month FROM closing_checks
 WHERE status IN ('queued', 'running') AND coalesce(lease_until, '-infinity') <= now()
   AND coalesce(not_before, '-infinity') <= now()
 ORDER BY requested_at LIMIT $1

-- closing_checks_store.rest
UPDATE closing_checks
   SET lease_until = NULL, not_before = now() + $4::interval, error = $5,
       failures = failures + CASE WHEN $6 THEN 1 ELSE 0 END
 WHERE tenant_id = $1 AND month = $2 AND attempt = $3 AND status = 'running'

-- closing_locks_store.add
   INSERT INTO closing_locks (tenant_id, month, locked_by, reason, forced, figures)
   VALUES ($1, $2, $3, $4, $5, $6)
       ON CONFLICT (tenant_id, month) DO NOTHING
RETURNING month, locked_at, locked_by, reason, forced, figures

-- closing_locks_store.get
SELECT month, locked_at, locked_by, reason, forced, figures
  FROM closing_locks WHERE tenant_id = $1 AND month = $2

-- closing_locks_store.hold_open
SELECT status FROM tenants WHERE tenant_id = $1 FOR SHARE

-- closing_locks_store.locked_months
SELECT month FROM closing_locks WHERE tenant_id = $1

-- closing_locks_store.remove
   DELETE FROM closing_locks WHERE tenant_id = $1 AND month = $2
RETURNING month, locked_at, locked_by, reason, forced, figures

-- closing_read.bills
   SELECT s.bill_id FROM sales s WHERE 
          s.tenant_id = $1 AND s.moment_at >= $2 AND s.moment_at < $3
      AND s.status <> 'waiting_payment'
AND s.bill_id > $6
    UNION ALL
   SELECT b.bill_id FROM bills b WHERE 
          b.tenant_id = $1 AND b.status IN ('pending', 'paid')
      AND (($4 AND b.paid_moment >= $2 AND b.paid_moment < $3)
           OR ($5 AND NOT ($4 AND b.paid_moment IS NOT NULL)
               AND b.created_moment >= $2 AND b.created_moment < $3))
      AND NOT EXISTS (
          SELECT FROM sales s WHERE s.tenant_id = $1 AND s.bill_id = b.bill_id)
AND b.bill_id > $6
    ORDER BY bill_id LIMIT $7

-- closing_read.count_live_bills
SELECT count(*) FROM bills
 WHERE tenant_id = $1 AND created_at >= $2 AND created_at < $3
   AND status IN ('pending', 'paid')

-- closing_read.count_paid_charges
SELECT (SELECT count(*) FROM bills
         WHERE tenant_id = $1 AND paid_moment >= $2 AND paid_moment < $3
           AND charges_paid_at = ARRAY[paid_moment])
     + (SELECT count(*) FROM bills b CROSS JOIN unnest(b.charges_paid_at) AS paid (at)
         WHERE b.tenant_id = $1 AND b.charges_paid_at <> '{}'
           AND b.charges_paid_at IS DISTINCT FROM ARRAY[b.paid_moment]
           AND paid.at >= $2 AND paid.at < $3)

-- closing_read.lacking
SELECT coalesce(s.code, s.attention, 'part_without_nota') AS code, s.status,
       count(DISTINCT s.bill_id) AS bills, sum(p.amount)::bigint AS amount
  FROM sale_parts p JOIN sales s ON s.tenant_id = p.tenant_id AND s.bill_id = p.bill_id
 WHERE 
       s.tenant_id = $1 AND s.moment_at >= $2 AND s.moment_at < $3
   AND s.status <> 'waiting_payment'

   AND p.tenant_id = $1 AND s.status IN ('issued', 'cancelling', 'cancel_refused')
   AND NOT EXISTS (
       SELECT FROM notas n
        WHERE n.tenant_id = $1 AND n.bill_id = p.bill_id
          AND (n.part = p.part OR n.part = 0)
          AND n.status IN ('issued', 'cancelling', 'cancel_refused'))
 GROUP BY 1, 2

-- closing_read.lines
SELECT asked.bill_id,
       coalesce(s.moment_at, CASE WHEN $3 THEN b.paid_moment END, b.created_moment)
           AS moment_at,
       coalesce(s.customer_name, '') AS customer_name,
       coalesce(b.moment_amount, s.amount) AS amount,
       coalesce(s.status, 'queued') AS status,
       CASE WHEN s.bill_id IS NULL THEN 'not_decided'
            ELSE coalesce(s.code, s.attention) END AS code,
       n.number, n.external_id, n.nota_amount,
       CASE WHEN s.status IS NULL
              OR s.status NOT IN ('issued', 'cancelling', 'cancel_refused')
            THEN coalesce(b.moment_amount, s.amount) - coalesce(n.nota_amount, 0)
            ELSE l.amount
       END AS explained
  FROM unnest($2::bigint[]) AS asked (bill_id)
  LEFT JOIN sales s ON s.tenant_id = $1 AND s.bill_id = asked.bill_id
  LEFT JOIN bills b ON b.tenant_id = $1 AND b.bill_id = asked.bill_id
  LEFT JOIN (
       SELECT bill_id, sum(amount)::bigint AS nota_amount,
              string_agg(number, ' ' ORDER BY part) AS number,
              string_agg(external_id, ' ' ORDER BY part) AS external_id
         FROM notas
        WHERE tenant_id = $1 AND bill_id = ANY($2::bigint[])
          AND status IN ('issued', 'cancelling', 'cancel_refused')
        GROUP BY bill_id) n ON n.bill_id = asked.bill_id
  LEFT JOIN (
       SELECT p.bill_id, sum(p.amount)::bigint AS amount FROM sale_parts p
        WHERE p.tenant_id = $1 AND p.bill_id = ANY($2::bigint[])
          AND NOT EXISTS (
              SELECT FROM notas m
               WHERE m.tenant_id = $1 AND m.bill_id = p.bill_id
                 AND (m.part = p.part OR m.part = 0)
                 AND m.status IN ('issued', 'cancelling', 'cancel_refused'))
        GROUP BY p.bill_id) l ON l.bill_id = asked.bill_id
 ORDER BY asked.bill_id

-- closing_read.noted
SELECT 
       CASE WHEN s.status NOT IN ('issued', 'cancelling', 'cancel_refused')
            THEN coalesce(s.code, s.attention, s.status) END AS code,
       CASE WHEN s.status NOT IN ('issued', 'cancelling', 'cancel_refused')
            THEN s.status END AS status,

       count(DISTINCT n.bill_id) AS bills, sum(n.amount)::bigint AS amount
  FROM sales s JOIN notas n ON n.tenant_id = s.tenant_id AND n.bill_id = s.bill_id
 WHERE 
       s.tenant_id = $1 AND s.moment_at >= $2 AND s.moment_at < $3
   AND s.status <> 'waiting_payment'

   AND n.tenant_id = $1 AND n.status IN ('issued', 'cancelling', 'cancel_refused')
 GROUP BY 1, 2

-- closing_read.room
SELECT set_config('work_mem', '64MB', true), set_config('random_page_cost', '1.1', true)

-- closing_read.sold
SELECT 
       CASE WHEN s.status NOT IN ('issued', 'cancelling', 'cancel_refused')
            THEN coalesce(s.code, s.attention, s.status) END AS code,
       CASE WHEN s.status NOT IN ('issued', 'cancelling', 'cancel_refused')
            THEN s.status END AS status,

       count(*) AS bills, sum(coalesce(b.moment_amount, s.amount))::bigint AS amount,
       count(b.bill_id) AS vindi_bills, coalesce(sum(b.moment_amount), 0)::bigint
       AS vindi_amount, min(b.read_at) AS read_at
  FROM sales s LEFT JOIN bills b ON b.tenant_id = s.tenant_id AND b.bill_id = s.bill_id
 WHERE 
       s.tenant_id = $1 AND s.moment_at >= $2 AND s.moment_at < $3
   AND s.status <> 'waiting_payment'

 GROUP BY 1, 2

-- closing_read.undecided
WITH strange AS MATERIALIZED (
    SELECT b.bill_id, b.moment_amount, b.read_at FROM bills b
     WHERE b.tenant_id = $1 AND b.status IN ('pending', 'paid')
       AND (($4 AND b.paid_moment >= $2 AND b.paid_moment < $3)
            OR ($5 AND NOT ($4 AND b.paid_moment IS NOT NULL)
                AND b.created_moment >= $2 AND b.created_moment < $3))
       AND b.bill_id NOT IN (
           SELECT s.bill_id FROM sales s
            WHERE s.tenant_id = $1 AND s.moment_at >= $2 AND s.moment_at < $3)
)
SELECT count(*) AS bills, coalesce(sum(moment_amount), 0)::bigint AS amount,
       min(read_at) AS read_at
  FROM strange b
 WHERE NOT EXISTS (SELECT FROM sales s WHERE s.tenant_id = $1 AND s.bill_id = b.bill_id)

-- closing_read.unknown_bills
SELECT asked.bill_id FROM unnest($2::bigint[]) AS asked (bill_id)
 WHERE NOT EXISTS (
       SELECT FROM bills WHERE tenant_id = $1 AND bill_id = asked.bill_id)

-- closing_read.valid_notas
SELECT bill_id, part, external_id, number, status, amount FROM notas
 WHERE tenant_id = $1 AND bill_id = ANY($2::bigint[])
   AND status IN ('issued', 'cancelling', 'cancel_refused')
 ORDER BY bill_id, part

-- connections_store.block issuer
UPDATE issuer_connections
   SET state = $2, state_detail = $3,
       state_since = CASE WHEN state = $2 THEN state_since ELSE now() END
 WHERE tenant_id = $1 AND ($4::timestamptz IS NULL OR connected_at = $4)

-- connections_store.block vindi
UPDATE vindi_connections
   SET state = $2, state_detail = $3,
       state_since = CASE WHEN state = $2 THEN state_since ELSE now() END
 WHERE tenant_id = $1 AND ($4::timestamptz IS NULL OR connected_at = $4)

-- connections_store.get_issuer
SELECT kind, environment, api_key, key_hint, key_word, company_id, company_name, company_cnpj,
       state, state_since, state_detail, not_before, connected_at
  FROM issuer_connections WHERE tenant_id = $1

-- connections_store.get_vindi
SELECT environment, api_key, key_hint, merchant_name, registry_code,
       state, state_since, state_detail, not_before, connected_at
  FROM vindi_connections WHERE tenant_id = $1

-- connections_store.postpone issuer
UPDATE issuer_connections SET not_before = greatest(not_before, $2) WHERE tenant_id = $1

-- connections_store.postpone vindi
UPDATE vindi_connections SET not_before = greatest(not_before, $2) WHERE tenant_id = $1

-- connections_store.put_issuer
INSERT INTO issuer_connections AS c
       (tenant_id, kind, environment, api_key, key_hint, key_word, company_id, company_name,
        company_cnpj)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
    ON CONFLICT (tenant_id) DO UPDATE
   SET kind = excluded.kind, environment = excluded.environment, api_key = excluded.api_key,
       key_hint = excluded.key_hint, key_word = excluded.key_word,
       company_id = excluded.company_id, company_name = excluded.company_name,
       company_cnpj = excluded.company_cnpj, state = 'ok', state_since = now(),
       state_detail = '', not_before = NULL, connected_at = now()

-- connections_store.put_vindi
INSERT INTO vindi_connections AS c
       (tenant_id, environment, api_key, key_hint, merchant_name, registry_code)
VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT (tenant_id) DO UPDATE
   SET environment = excluded.environment, api_key = excluded.api_key,
       key_hint = excluded.key_hint, merchant_name = excluded.merchant_name,
       registry_code = excluded.registry_code, state = 'ok', state_since = now(),
       state_detail = '', not_before = NULL, connected_at = now()

-- connections_store.unblock issuer
UPDATE issuer_connections
   SET state = 'ok', state_detail = '', state_since = now(), not_before = NULL
 WHERE tenant_id = $1 AND state <> 'ok'

-- connections_store.unblock vindi
UPDATE vindi_connections
   SET state = 'ok', state_detail = '', state_since = now(), not_before = NULL
 WHERE tenant_id = $1 AND state <> 'ok'

-- customer_holds_store.any_waiting
SELECT EXISTS (
       SELECT FROM sales
        WHERE tenant_id = $1
          AND (status = 'held' AND code LIKE 'customer\_%'
               OR status = 'denied' AND code IN
                  ('denied_city', 'denied_document', 'denied_address', 'denied_contact')))

-- customer_holds_store.customers_after
SELECT DISTINCT customer_id FROM sales
 WHERE tenant_id = $1 AND customer_id > $2
   AND (status = 'held' AND code LIKE 'customer\_%'
        OR status = 'denied' AND code IN
           ('denied_city', 'denied_document', 'denied_address', 'denied_contact'))
 ORDER BY customer_id LIMIT $3

-- customer_holds_store.waiting_for
SELECT bill_id, customer_id, updated_at AS decided_at FROM sales
 WHERE tenant_id = $1 AND customer_id = ANY($2::bigint[])
   AND (status = 'held' AND code LIKE 'customer\_%'
        OR status = 'denied' AND code IN
           ('denied_city', 'denied_document', 'denied_address', 'denied_contact'))

-- denials_store.groups
SELECT coalesce(n.denial_group, n.denial) AS "group", min(n.denial) AS denial,
       count(DISTINCT n.bill_id) AS count, sum(n.amount)::bigint AS amount,
       min(coalesce(n.denied_at, n.sent_at, n.created_at)) AS first_at,
       max(coalesce(n.denied_at, n.sent_at, n.created_at)) AS last_at,
       count(*) FILTER (WHERE n.resend_at IS NOT NULL) AS by_itself,
       (array_agg(n.bill_id ORDER BY n.bill_id))[1:$2] AS examples,
       (array_agg(n.reason ORDER BY n.bill_id) FILTER (WHERE n.reason IS NOT NULL))[1]
           AS reason
  FROM notas n
 WHERE n.tenant_id = $1 AND n.status = 'denied' AND NOT n.resend
   AND n.bill_id = ANY (ARRAY(SELECT s.bill_id FROM sales s
                               WHERE s.tenant_id = $1 AND s.status = 'denied'))
 GROUP BY 1
 ORDER BY count DESC, "group"

-- denials_store.retry
WITH wanted AS MATERIALIZED (
    SELECT n.bill_id FROM notas n
     WHERE n.tenant_id = $1 AND n.status = 'denied' AND NOT n.resend AND n.bill_id > $3
       AND n.bill_id = ANY (ARRAY(SELECT s.bill_id FROM sales s
                                   WHERE s.tenant_id = $1 AND s.status = 'denied'
                                     AND s.bill_id > $3))
       AND (n.denial_group = $2 OR (n.denial_group IS NULL AND n.denial = $2))
     ORDER BY n.bill_id LIMIT $4
), locked AS MATERIALIZED (
    SELECT o.bill_id FROM outbox o
     WHERE o.tenant_id = $1 AND o.bill_id = ANY (ARRAY(SELECT bill_id FROM wanted))
     ORDER BY o.bill_id FOR UPDATE
), again AS (
    UPDATE notas n SET resend = true, resend_at = NULL
     WHERE n.tenant_id = $1 AND n.bill_id = ANY (ARRAY(SELECT bill_id FROM locked))
       AND n.status = 'denied'
       AND (n.denial_group = $2 OR (n.denial_group IS NULL AND n.denial = $2))
 RETURNING n.bill_id
), due AS (
    UPDATE outbox o
       SET generation = o.generation + 1, bill_facts = o.bill_facts + 1, tries = 0,
           lane = CASE WHEN o.state = 'settled' THEN $5 ELSE least(o.lane, $5) END,
           due_at = least(o.due_at, now()),
           state = CASE WHEN o.state = 'leased' THEN 'leased' ELSE 'due' END
     WHERE o.tenant_id = $1 AND o.bill_id = ANY (ARRAY(SELECT bill_id FROM again))
), told AS (
    INSERT INTO timeline (tenant_id, bill_id, what, why, by)
    SELECT $1, bill_id, 'retry', $6, $7 FROM (SELECT DISTINCT bill_id FROM again) bills
)
SELECT (SELECT count(DISTINCT bill_id) FROM again) AS accepted,
       (SELECT max(bill_id) FROM wanted) AS last

-- distribution.copy_everywhere
SELECT create_reference_table($1::regclass)

-- distribution.is_spread
SELECT EXISTS (SELECT FROM pg_dist_partition WHERE logicalrelid = to_regclass($1))

-- distribution.spread_by_tenant
SELECT create_distributed_table($1::regclass, 'tenant_id')

-- events_store.add
INSERT INTO events (tenant_id, source, type, bill_id, event_at, flag, headers, body)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::timestamptz[],
                     $6::text[], $7::jsonb[], $8::bytea[])

-- events_store.claims_of
SELECT bill_id, array_agg(DISTINCT type) AS types FROM events
 WHERE tenant_id = $1 AND bill_id = ANY($2::bigint[]) AND received_at > now() - $3::interval
   AND type IS NOT NULL
 GROUP BY bill_id

-- events_store.heard_of
SELECT DISTINCT bill_id FROM events
 WHERE tenant_id = $1 AND bill_id = ANY($2::bigint[]) AND source = 'vindi'
   AND received_at >= $3

-- events_store.last_heard
SELECT received_at FROM events WHERE tenant_id = $1 AND source = 'vindi'
 ORDER BY received_at DESC LIMIT 1

-- events_store.of_bill
SELECT received_at, source, type, event_at FROM events
 WHERE tenant_id = $1 AND bill_id = $2 ORDER BY received_at LIMIT $3

-- events_store.old_partitions
SELECT c.relname::text FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
 WHERE i.inhparent = 'events'::regclass AND c.relname ~ '^events_[0-9]{8}$'
   AND c.relname < $1
 ORDER BY c.relname

-- foreign_notas_store.claim
   UPDATE foreign_nota_marks SET next_at = now() + $2::interval
    WHERE tenant_id = $1 AND next_at <= now()
RETURNING coalesce(listed_to, (now() AT TIME ZONE 'UTC')::date - $3::int) AS since,
          (now() AT TIME ZONE 'UTC')::date AS until

-- foreign_notas_store.done
UPDATE foreign_nota_marks
   SET listed_from = CASE WHEN listed_to IS NULL THEN least(listed_from, $3)
                          ELSE listed_from END,
       listed_to = $2, next_at = now() + $4::interval
 WHERE tenant_id = $1

-- foreign_notas_store.due_any_tenant
SELECT m.tenant_id FROM foreign_nota_marks m
  JOIN tenants t ON t.tenant_id = m.tenant_id
  JOIN issuer_connections i ON i.tenant_id = m.tenant_id
 WHERE m.next_at <= now() AND t.status = 'active' AND i.state = 'ok'
 ORDER BY m.next_at LIMIT $1

-- foreign_notas_store.enrol_any_tenant
INSERT INTO foreign_nota_marks AS m (tenant_id, company_id)
SELECT i.tenant_id, i.company_id
  FROM issuer_connections i JOIN tenants t ON t.tenant_id = i.tenant_id
 WHERE t.status = 'active' AND NOT EXISTS (
       SELECT 1 FROM foreign_nota_marks k
        WHERE k.tenant_id = i.tenant_id AND k.company_id = i.company_id)
    ON CONFLICT (tenant_id) DO UPDATE
   SET company_id = excluded.company_id, listed_to = NULL, listed_from = NULL, next_at = now()
 WHERE m.company_id <> excluded.company_id

-- foreign_notas_store.find_alike
SELECT DISTINCT ON (c.bill_id) c.bill_id, f.number, f.competencia, f.amount
  FROM unnest($2::bigint[], $3::text[], $4::bytea[], $5::bigint[], $6::date[],
              $7::timestamptz[])
       AS c (bill_id, environment, document_word, amount, competencia, moment_at)
  JOIN tenants t ON t.tenant_id = $1
  JOIN foreign_notas f
    ON f.tenant_id = $1 AND f.valid AND f.document_word = c.document_word
   AND f.amount = c.amount AND f.environment = c.environment
   AND date_trunc('month', f.competencia::timestamp)
       IN (date_trunc('month', c.competencia::timestamp),
           date_trunc('month', c.moment_at AT TIME ZONE t.timezone))
  LEFT JOIN sales s ON s.tenant_id = $1 AND s.bill_id = c.bill_id
 WHERE s.wish IS DISTINCT FROM 'issue'
 ORDER BY c.bill_id, f.competencia

-- foreign_notas_store.reached
INSERT INTO foreign_nota_marks AS m (tenant_id, company_id, listed_from) VALUES ($1, $2, $3)
    ON CONFLICT (tenant_id) DO UPDATE
   SET listed_from = least(m.listed_from, excluded.listed_from)
 WHERE m.company_id = excluded.company_id

-- foreign_notas_store.store
INSERT INTO foreign_notas (tenant_id, issuer_id, environment, document_word, amount,
                           competencia, number, valid)
SELECT $1, * FROM unnest($2::text[], $3::text[], $4::bytea[], $5::bigint[], $6::date[],
                         $7::text[], $8::boolean[])
    ON CONFLICT (tenant_id, issuer_id) DO UPDATE
   SET number = excluded.number, valid = excluded.valid, amount = excluded.amount,
       competencia = excluded.competencia

-- foreign_notas_store.unlisted
SELECT coalesce(min(listed_from), (now() AT TIME ZONE 'UTC')::date) AS until
  FROM foreign_nota_marks WHERE tenant_id = $1 AND company_id = $2

-- idempotency_store.begin
   INSERT INTO idempotency_keys AS k (tenant_id, actor, key, request_hash)
   VALUES ($1, $2, $3, $4)
       ON CONFLICT (tenant_id, actor, key) DO UPDATE SET created_at = now()
    WHERE k.status IS NULL AND k.request_hash = excluded.request_hash
      AND k.created_at < now() - $5::interval
RETURNING created_at

-- idempotency_store.finish
UPDATE idempotency_keys SET status = $5, response = $6
 WHERE tenant_id = $1 AND actor = $2 AND key = $3 AND created_at = $4 AND status IS NULL

-- idempotency_store.forget_old_any_tenant
DELETE FROM idempotency_keys WHERE created_at < now() - $1::interval

-- idempotency_store.give_up
DELETE FROM idempotency_keys
 WHERE tenant_id = $1 AND actor = $2 AND key = $3 AND created_at = $4 AND status IS NULL

-- idempotency_store.look
SELECT request_hash, status, response FROM idempotency_keys
 WHERE tenant_id = $1 AND actor = $2 AND key = $3

-- issuer_health_store.lock
SELECT scope, state, since, failures, failing_since, openings, probe_at, slots, taken,
       round_until
  FROM issuer_breakers WHERE tenant_id = $1 AND scope = $2 FOR UPDATE

-- issuer_health_store.lock add
INSERT INTO issuer_breakers (tenant_id, scope, since) VALUES ($1, $2, $3)
    ON CONFLICT DO NOTHING

-- issuer_health_store.read
SELECT scope, state, since, failures, failing_since, openings, probe_at, slots, taken,
       round_until
  FROM issuer_breakers WHERE tenant_id = ANY($1::text[])
 ORDER BY tenant_id, scope

-- issuer_health_store.read_any_tenant
SELECT tenant_id, scope, state, since, failures, failing_since, openings, probe_at, slots,
       taken, round_until
  FROM issuer_breakers WHERE tenant_id = ANY($1::text[])
 ORDER BY tenant_id, scope

-- issuer_health_store.store
UPDATE issuer_breakers
   SET state = $3, since = $4, failures = $5, failing_since = $6, openings = $7,
       probe_at = $8, slots = $9, taken = $10, round_until = $11
 WHERE tenant_id = $1 AND scope = $2

-- migrate.current_revision
SELECT version_num FROM alembic_version

-- migrate.has_revisions
SELECT to_regclass('alembic_version') IS NOT NULL

-- migrate.take_turns
SELECT pg_advisory_lock($1)

-- notas_store.load_newest
SELECT DISTINCT ON (bill_id, part) bill_id, part, revision, external_id, issuer_id, status,
       amount, competencia, request, lookups, look_up_at, resend, then_cancel, denial,
       changed_at, sent_at, cancel_sent_at, sends, auto_sends, resend_at, issued_at
  FROM notas WHERE tenant_id = $1 AND bill_id = ANY($2::bigint[])
 ORDER BY bill_id, part, revision DESC

-- notas_store.newest_reason
SELECT reason FROM notas WHERE tenant_id = $1 AND bill_id = $2 AND reason IS NOT NULL
   AND status IN ('denied', 'cancel_refused')
 ORDER BY revision DESC, part LIMIT 1

-- notas_store.update
   UPDATE notas n
      SET status = u.status,
          issuer_id = coalesce(u.issuer_id, n.issuer_id),
          raw_status = coalesce(u.raw_status, n.raw_status),
          number = coalesce(u.number, n.number),
          verification_code = coalesce(u.verification_code, n.verification_code),
          has_pdf = coalesce(u.has_pdf, n.has_pdf),
          has_xml = coalesce(u.has_xml, n.has_xml),
          denial = CASE WHEN u.status = 'denied' THEN u.denial END,
          reason = CASE WHEN u.status IN ('denied', 'cancel_refused')
                        THEN coalesce(decode(u.reason, 'base64'), n.reason) END,
          denial_group = CASE WHEN u.status = 'denied' THEN u.denial_group END,
          denied_at = CASE WHEN u.status = 'denied' THEN now() END,
          resend_at = CASE WHEN u.status = 'denied' THEN u.resend_at END,
          lookups = coalesce(u.lookups, 0),
          look_up_at = u.look_up_at,
          then_cancel = coalesce(u.then_cancel, n.then_cancel),
          changed_at = greatest(u.changed_at, n.changed_at),
          cancel_sent_at = CASE WHEN u.cancel_sent THEN now() ELSE n.cancel_sent_at END,
          issued_at = CASE WHEN u.status = 'issued' THEN coalesce(n.issued_at, now())
                           ELSE n.issued_at END,
          cancelled_at = CASE WHEN u.status = 'cancelled' THEN coalesce(n.cancelled_at, now())
                              ELSE n.cancelled_at END
     FROM json_to_recordset($3::text::json)
          AS u (bill_id bigint, part smallint, revision int, status text, issuer_id text,
                raw_status text, number text, verification_code text, has_pdf boolean,
                has_xml boolean, denial text, reason text, denial_group text,
                resend_at timestamptz, lookups int, look_up_at timestamptz, then_cancel text,
                changed_at timestamptz, cancel_sent boolean)
    WHERE n.tenant_id = $1 AND n.bill_id = ANY($2::bigint[]) AND n.bill_id = u.bill_id
      AND n.part = coalesce(u.part, 0) AND n.revision = u.revision AND n.status <> 'cancelled'
      AND (u.changed_at IS NULL OR n.changed_at IS NULL OR u.changed_at >= n.changed_at)
RETURNING n.bill_id

-- notas_store.withdraw_intents
   WITH back AS (
       UPDATE notas SET status = 'denied', denial = coalesce(denial, 'denied_unknown'),
              sends = sends - 1, resend = true
        WHERE tenant_id = $1 AND bill_id = ANY($2::bigint[]) AND status = 'sending' AND sends > 1
          AND (bill_id, part) IN (SELECT * FROM unnest($2::bigint[], $3::smallint[]))
       RETURNING bill_id
   )
   DELETE FROM notas
    WHERE tenant_id = $1 AND bill_id = ANY($2::bigint[]) AND status = 'sending' AND sends = 1
      AND (bill_id, part) IN (SELECT * FROM unnest($2::bigint[], $3::smallint[]))
RETURNING created_at, amount

-- notas_store.write_intents
   INSERT INTO notas AS n (tenant_id, bill_id, part, revision, external_id, environment, status,
                           amount, competencia, request, sent_at)
   SELECT $1, bill_id, coalesce(part, 0), revision, external_id, environment, 'sending', amount,
          competencia, request, now()
     FROM ROWS FROM (
              json_to_recordset($2::text::json)
                  AS (bill_id bigint, part smallint, revision int, external_id text,
                      environment text, amount bigint, competencia date),
              unnest($3::bytea[]))
          AS i (bill_id, part, revision, external_id, environment, amount, competencia, request)
       ON CONFLICT (tenant_id, bill_id, part, revision) DO UPDATE
      SET status = 'sending', amount = excluded.amount, competencia = excluded.competencia,
          request = excluded.request, sends = n.sends + 1,
          auto_sends = CASE WHEN n.resend OR n.denial = ANY($4::text[]) THEN 0
                             ELSE n.auto_sends + 1 END,
          resend = false, resend_at = NULL, then_cancel = NULL, raw_status = NULL, lookups = 0,
          look_up_at = NULL, sent_at = now()
    WHERE n.status = 'denied' AND n.external_id = excluded.external_id
RETURNING bill_id

-- outbox_store.claim_due
   WITH picked AS MATERIALIZED (
       SELECT bill_id FROM outbox
        WHERE tenant_id = $1 AND state = 'due' AND lane = $2 AND due_at <= now()
        ORDER BY due_at LIMIT $3
          FOR UPDATE SKIP LOCKED
   )
   UPDATE outbox o
      SET state = 'leased', lease_until = now() + $4::interval, leased_by = $5,
          attempt = o.attempt + 1
    WHERE o.tenant_id = $1 AND o.bill_id = ANY(ARRAY(SELECT bill_id FROM picked))
RETURNING o.tenant_id, o.bill_id, o.lane, o.origin, o.due_at, o.generation, o.bill_facts,
          o.bill_facts_read, o.heard_at, o.attempt, o.tries

-- outbox_store.due_now
SELECT count(*) FROM (SELECT FROM outbox
                       WHERE tenant_id = $1 AND state = 'due' AND lane = $2 AND due_at <= now()
                       LIMIT $3) AS due

-- outbox_store.free_expired_any_tenant
UPDATE outbox SET state = 'due', lease_until = NULL, leased_by = NULL,
       generation = generation + 1
 WHERE state = 'leased' AND lease_until <= now()

-- outbox_store.lock_ours
SELECT bill_id, attempt FROM outbox
 WHERE tenant_id = $1 AND bill_id = ANY($2::bigint[]) AND lease_until > now()
 ORDER BY bill_id
   FOR UPDATE

-- outbox_store.mark_due
INSERT INTO outbox AS o (tenant_id, bill_id, lane, due_at, origin, bill_facts, heard_at)
SELECT DISTINCT ON (tenant_id, bill_id) tenant_id, bill_id, lane, now(), origin,
       about_bill::int, CASE WHEN about_bill AND read_at IS NULL THEN clock_timestamp() END
  FROM unnest($1::text[], $2::bigint[], $3::smallint[], $4::text[], $5::boolean[],
              $6::timestamptz[])
       AS m (tenant_id, bill_id, lane, origin, about_bill, read_at)
 ORDER BY tenant_id, bill_id, about_bill DESC, read_at NULLS FIRST, lane
    ON CONFLICT (tenant_id, bill_id) DO UPDATE
   SET generation = o.generation + 1,
       bill_facts = o.bill_facts + excluded.bill_facts,
       heard_at = greatest(o.heard_at, excluded.heard_at),
       lane = CASE WHEN o.state = 'settled' THEN excluded.lane
                   ELSE least(o.lane, excluded.lane) END,
       due_at = least(o.due_at, now()),
       tries = 0,
       state = CASE WHEN o.state = 'leased' THEN 'leased' ELSE 'due' END
 WHERE NOT (o.state = 'due' AND o.due_at <= now() AND o.tries = 0 AND o.lane <= excluded.lane
            AND o.bill_facts >= o.bill_facts_read + excluded.bill_facts
            AND (excluded.heard_at IS NULL OR o.heard_at IS NOT NULL))

-- outbox_store.read_up
UPDATE outbox o SET heard_at = NULL
  FROM unnest($1::text[], $2::bigint[], $3::timestamptz[]) AS m (tenant_id, bill_id, read_at)
 WHERE o.tenant_id = m.tenant_id AND o.bill_id = m.bill_id AND o.heard_at <= m.read_at

-- outbox_store.renew
   WITH held AS MATERIALIZED (
       SELECT o.bill_id FROM outbox o
         JOIN unnest($2::bigint[], $3::bigint[]) AS mine (bill_id, attempt)
           ON o.bill_id = mine.bill_id AND o.attempt = mine.attempt
        WHERE o.tenant_id = $1 AND o.bill_id = ANY($2::bigint[]) AND o.lease_until IS NOT NULL
        ORDER BY o.bill_id
          FOR UPDATE OF o
   )
   UPDATE outbox o SET lease_until = now() + $4::interval
     FROM held
    WHERE o.tenant_id = $1 AND o.bill_id = ANY($2::bigint[]) AND o.bill_id = held.bill_id
RETURNING o.bill_id

-- outbox_store.settle
   UPDATE outbox o
      SET state = CASE WHEN o.generation > s.generation OR s.due_at IS NOT NULL
                       THEN 'due' ELSE 'settled' END,
          due_at = CASE WHEN o.generation > s.generation THEN now()
                        ELSE coalesce(s.due_at, o.due_at) END,
          tries = CASE WHEN s.failed THEN o.tries + 1 ELSE 0 END,
          bill_facts_read = greatest(o.bill_facts_read, s.bill_facts_read),
          lease_until = NULL, leased_by = NULL
     FROM json_to_recordset($3::text::json)
          AS s (bill_id bigint, attempt bigint, generation bigint, due_at timestamptz,
                bill_facts_read bigint, failed boolean)
    WHERE o.tenant_id = $1 AND o.bill_id = ANY($2::bigint[]) AND o.bill_id = s.bill_id
      AND o.attempt = s.attempt AND o.lease_until IS NOT NULL
RETURNING o.bill_id

-- outbox_store.tenants_with_due_any_tenant
WITH RECURSIVE t AS (
    (SELECT tenant_id FROM outbox WHERE state = 'due' ORDER BY tenant_id LIMIT 1)
    UNION ALL
    SELECT (SELECT o.tenant_id FROM outbox o
             WHERE o.state = 'due' AND o.tenant_id > t.tenant_id
             ORDER BY o.tenant_id LIMIT 1)
      FROM t WHERE t.tenant_id IS NOT NULL
), waiting AS MATERIALIZED (
    SELECT t.tenant_id,
           least((SELECT o.due_at FROM outbox o
                   WHERE o.tenant_id = t.tenant_id AND o.state = 'due' AND o.lane = 0
                     AND o.due_at <= now() ORDER BY o.due_at LIMIT 1),
                 (SELECT o.due_at FROM outbox o
                   WHERE o.tenant_id = t.tenant_id AND o.state = 'due' AND o.lane = 1
                     AND o.due_at <= now() ORDER BY o.due_at LIMIT 1),
                 (SELECT o.due_at FROM outbox o
                   WHERE o.tenant_id = t.tenant_id AND o.state = 'due' AND o.lane = 2
                     AND o.due_at <= now() ORDER BY o.due_at LIMIT 1)) AS due_at
      FROM t WHERE t.tenant_id IS NOT NULL
)
SELECT tenant_id FROM waiting WHERE due_at IS NOT NULL ORDER BY due_at LIMIT $1

-- outbox_store.wake_held
UPDATE outbox o SET state = 'due', due_at = now(), generation = o.generation + 1,
       bill_facts = o.bill_facts + 1, tries = 0,
       lane = least(o.lane, $3)
  FROM sales s
 WHERE s.tenant_id = $1 AND o.tenant_id = $1 AND o.bill_id = s.bill_id
   AND s.code = ANY($2::text[]) AND s.status IN ('held', 'skipped') AND o.state <> 'leased'

-- outbox_wakes.wake_stopped
WITH affected AS MATERIALIZED (
    SELECT o.bill_id FROM outbox o
      LEFT JOIN sales s ON s.tenant_id = o.tenant_id AND s.bill_id = o.bill_id
     WHERE o.tenant_id = $1
       AND (o.state = 'leased' OR (o.state = 'due' AND o.tries > 0)
            OR s.code = ANY($2::text[]) OR s.attention = ANY($2::text[]))
     ORDER BY o.bill_id FOR UPDATE OF o
)
UPDATE outbox o
   SET generation = o.generation + 1, tries = 0,
       lane = CASE WHEN o.state = 'settled' THEN $3 ELSE least(o.lane, $3) END,
       due_at = least(o.due_at, now()),
       state = CASE WHEN o.state = 'leased' THEN 'leased' ELSE 'due' END
  FROM affected a
 WHERE o.tenant_id = $1 AND o.bill_id = a.bill_id

-- outbox_wakes.wake_unsent
WITH affected AS MATERIALIZED (
    SELECT o.bill_id FROM outbox o
      LEFT JOIN sales s ON s.tenant_id = o.tenant_id AND s.bill_id = o.bill_id
     WHERE o.tenant_id = $1
       AND (o.state = 'leased'
            OR s.status IN ('waiting_payment', 'in_guarantee', 'queued')
            OR (s.status = 'held' AND s.code <> 'held_by_person')
            OR (s.status = 'skipped' AND s.code = 'rule_never'))
     ORDER BY o.bill_id FOR UPDATE OF o
)
UPDATE outbox o
   SET generation = o.generation + 1, tries = 0,
       lane = CASE WHEN o.state = 'settled' THEN $2 ELSE least(o.lane, $2) END,
       due_at = least(o.due_at, now()),
       state = CASE WHEN o.state = 'leased' THEN 'leased' ELSE 'due' END
  FROM affected a
 WHERE o.tenant_id = $1 AND o.bill_id = a.bill_id

-- passes_store.claim
   WITH picked AS MATERIALIZED (
       SELECT tenant_id FROM reconciler_passes
        WHERE tenant_id = $1 AND next_pass_at <= now()
          AND (lease_until IS NULL OR lease_until <= now())
          FOR UPDATE SKIP LOCKED
   )
   UPDATE reconciler_passes p
      SET lease_until = now() + $2::interval, leased_by = $3, attempt = p.attempt + 1
     FROM picked
    WHERE p.tenant_id = $1 AND p.tenant_id = picked.tenant_id
RETURNING p.tenant_id, p.next_pass_at, p.attempt, p.failures, p.bills_mark,
          p.charges_mark, p.refunds_mark, p.customers_mark, p.complete_at, p.error, p.error_since,
          p.zone, p.zone_at, p.plain_lanes, p.plain_since, p.nightly_day, p.weekly_day,
          p.skew_seconds, p.found, p.missed, p.silent_passes, p.silent_since, p.silent_at,
          p.events_due, now() AS claimed_at

-- passes_store.enrol_any_tenant
INSERT INTO reconciler_passes (tenant_id, next_pass_at, bills_mark, charges_mark, refunds_mark,
                               nightly_day, weekly_day)
SELECT c.tenant_id, now() + random() * $1::interval, c.connected_at, c.connected_at,
       c.connected_at, c.connected_at::date, c.connected_at::date
  FROM vindi_connections c
 WHERE NOT EXISTS (SELECT FROM reconciler_passes p WHERE p.tenant_id = c.tenant_id)
    ON CONFLICT (tenant_id) DO NOTHING

-- passes_store.finish
UPDATE reconciler_passes p
   SET next_pass_at = $3,
       lease_until = NULL, leased_by = NULL,
       error = $4,
       error_since = CASE WHEN $4::text IS NULL THEN NULL
                          ELSE coalesce(p.error_since, now()) END,
       complete_at = CASE WHEN $5 THEN now() ELSE p.complete_at END,
       failures = CASE WHEN $5 THEN 0 WHEN coalesce($4, 'busy') = 'busy' THEN p.failures
                     ELSE p.failures + 1 END,
       bills_mark = coalesce($6, p.bills_mark),
       charges_mark = coalesce($7, p.charges_mark),
       refunds_mark = coalesce($8, p.refunds_mark),
       customers_mark = coalesce($17, p.customers_mark),
       zone = coalesce($9, p.zone),
       zone_at = CASE WHEN $9::text IS NULL THEN p.zone_at ELSE now() END,
       plain_lanes = coalesce($10, p.plain_lanes),
       plain_since = CASE WHEN coalesce($10, p.plain_lanes) = '{}' THEN NULL
                          ELSE coalesce(p.plain_since, now()) END,
       nightly_day = coalesce($11, p.nightly_day),
       weekly_day = coalesce($12, p.weekly_day),
       skew_seconds = coalesce($13, p.skew_seconds),
       found = p.found + $14,
       missed = p.missed + $15,
       silent_passes = CASE WHEN $16 THEN 0 WHEN $15 > 0 THEN p.silent_passes + 1
                            ELSE p.silent_passes END,
       silent_since = CASE WHEN $16 THEN NULL WHEN $15 > 0 THEN coalesce(p.silent_since, now())
                           ELSE p.silent_since END,
       silent_at = CASE WHEN NOT $16 AND $15 > 0 THEN now() ELSE p.silent_at END,
       events_due = coalesce($18, p.events_due)
 WHERE p.tenant_id = $1 AND p.attempt = $2 AND p.lease_until IS NOT NULL

-- passes_store.forget_refunds
DELETE FROM refunds_seen WHERE tenant_id = $1 AND seen_at < now() - $2::interval

-- passes_store.get
SELECT p.tenant_id, p.next_pass_at, p.attempt, p.failures, p.bills_mark,
       p.charges_mark, p.refunds_mark, p.customers_mark, p.complete_at, p.error, p.error_since,
       p.zone, p.zone_at, p.plain_lanes, p.plain_since, p.nightly_day, p.weekly_day,
       p.skew_seconds, p.found, p.missed, p.silent_passes, p.silent_since, p.silent_at,
       p.events_due FROM reconciler_passes p WHERE p.tenant_id = $1

-- passes_store.note_refunds
INSERT INTO refunds_seen (tenant_id, transaction_id)
SELECT $1, transaction_id FROM unnest($2::bigint[]) AS seen (transaction_id)
    ON CONFLICT (tenant_id, transaction_id) DO NOTHING

-- passes_store.renew_any_tenant
   UPDATE reconciler_passes p SET lease_until = now() + $3::interval
     FROM unnest($1::text[], $2::bigint[]) AS mine (tenant_id, attempt)
    WHERE p.tenant_id = mine.tenant_id AND p.attempt = mine.attempt AND p.lease_until IS NOT NULL
RETURNING p.tenant_id

-- passes_store.tenants_due_any_tenant
SELECT p.tenant_id
  FROM reconciler_passes p
  JOIN vindi_connections c ON c.tenant_id = p.tenant_id
 WHERE p.next_pass_at <= now() AND (p.lease_until IS NULL OR p.lease_until <= now())
   AND c.state IN ('ok', 'vindi_account_blocked')
   AND (c.not_before IS NULL OR c.not_before <= now())
 ORDER BY p.next_pass_at
 LIMIT $1

-- passes_store.unseen_refunds
SELECT asked.transaction_id FROM unnest($2::bigint[]) AS asked (transaction_id)
 WHERE NOT EXISTS (SELECT FROM refunds_seen s
                    WHERE s.tenant_id = $1 AND s.transaction_id = asked.transaction_id)

-- rejections_store.add_any_tenant
INSERT INTO webhook_rejections AS r (tenant_id, since, rejected_at, rejections)
SELECT m.tenant_id, now(), now(), m.rejections
  FROM unnest($1::text[], $2::bigint[]) AS m (tenant_id, rejections)
 WHERE EXISTS (SELECT FROM tenants t WHERE t.tenant_id = m.tenant_id)
 ORDER BY m.tenant_id
    ON CONFLICT (tenant_id) DO UPDATE
   SET since = CASE WHEN r.rejected_at < now() - $3::interval THEN now() ELSE r.since END,
       rejections = CASE WHEN r.rejected_at < now() - $3::interval THEN 0
                         ELSE r.rejections END + excluded.rejections,
       rejected_at = now()

-- rotate.forget_mirror_any_tenant
WITH gone AS (DELETE FROM foreign_notas) DELETE FROM foreign_nota_marks

-- rotate.read_customers_any_tenant
SELECT tenant_id, bill_id, customer, document_word FROM sales
 WHERE customer IS NOT NULL AND (tenant_id, bill_id) > ($1, $2)
 ORDER BY tenant_id, bill_id LIMIT $3

-- rotate.read_issuer_keys_any_tenant
SELECT tenant_id, api_key, key_word FROM issuer_connections

-- rotate.write_words_any_tenant
UPDATE sales s SET document_word = w.word
  FROM unnest($1::text[], $2::bigint[], $3::bytea[]) AS w (tenant_id, bill_id, word)
 WHERE s.tenant_id = w.tenant_id AND s.bill_id = w.bill_id

-- rules_store.add
   INSERT INTO rule_versions (tenant_id, version, rule, created_by)
   SELECT $1, coalesce(max(version), 0) + 1, $2, $3 FROM rule_versions WHERE tenant_id = $1
RETURNING version, rule, created_at, created_by

-- rules_store.in_force
SELECT version, rule, created_at, created_by FROM rule_versions
 WHERE tenant_id = $1 ORDER BY version DESC LIMIT 1

-- rules_store.versions
SELECT version, rule, created_at, created_by FROM rule_versions
 WHERE tenant_id = $1 AND ($2::integer IS NULL OR version < $2)
 ORDER BY version DESC LIMIT $3

-- sale_actions_store.apply resend
UPDATE notas n SET resend = true, resend_at = NULL
 WHERE n.tenant_id = $1 AND n.bill_id = ANY($2::bigint[]) AND n.status = 'denied'
   AND n.denial IS DISTINCT FROM 'denied_numbering'
   AND n.revision = (SELECT max(m.revision) FROM notas m
                      WHERE m.tenant_id = $1 AND m.bill_id = n.bill_id
                        AND m.part = n.part)

-- sale_actions_store.apply wishes
UPDATE sales s
   SET wish = w.wish,
       wish_at = CASE WHEN w.wish IS NULL THEN NULL
                      WHEN w.wish = s.wish THEN s.wish_at ELSE now() END,
       updated_at = now()
  FROM unnest($2::bigint[], $3::text[]) AS w (bill_id, wish)
 WHERE s.tenant_id = $1 AND s.bill_id = w.bill_id

-- sale_actions_store.lock entries
SELECT 1 FROM outbox WHERE tenant_id = $1 AND bill_id = ANY($2::bigint[])
 ORDER BY bill_id FOR UPDATE

-- sale_actions_store.lock parts
SELECT DISTINCT ON (p.bill_id, p.part) p.bill_id, p.part, p.amount, n.status,
       coalesce(n.revision, 0) AS revision, n.then_cancel, n.denial
  FROM sale_parts p
  LEFT JOIN notas n ON n.tenant_id = $1 AND n.bill_id = p.bill_id AND n.part = p.part
 WHERE p.tenant_id = $1 AND p.bill_id = ANY($2::bigint[])
 ORDER BY p.bill_id, p.part, n.revision DESC

-- sale_actions_store.lock read
SELECT s.bill_id, s.origin, s.status, s.code, s.wish, n.status AS nota, n.denial,
       n.part > 0 AS divided
  FROM sales s
  LEFT JOIN LATERAL (
       SELECT status, denial, part FROM notas
        WHERE tenant_id = s.tenant_id AND bill_id = s.bill_id
        ORDER BY revision DESC, part LIMIT 1) n ON true
 WHERE s.tenant_id = $1 AND s.bill_id = ANY($2::bigint[])
 ORDER BY s.bill_id

-- sale_actions_store.lock sales
SELECT 1 FROM sales WHERE tenant_id = $1 AND bill_id = ANY($2::bigint[])
 ORDER BY bill_id FOR UPDATE

-- sale_actions_store.with_code
SELECT s.bill_id FROM sales s
 WHERE s.tenant_id = $1 AND s.bill_id > $3
   AND (s.code = $2 OR s.attention = $2 OR (s.status = 'denied' AND EXISTS (
        SELECT 1 FROM notas n WHERE n.tenant_id = s.tenant_id AND n.bill_id = s.bill_id
           AND n.status = 'denied' AND n.denial = $2)))
 ORDER BY s.bill_id LIMIT $4

-- sale_parts_store.divide forget
DELETE FROM sale_parts WHERE tenant_id = $1 AND bill_id = ANY($2::bigint[])

-- sale_parts_store.divide retire
UPDATE notas n SET status = 'cancelled', raw_status = 'divided_anew', resend = false,
       resend_at = NULL
 WHERE n.tenant_id = $1 AND n.bill_id = ANY($2::bigint[]) AND n.status = 'denied'
   AND NOT EXISTS (SELECT FROM sale_parts p
                    WHERE p.tenant_id = $1 AND p.bill_id = n.bill_id AND p.part = n.part)
   AND (n.part > 0 OR EXISTS (
        SELECT FROM sale_parts p WHERE p.tenant_id = $1 AND p.bill_id = n.bill_id))

-- sale_parts_store.divide write
INSERT INTO sale_parts (tenant_id, bill_id, part, amount, lines)
SELECT $1, s.bill_id, s.part, s.amount, s.lines::bigint[]
  FROM unnest($2::bigint[], $3::smallint[], $4::bigint[], $5::text[])
       AS s (bill_id, part, amount, lines)

-- sale_parts_store.load
SELECT bill_id, part, amount, lines FROM sale_parts
 WHERE tenant_id = $1 AND bill_id = ANY($2::bigint[])
 ORDER BY bill_id, part

-- sales_read.get
SELECT 
       s.bill_id, s.status, s.code, s.detail, s.attention, s.amount, s.moment_at, s.issue_at,
       s.competencia, s.rule_version, s.origin, s.customer_name, s.wish, s.updated_at,
       n.external_id, n.issuer_id, n.status AS nota_status, n.number, n.verification_code,
       n.has_pdf, n.has_xml, n.issued_at, n.denial, n.part, n.amount AS nota_amount
  FROM sales s
  LEFT JOIN LATERAL (
       SELECT external_id, issuer_id, status, number, verification_code, has_pdf, has_xml,
              issued_at, denial, part, amount
         FROM notas WHERE tenant_id = s.tenant_id AND bill_id = s.bill_id
        ORDER BY revision DESC, part LIMIT 1) n ON true

 WHERE s.tenant_id = $1 AND s.bill_id = $2

-- sales_read.list_newest_first
SELECT 
       s.bill_id, s.status, s.code, s.detail, s.attention, s.amount, s.moment_at, s.issue_at,
       s.competencia, s.rule_version, s.origin, s.customer_name, s.wish, s.updated_at,
       n.external_id, n.issuer_id, n.status AS nota_status, n.number, n.verification_code,
       n.has_pdf, n.has_xml, n.issued_at, n.denial, n.part, n.amount AS nota_amount
  FROM sales s
  LEFT JOIN LATERAL (
       SELECT external_id, issuer_id, status, number, verification_code, has_pdf, has_xml,
              issued_at, denial, part, amount
         FROM notas WHERE tenant_id = s.tenant_id AND bill_id = s.bill_id
        ORDER BY revision DESC, part LIMIT 1) n ON true

 WHERE s.tenant_id = $1
   AND ($2::bigint IS NULL OR s.bill_id < $2)
   AND ($3::text IS NULL OR s.status = $3)
   AND ($4::text IS NULL OR s.code = $4 OR s.attention = $4
        OR (s.status = 'denied' AND n.denial = $4))
   AND ($5::timestamptz IS NULL OR s.moment_at >= $5)
   AND ($6::timestamptz IS NULL OR s.moment_at < $6)
   AND ($7::text IS NULL OR s.customer_name ILIKE $7 OR s.bill_id = $8
        OR s.document_word = $9)
 ORDER BY s.bill_id DESC LIMIT $10

-- sales_read.parts
SELECT DISTINCT ON (n.bill_id, n.part) n.bill_id, n.part, n.amount AS nota_amount,
       n.external_id, n.issuer_id, n.status AS nota_status, n.number, n.verification_code,
       n.has_pdf, n.has_xml, n.issued_at, n.denial
  FROM notas n JOIN sale_parts p
    ON p.tenant_id = n.tenant_id AND p.bill_id = n.bill_id AND p.part = n.part
 WHERE n.tenant_id = $1 AND n.bill_id = ANY($2::bigint[])
 ORDER BY n.bill_id, n.part, n.revision DESC

-- sales_store.finish_wishes
UPDATE sales s SET wish = NULL, wish_at = NULL
  FROM unnest($2::bigint[], $3::timestamptz[]) AS d (bill_id, wish_at)
 WHERE s.tenant_id = $1 AND s.bill_id = ANY($2::bigint[]) AND s.bill_id = d.bill_id
   AND s.wish_at = d.wish_at

-- sales_store.load
SELECT bill_id, status, code, detail, attention, amount, moment_at, issue_at, competencia,
       rule_version, origin, wish, wish_at, backfill, customer_id
  FROM sales WHERE tenant_id = $1 AND bill_id = ANY($2::bigint[])

-- sales_store.progress
    UPDATE sales s SET status = p.status, detail = coalesce(p.detail, ''),
           code = 
    coalesce(p.code, CASE WHEN p.status IN ('cancelling', 'cancelled') THEN s.code END)
, attention = 
    coalesce(p.attention, CASE
        WHEN (p.status IN ('issuing', 'uncertain', 'issued') AND s.attention = ANY($4::text[]))
             OR (p.status IN ('cancelling', 'cancelled') AND s.attention = $5)
        THEN s.attention END)
, updated_at = now(),
           wish = CASE WHEN p.nota_made AND s.wish = 'issue' THEN NULL ELSE s.wish END
      FROM json_to_recordset($3::text::json)
           AS p (bill_id bigint, status text, code text, detail text, attention text,
                 nota_made boolean)
     WHERE s.tenant_id = $1 AND s.bill_id = ANY($2::bigint[]) AND s.bill_id = p.bill_id
       AND (s.status <> p.status OR s.detail <> coalesce(p.detail, '')
            OR p.nota_made AND s.wish = 'issue' OR s.code IS DISTINCT FROM 
    coalesce(p.code, CASE WHEN p.status IN ('cancelling', 'cancelled') THEN s.code END)

            OR s.attention IS DISTINCT FROM 
    coalesce(p.attention, CASE
        WHEN (p.status IN ('issuing', 'uncertain', 'issued') AND s.attention = ANY($4::text[]))
             OR (p.status IN ('cancelling', 'cancelled') AND s.attention = $5)
        THEN s.attention END)
)

-- sales_store.store
INSERT INTO sales AS s (
    tenant_id, bill_id, status, code, detail, attention, amount, moment_at, issue_at,
    competencia, rule_version, rule_exception, origin, customer_id, customer_name,
    document_word, customer, unread)
SELECT $1, bill_id, status, code, coalesce(detail, ''), attention, amount, moment_at, issue_at,
       competencia, rule_version, rule_exception, origin, customer_id,
       coalesce(customer_name, ''), decode(document_word, 'base64'), customer, unread
  FROM ROWS FROM (
           json_to_recordset($2::text::json)
               AS (bill_id bigint, status text, code text, detail text, attention text,
                   amount bigint, moment_at timestamptz, issue_at timestamptz,
                   competencia date, rule_version int, rule_exception int, origin text,
                   customer_id bigint, customer_name text, document_word text),
           unnest($3::bytea[]), unnest($4::bytea[]))
       AS r (bill_id, status, code, detail, attention, amount, moment_at, issue_at,
             competencia, rule_version, rule_exception, origin, customer_id, customer_name,
             document_word, customer, unread)
    ON CONFLICT (tenant_id, bill_id) DO UPDATE
   SET status = excluded.status, code = excluded.code, detail = excluded.detail,
       attention = excluded.attention, amount = excluded.amount,
       moment_at = coalesce(excluded.moment_at, s.moment_at),
       issue_at = coalesce(excluded.issue_at, s.issue_at),
       competencia = coalesce(excluded.competencia, s.competencia),
       rule_version = coalesce(excluded.rule_version, s.rule_version),
       rule_exception = excluded.rule_exception,
       customer_id = coalesce(excluded.customer_id, s.customer_id),
       customer_name = CASE WHEN excluded.customer_name <> '' THEN excluded.customer_name
                            ELSE s.customer_name END,
       document_word = coalesce(excluded.document_word, s.document_word),
       customer = coalesce(excluded.customer, s.customer),
       unread = excluded.unread,
       updated_at = now()

-- secrets_store.add
INSERT INTO webhook_secrets (tenant_id, source, secret_hash, sealed) VALUES ($1, $2, $3, $4)

-- secrets_store.current_sealed
SELECT sealed FROM webhook_secrets
 WHERE tenant_id = $1 AND source = $2 AND expires_at IS NULL
 ORDER BY created_at DESC LIMIT 1

-- secrets_store.expire_current
UPDATE webhook_secrets SET expires_at = $3, sealed = NULL
 WHERE tenant_id = $1 AND source = $2 AND expires_at IS NULL

-- secrets_store.find_hashes
SELECT secret_hash FROM webhook_secrets
 WHERE tenant_id = $1 AND source = $2 AND (expires_at IS NULL OR expires_at > now())

-- secrets_store.find_hashes_of_many
SELECT s.tenant_id, s.source, s.secret_hash
  FROM unnest($1::text[], $2::text[]) AS asked (tenant_id, source)
  JOIN webhook_secrets s ON s.tenant_id = asked.tenant_id AND s.source = asked.source
 WHERE s.expires_at IS NULL OR s.expires_at > now()

-- set_up.now
SELECT now()

-- statements_store.lock
SELECT o.state FROM outbox o WHERE o.tenant_id = $1 AND o.bill_id = $2 FOR UPDATE

-- statements_store.lock read
SELECT n.status, n.denial, coalesce(n.part, 0) AS part FROM sales s
  LEFT JOIN LATERAL (
       SELECT status, denial, part FROM notas
        WHERE tenant_id = s.tenant_id AND bill_id = s.bill_id AND status <> 'cancelled'
        ORDER BY CASE WHEN status IN ('uncertain', 'sending') THEN 0
                      WHEN denial IN ('denied_numbering', 'denied_unknown') THEN 1
                      ELSE 2 END, revision DESC, part LIMIT 1) n ON true
 WHERE s.tenant_id = $1 AND s.bill_id = $2

-- statements_store.look_once_more
UPDATE notas SET status = 'uncertain', lookups = 1000000, look_up_at = now()
 WHERE tenant_id = $1 AND bill_id = $2 AND part = $3 AND status IN ('sending', 'uncertain')

-- statements_store.make_due
UPDATE outbox SET generation = generation + 1, tries = 0, due_at = now(), state = 'due'
 WHERE tenant_id = $1 AND bill_id = $2 AND state <> 'leased'

-- statements_store.send_again
UPDATE notas SET resend = true, resend_at = NULL
 WHERE tenant_id = $1 AND bill_id = $2 AND part = $3 AND status = 'denied'

-- statements_store.state_valid
WITH stated AS (
    UPDATE notas SET status = 'issued', number = coalesce($3, number), resend = false,
           resend_at = NULL, look_up_at = NULL, issued_at = coalesce(issued_at, now()),
           denial = NULL
     WHERE tenant_id = $1 AND bill_id = $2 AND part = $5 AND status <> 'cancelled'
 RETURNING bill_id
)
UPDATE sales SET status = 'issued', code = NULL, detail = '', attention = $4,
       updated_at = now()
 WHERE tenant_id = $1 AND bill_id IN (SELECT bill_id FROM stated)

-- statements_store.state_valid look
UPDATE outbox SET bill_facts = bill_facts + 1 WHERE tenant_id = $1 AND bill_id = $2

-- statements_store.state_valid part
UPDATE notas SET status = 'issued', number = coalesce($3, number), resend = false,
       resend_at = NULL, look_up_at = NULL, issued_at = coalesce(issued_at, now()),
       denial = NULL
 WHERE tenant_id = $1 AND bill_id = $2 AND part = $4 AND status <> 'cancelled'

-- status_webhooks_store.announce
INSERT INTO webhook_deliveries (tenant_id, bill_id, type, payload)
SELECT s.tenant_id, s.bill_id, 'sale.' || s.status,
       jsonb_build_object(
           'type', 'sale.' || s.status,
           'timestamp', to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
           'data', jsonb_build_object(
               'tenant_id', s.tenant_id, 'bill_id', s.bill_id, 'status', s.status,
               'code', coalesce(s.code, n.denial),
               'amount', to_char(s.amount / 100.0, 'FM999999999999990.00'),
               'nota', CASE WHEN n.external_id IS NOT NULL THEN jsonb_build_object(
                   'external_id', n.external_id, 'status', n.status, 'number', n.number) END)
               || CASE WHEN n.part > 0 THEN jsonb_build_object('notas', (
                      SELECT jsonb_agg(jsonb_build_object(
                                 'external_id', m.external_id, 'part', m.part,
                                 'status', m.status, 'number', m.number) ORDER BY m.part)
                        FROM (SELECT DISTINCT ON (o.part) o.external_id, o.part, o.status,
                                     o.number
                                FROM notas o JOIN sale_parts p
                                  ON p.tenant_id = o.tenant_id AND p.bill_id = o.bill_id
                                 AND p.part = o.part
                               WHERE o.tenant_id = $1 AND o.bill_id = s.bill_id
                               ORDER BY o.part, o.revision DESC) m))
                  ELSE '{}'::jsonb END)
  FROM unnest($2::bigint[], $3::text[], $4::text[]) AS b (bill_id, status, code)
  JOIN sales s ON s.tenant_id = $1 AND s.bill_id = ANY($2::bigint[])
              AND s.bill_id = b.bill_id
  LEFT JOIN LATERAL (
       SELECT external_id, status, number, part,
              CASE WHEN status = 'denied' THEN denial END AS denial
         FROM notas WHERE tenant_id = s.tenant_id AND bill_id = s.bill_id
        ORDER BY revision DESC, part LIMIT 1) n ON true
 WHERE s.status IN ('issued', 'denied', 'held', 'cancelled')
   AND (s.status, s.code) IS DISTINCT FROM (b.status, b.code)

-- status_webhooks_store.before
SELECT b.bill_id, s.status, s.code
  FROM status_webhooks w CROSS JOIN unnest($2::bigint[]) AS b (bill_id)
  LEFT JOIN sales s ON s.tenant_id = $1 AND s.bill_id = ANY($2::bigint[])
                   AND s.bill_id = b.bill_id
 WHERE w.tenant_id = $1

-- status_webhooks_store.claim
   WITH picked AS MATERIALIZED (
       SELECT delivery_id FROM webhook_deliveries
        WHERE tenant_id = $1 AND state = 'pending' AND next_at <= now()
        ORDER BY next_at, delivery_id LIMIT $2 FOR UPDATE SKIP LOCKED
   )
   UPDATE webhook_deliveries d SET tries = d.tries + 1, next_at = now() + $3::interval
     FROM picked p WHERE d.tenant_id = $1 AND d.delivery_id = p.delivery_id
RETURNING d.delivery_id, d.message_id, d.payload, d.tries

-- status_webhooks_store.delete
WITH gone AS (DELETE FROM status_webhooks WHERE tenant_id = $1 RETURNING tenant_id),
given_up AS (
    UPDATE webhook_deliveries SET state = 'failed', last_error = 'webhook_removed'
     WHERE tenant_id = $1 AND state = 'pending'
)
SELECT count(*) FROM gone

-- status_webhooks_store.forget_old_any_tenant
DELETE FROM webhook_deliveries WHERE state <> 'pending' AND created_at < now() - $1::interval

-- status_webhooks_store.get
SELECT url, secret, created_at, updated_at FROM status_webhooks WHERE tenant_id = $1

-- status_webhooks_store.list_newest_first
SELECT delivery_id, message_id, bill_id, type, state, tries, next_at, last_status, last_error,
       created_at, delivered_at
  FROM webhook_deliveries
 WHERE tenant_id = $1 AND ($2::bigint IS NULL OR delivery_id < $2)
 ORDER BY delivery_id DESC LIMIT $3

-- status_webhooks_store.put
INSERT INTO status_webhooks (tenant_id, url, secret) VALUES ($1, $2, $3)
    ON CONFLICT (tenant_id) DO UPDATE
   SET url = excluded.url, secret = excluded.secret, updated_at = now()

-- status_webhooks_store.resend
UPDATE webhook_deliveries
   SET state = 'pending', tries = 0, next_at = now(), delivered_at = NULL, last_error = NULL
 WHERE tenant_id = $1 AND delivery_id = $2

-- status_webhooks_store.settle
UPDATE webhook_deliveries
   SET state = CASE WHEN $4 THEN 'delivered' WHEN $7::interval IS NULL THEN 'failed'
                    ELSE 'pending' END,
       delivered_at = CASE WHEN $4 THEN now() END,
       last_status = $5, last_error = $6,
       next_at = now() + coalesce($7::interval, interval '0')
 WHERE tenant_id = $1 AND delivery_id = $2 AND tries = $3 AND state = 'pending'

-- status_webhooks_store.tenants_with_due_any_tenant
SELECT DISTINCT tenant_id FROM webhook_deliveries
 WHERE state = 'pending' AND next_at <= now() LIMIT $1

-- tenants_store.activate
   UPDATE tenants
      SET status = 'active', updated_at = now(),
          active_from = coalesce(active_from, date_trunc('second', now()))
    WHERE tenant_id = $1
RETURNING tenant_id, name, plan, timezone, status, active_from, created_at

-- tenants_store.add
   INSERT INTO tenants (tenant_id, name, plan, timezone) VALUES ($1, $2, $3, $4)
RETURNING tenant_id, name, plan, timezone, status, active_from, created_at

-- tenants_store.get
SELECT tenant_id, name, plan, timezone, status, active_from, created_at
  FROM tenants WHERE tenant_id = $1

-- tenants_store.list_any_tenant
SELECT tenant_id, name, plan, timezone, status, active_from, created_at
  FROM tenants
 WHERE $1::timestamptz IS NULL OR (created_at, tenant_id) > ($1, $2)
 ORDER BY created_at, tenant_id LIMIT $3

-- tenants_store.lock
SELECT tenant_id, name, plan, timezone, status, active_from, created_at
  FROM tenants WHERE tenant_id = $1 FOR NO KEY UPDATE

-- tenants_store.patch
   UPDATE tenants
      SET name = coalesce($2, name), plan = coalesce($3, plan),
          timezone = coalesce($4, timezone), updated_at = now()
    WHERE tenant_id = $1
RETURNING tenant_id, name, plan, timezone, status, active_from, created_at

-- tenants_store.pause
   UPDATE tenants SET status = 'paused', updated_at = now()
    WHERE tenant_id = $1 AND status <> 'setting_up'
RETURNING tenant_id, name, plan, timezone, status, active_from, created_at

-- timeline_store.add
INSERT INTO timeline (tenant_id, bill_id, what, why, by)
SELECT $1, h.bill_id, h.what, h.why, h.by
  FROM ROWS FROM (json_to_recordset($2::text::json)
                  AS (bill_id bigint, what text, why text, by text)) WITH ORDINALITY
       AS h (bill_id, what, why, by, place)
 ORDER BY h.place

-- timeline_store.of_bill
SELECT at, what, why, by FROM (
    SELECT entry_id, at, what, why, by FROM timeline
     WHERE tenant_id = $1 AND bill_id = $2 ORDER BY entry_id DESC LIMIT $3) newest
 ORDER BY entry_id

-- unsent_store.page
SELECT bill_id, customer FROM sales
 WHERE tenant_id = $1 AND status = $2 AND bill_id > $3
   AND (status <> 'skipped' OR code = 'rule_never')
   AND (status <> 'held' OR code <> 'held_by_person')
 ORDER BY bill_id LIMIT $4

-- watch_store.facts_any_tenant
SELECT t.tenant_id, now() AS now,
       v.state AS vindi_code, v.state_since AS vindi_since, v.state_detail AS vindi_detail,
       v.not_before AS vindi_not_before, v.connected_at AS vindi_connected_at,
       i.state AS issuer_code, i.state_since AS issuer_since, i.state_detail AS issuer_detail,
       i.not_before AS issuer_not_before, i.connected_at AS issuer_connected_at,
       p.tenant_id IS NOT NULL AS enrolled, p.next_pass_at, p.complete_at, p.error,
       p.error_since, coalesce(p.plain_lanes, '{}') AS plain_lanes, p.plain_since,
       p.skew_seconds, coalesce(p.silent_passes, 0) AS silent_passes, p.silent_since,
       p.silent_at, due.due_at AS oldest_due, heard.received_at AS last_event,
       r.rejected_at, r.since AS rejected_since, coalesce(r.rejections, 0) AS rejections
  FROM tenants t
  LEFT JOIN vindi_connections v ON v.tenant_id = t.tenant_id
  LEFT JOIN issuer_connections i ON i.tenant_id = t.tenant_id
  LEFT JOIN reconciler_passes p ON p.tenant_id = t.tenant_id
  LEFT JOIN webhook_rejections r ON r.tenant_id = t.tenant_id
  LEFT JOIN LATERAL (
      SELECT min(first.due_at) AS due_at FROM (
          SELECT (SELECT o.due_at FROM outbox o
                   WHERE o.tenant_id = t.tenant_id AND o.state = 'due' AND o.lane = lanes.lane
                     AND o.due_at <= now()
                   ORDER BY o.due_at LIMIT 1) AS due_at
            FROM (VALUES (0::smallint), (1::smallint)) AS lanes (lane)
      ) first
  ) due ON true
  LEFT JOIN LATERAL (
      SELECT e.received_at FROM events e
       WHERE e.tenant_id = t.tenant_id AND e.source = 'vindi'
         AND ($1::text IS NOT NULL OR p.silent_passes > 0 OR r.rejected_at IS NOT NULL)
       ORDER BY e.received_at DESC LIMIT 1
  ) heard ON true
 WHERE ($1::text IS NULL OR t.tenant_id = $1) AND t.tenant_id > $2
 ORDER BY t.tenant_id
 LIMIT $3
