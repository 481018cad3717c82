-- accepted_notas_store.accept
    WITH chosen AS MATERIALIZED (
        SELECT i.issuer_id, i.external_id, i.number, i.amount, i.competencia, i.created_on
          FROM issuer_notas i
         WHERE i.tenant_id = $1 AND i.company_id = $2 AND i.bill_id IS NULL AND i.valid
           AND i.competencia >= $3 AND i.competencia <= $4 AND i.created_on >= $5 AND 
       ($7::text[] IS NULL OR issuer_id = ANY($7))
       AND ($7 IS NOT NULL OR coalesce(external_id, '') !~ $8)
       AND ($9::date IS NULL OR created_on < $9)
       AND ($10::text IS NULL OR starts_with(coalesce(external_id, ''), $10))
),
    made AS (
        INSERT INTO accepted_notas AS a
               (tenant_id, issuer_id, external_id, number, amount, competencia, created_on,
                reason, accepted_by, accepted_at)
        SELECT $1, c.issuer_id, c.external_id, c.number, c.amount, c.competencia, c.created_on,
               $11::text, $12::text, $6::timestamptz
          FROM chosen c
            ON CONFLICT (tenant_id, issuer_id) DO UPDATE
           SET external_id = excluded.external_id, number = excluded.number,
               amount = excluded.amount, competencia = excluded.competencia,
               created_on = excluded.created_on, reason = excluded.reason,
               accepted_by = excluded.accepted_by, accepted_at = excluded.accepted_at
         WHERE (a.amount, a.competencia) IS DISTINCT FROM (excluded.amount, excluded.competencia)
     RETURNING a.issuer_id, a.amount)
    SELECT (SELECT count(*) FROM made) AS notas,
           (SELECT coalesce(sum(amount), 0)::bigint FROM made) AS amount,
           (SELECT count(*) FROM chosen) AS chosen,
           (SELECT coalesce(array_agg(issuer_id), '{}') FROM chosen
             WHERE issuer_id = ANY($7)) AS found

-- accepted_notas_store.list_month
SELECT a.issuer_id, a.external_id, a.number, a.amount, a.competencia, a.reason, a.accepted_by,
       a.accepted_at, EXISTS (
           SELECT FROM issuer_notas i
            WHERE i.tenant_id = $1 AND i.issuer_id = a.issuer_id AND i.valid
              AND i.amount IS NOT DISTINCT FROM a.amount AND i.competencia = a.competencia)
       AS stands
  FROM accepted_notas a
 WHERE a.tenant_id = $1 AND a.competencia >= $2 AND a.competencia <= $3
   AND a.issuer_id > $4 COLLATE "C"
 ORDER BY a.issuer_id COLLATE "C" LIMIT $5

-- accepted_notas_store.revoke
WITH gone AS (
    DELETE FROM accepted_notas
     WHERE tenant_id = $1 AND competencia >= $2 AND competencia <= $3
       AND ($4::text[] IS NULL OR issuer_id = ANY($4))
       AND ($5::date IS NULL OR created_on < $5)
       AND ($6::text IS NULL OR starts_with(coalesce(external_id, ''), $6))
 RETURNING issuer_id, amount)
SELECT count(*) AS notas, coalesce(sum(amount), 0)::bigint AS amount,
       coalesce(array_agg(issuer_id) FILTER (WHERE issuer_id = ANY($4)), '{}') AS found
  FROM gone

-- audit_store.add
INSERT INTO audit (tenant_id, actor, action, detail) VALUES ($1, $2, $3, $4)

-- audit_store.newest_first
SELECT entry_id AS id, at, actor, action, detail FROM audit
 WHERE tenant_id = $1 AND ($2::bigint IS NULL OR entry_id < $2)
 ORDER BY entry_id DESC LIMIT $3

-- backfill_bills_store.add
   INSERT INTO backfill_bills (tenant_id, backfill_id, bill_id, month, amount, outcome, code,
                               to_issue, customer_id, charges, body, read_at, taken_before)
   SELECT $1, $2, bill_id, month, amount, outcome, code, to_issue, customer_id,
          ARRAY(SELECT jsonb_array_elements_text(charges::jsonb)::bigint), body, read_at,
          taken_before
     FROM unnest($3::bigint[], $4::text[], $5::bigint[], $6::text[], $7::text[], $8::bigint[],
                 $9::bigint[], $10::text[], $11::bytea[], $12::timestamptz[], $13::boolean[])
          AS f (bill_id, month, amount, outcome, code, to_issue, customer_id, charges, body,
                read_at, taken_before)
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
                           customer_name, backfill, backfill_id, updated_at)
   SELECT $1, t.bill_id, 'queued', t.amount, t.moment_at, 'backfill', t.customer_id,
          t.customer_name, $3, $2, now()
     FROM unnest($4::bigint[], $5::bigint[], $6::timestamptz[], $7::bigint[], $8::text[])
          AS t (bill_id, amount, moment_at, customer_id, customer_name)
    WHERE NOT EXISTS (SELECT FROM notas n WHERE n.tenant_id = $1 AND n.bill_id = t.bill_id)
    ORDER BY t.bill_id
       ON CONFLICT (tenant_id, bill_id) DO UPDATE
      SET backfill = excluded.backfill, backfill_id = excluded.backfill_id,
          status = CASE WHEN s.code IN ('before_activation', 'shadow_issue', 'shadow_hold')
                        THEN 'queued' ELSE s.status END,
          code = CASE WHEN s.code IN ('before_activation', 'shadow_issue', 'shadow_hold')
                      THEN NULL ELSE s.code END,
          updated_at = excluded.updated_at
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
      SET status = 'running', started_at = coalesce(started_at, $4), attempt = attempt + 1,
          lease_until = $4 + $3::interval, not_before = NULL
    WHERE tenant_id = $1 AND backfill_id = $2 AND status IN ('queued', 'running')
      AND coalesce(lease_until, '-infinity') <= $4
      AND coalesce(not_before, '-infinity') <= $4
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
       sum(to_issue)::bigint AS to_issue,
       count(*) FILTER (WHERE taken_before OR outcome = 'known') AS known
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
          not_before = ($5::timestamptz[])[1 + least(failures, cardinality($5) - 1)]
    WHERE tenant_id = $1 AND backfill_id = $2 AND attempt = $3 AND status = 'running'
RETURNING failures

-- backfills_store.renew
   UPDATE backfills SET lease_until = now() + $4::interval
    WHERE tenant_id = $1 AND backfill_id = $2 AND attempt = $3 AND status = 'running'
RETURNING true

-- backfills_store.wait
UPDATE backfills SET lease_until = NULL, failures = 0, error = $4, not_before = $5
 WHERE tenant_id = $1 AND backfill_id = $2 AND attempt = $3 AND status = 'running'

-- backfills_store.waiting_any_tenant
SELECT tenant_id, backfill_id FROM backfills
 WHERE status IN ('queued', 'running') AND coalesce(lease_until, '-infinity') <= now()
   AND coalesce(not_before, '-infinity') <= now()
 ORDER BY requested_at LIMIT $1

-- backfills_store.wake
UPDATE backfills SET not_before = NULL
 WHERE tenant_id = $1 AND status = 'running' AND error = ANY($2::text[])

-- bills_store.lately
SELECT bill_id, status, updated_at, moment_amount, customer_id, came_alive_at, refunds::text,
       body, read_at, paid_seen_at, unpaid_seen_at
  FROM bills
 WHERE tenant_id = $1 AND read_at >= $2
   AND (created_at >= $2::timestamptz - interval '1 day'
        OR paid_moment >= $2::timestamptz - interval '4 days'
        OR status IN ('review', 'scheduled', 'pending'))

-- bills_store.load
SELECT bill_id, status, updated_at, moment_amount, customer_id, came_alive_at, refunds::text,
       body, read_at, paid_seen_at, unpaid_seen_at
  FROM bills WHERE tenant_id = $1 AND bill_id = ANY($2::bigint[])

-- bills_store.newest
SELECT bill_id, status, updated_at, moment_amount, customer_id, came_alive_at, refunds::text,
       body, read_at, paid_seen_at, unpaid_seen_at
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
    created_moment, paid_moment, recorded_at, came_alive_at, refunds, refunded_at,
    refunds_read_at, body, read_at, charges_paid_at, paid_seen_at)
SELECT $1, bill_id, status, amount, moment_amount, customer_id, created_at, updated_at,
       created_moment, paid_moment, recorded_at, came_alive_at, refunds, refunded_at, read_at,
       body, read_at, charges_paid_at, CASE WHEN status = 'paid' THEN read_at END
  FROM ROWS FROM (
           json_to_recordset($2::text::json)
               AS (bill_id bigint, status text, amount bigint, moment_amount bigint,
                   customer_id bigint, created_at timestamptz, updated_at timestamptz,
                   created_moment timestamptz, paid_moment timestamptz,
                   recorded_at timestamptz, came_alive_at timestamptz, refunds jsonb,
                   refunded_at timestamptz, read_at timestamptz, charges_paid_at timestamptz[]),
           unnest($3::bytea[]))
       AS r (bill_id, status, amount, moment_amount, customer_id, created_at, updated_at,
             created_moment, paid_moment, recorded_at, came_alive_at, refunds, refunded_at,
             read_at, charges_paid_at, body)
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
       refunded_at = coalesce(excluded.refunded_at, b.refunded_at),
       refunds_read_at = excluded.refunds_read_at,
       body = excluded.body,
       read_at = excluded.read_at,
       charges_paid_at = excluded.charges_paid_at,
       unpaid_seen_at = CASE WHEN b.paid_seen_at IS NULL AND b.status <> 'paid'
                             THEN b.read_at ELSE b.unpaid_seen_at END,
       paid_seen_at = CASE WHEN b.paid_seen_at IS NULL AND b.status = 'paid' THEN b.read_at
                           ELSE coalesce(b.paid_seen_at, excluded.paid_seen_at) END
 WHERE excluded.updated_at >= b.updated_at

-- brakes_store.count
INSERT INTO nota_days AS d (tenant_id, day, notas, amount, backfilled, old)
VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT (tenant_id, day) DO UPDATE
   SET notas = d.notas + excluded.notas, amount = d.amount + excluded.amount,
       backfilled = d.backfilled + excluded.backfilled, old = d.old + excluded.old

-- brakes_store.count freed
UPDATE tenant_brakes
   SET free_notas = $3 + CASE WHEN free_day = $2 THEN free_notas ELSE 0 END,
       free_amount = $4 + CASE WHEN free_day = $2 THEN free_amount ELSE 0 END,
       free_old = $5 + CASE WHEN free_day = $2 THEN free_old ELSE 0 END,
       free_day = $2
 WHERE tenant_id = $1

-- brakes_store.free
   UPDATE sales SET brake_free = true
    WHERE tenant_id = $1 AND bill_id = ANY($2::bigint[])
      AND (status = 'held' AND code = ANY($3::text[]) OR attention = ANY($3::text[]))
RETURNING bill_id

-- brakes_store.free_sales
SELECT bill_id FROM sales
 WHERE tenant_id = $1 AND bill_id = ANY($2::bigint[]) AND (brake_free OR wish = 'issue')

-- brakes_store.get
SELECT notas_a_day, amount_a_day, amount_a_nota, unusual, old_days, code, braked_at, detail
  FROM tenant_brakes WHERE tenant_id = $1

-- brakes_store.get_any_tenant
SELECT tenant_id, notas_a_day, amount_a_day, amount_a_nota, unusual, old_days, code, braked_at,
       detail
  FROM tenant_brakes WHERE tenant_id = ANY($1::text[])

-- brakes_store.held
SELECT bill_id FROM sales
 WHERE tenant_id = $1
   AND (status = 'held' AND code = ANY($2::text[]) OR attention = ANY($2::text[]))
 ORDER BY bill_id

-- brakes_store.lock_today add
INSERT INTO tenant_brakes (tenant_id) VALUES ($1) ON CONFLICT DO NOTHING

-- brakes_store.lock_today counts
SELECT coalesce(sum(notas) FILTER (WHERE day = $2), 0)::int AS notas,
       coalesce(sum(amount) FILTER (WHERE day = $2), 0)::bigint AS amount,
       coalesce(sum(backfilled) FILTER (WHERE day = $2), 0)::int AS backfilled,
       count(*) FILTER (WHERE day < $2 AND notas > backfilled) AS history_days,
       coalesce(max(notas - backfilled) FILTER (WHERE day < $2), 0) AS busiest,
       coalesce(sum(old) FILTER (WHERE day = $2), 0)::int AS old,
       coalesce(max(old) FILTER (WHERE day < $2), 0) AS busiest_old
  FROM nota_days WHERE tenant_id = $1 AND day BETWEEN $2 - $3::int AND $2

-- brakes_store.lock_today lock
SELECT b.notas_a_day, b.amount_a_day, b.amount_a_nota, b.unusual, b.old_days, b.code,
       (now() AT TIME ZONE t.timezone)::date AS day, b.free_notas, b.free_amount, b.free_old,
       b.free_day
  FROM tenant_brakes b JOIN tenants t ON t.tenant_id = b.tenant_id
 WHERE b.tenant_id = $1 FOR UPDATE OF b

-- brakes_store.pull
UPDATE tenant_brakes SET code = $2, detail = $3, braked_at = now()
 WHERE tenant_id = $1 AND (code IS NULL OR code = 'brake_old_moments')

-- brakes_store.put
INSERT INTO tenant_brakes (
    tenant_id, notas_a_day, amount_a_day, amount_a_nota, unusual, old_days)
VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT (tenant_id) DO UPDATE
   SET notas_a_day = excluded.notas_a_day, amount_a_day = excluded.amount_a_day,
       amount_a_nota = excluded.amount_a_nota, unusual = excluded.unusual,
       old_days = excluded.old_days

-- brakes_store.release
UPDATE tenant_brakes b
   SET code = NULL, detail = '', braked_at = NULL, free_day = d.day,
       free_notas = coalesce(n.notas, 0), free_amount = coalesce(n.amount, 0),
       free_old = coalesce(n.old, 0)
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

-- bulk_jobs_store.add
   INSERT INTO bulk_jobs (tenant_id, job_id, action, reason, about, asked_by, asked_at,
                          once_word, bills, turn_at)
   VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $7)
       ON CONFLICT (tenant_id, once_word) DO NOTHING
RETURNING job_id

-- bulk_jobs_store.cancel
   UPDATE bulk_jobs SET status = 'cancelled', ended_at = $3
    WHERE tenant_id = $1 AND job_id = $2 AND status IN ('queued', 'running')
RETURNING true

-- bulk_jobs_store.fail
UPDATE bulk_jobs
   SET failures = failures + 1, turn_at = $4::timestamptz,
       status = CASE WHEN failures + 1 < $3 THEN status ELSE 'failed' END,
       ended_at = CASE WHEN failures + 1 < $3 THEN NULL ELSE $4::timestamptz END
 WHERE tenant_id = $1 AND job_id = $2 AND status IN ('queued', 'running')

-- bulk_jobs_store.forget_old_any_tenant
DELETE FROM bulk_jobs WHERE ended_at < now() - $1::interval

-- bulk_jobs_store.get
   SELECT 
          tenant_id, job_id, action, reason, about, asked_by, asked_at,
          cardinality(bills) AS sales, status, done, accepted, failures, started_at, ended_at
FROM bulk_jobs WHERE tenant_id = $1 AND job_id = $2

-- bulk_jobs_store.go_on
UPDATE bulk_jobs
   SET done = done + $3::int, accepted = accepted + $4::int, failures = 0,
       turn_at = $5::timestamptz,
       started_at = CASE WHEN started_at IS NULL THEN $5::timestamptz ELSE started_at END,
       status = CASE WHEN done + $3::int < cardinality(bills) THEN 'running'
                     ELSE 'completed' END,
       ended_at = CASE WHEN done + $3::int < cardinality(bills) THEN NULL
                       ELSE $5::timestamptz END
 WHERE tenant_id = $1 AND job_id = $2

-- bulk_jobs_store.newest
   SELECT 
          tenant_id, job_id, action, reason, about, asked_by, asked_at,
          cardinality(bills) AS sales, status, done, accepted, failures, started_at, ended_at
FROM bulk_jobs WHERE tenant_id = $1
    ORDER BY asked_at DESC, job_id LIMIT $2

-- bulk_jobs_store.refusals
SELECT bill_id, code, why FROM bulk_refusals
 WHERE tenant_id = $1 AND job_id = $2 AND bill_id < $3
 ORDER BY bill_id DESC LIMIT $4

-- bulk_jobs_store.refuse
INSERT INTO bulk_refusals (tenant_id, job_id, bill_id, code, why)
SELECT $1, $2, * FROM unnest($3::bigint[], $4::text[], $5::text[])
    ON CONFLICT DO NOTHING

-- bulk_jobs_store.same
SELECT job_id FROM bulk_jobs WHERE tenant_id = $1 AND once_word = $2

-- bulk_jobs_store.take
    SELECT 
           tenant_id, job_id, action, reason, about, asked_by, asked_at,
           cardinality(bills) AS sales, status, done, accepted, failures, started_at, ended_at
, bills[done + 1 : done + $3] AS batch
      FROM bulk_jobs
     WHERE tenant_id = $1 AND job_id = $2 AND status IN ('queued', 'running')
       FOR UPDATE SKIP LOCKED

-- bulk_jobs_store.waiting_any_tenant
SELECT tenant_id, job_id FROM bulk_jobs
 WHERE status IN ('queued', 'running') AND turn_at <= now()
 ORDER BY turn_at LIMIT $1

-- clock.now
SELECT now()

-- clock.this_instant
SELECT clock_timestamp()

-- closing_checks_store.advance
UPDATE closing_checks
   SET status = CASE WHEN $4::text IS NULL THEN 'completed' ELSE 'running' END,
       finished_at = CASE WHEN $4::text IS NULL THEN $10::timestamptz END,
       phase = coalesce($4, phase), cursor = $5, bills_total = coalesce($6, bills_total),
       bills_read = bills_read + $7, differed = differed + $8, found = found + $9,
       lease_until = NULL, failures = 0, error = NULL
 WHERE tenant_id = $1 AND month = $2 AND attempt = $3 AND status = 'running'

-- closing_checks_store.ask
   INSERT INTO closing_checks AS c (tenant_id, month, requested_by, requested_at)
   VALUES ($1, $2, $3, now())
       ON CONFLICT (tenant_id, month) DO UPDATE
      SET status = 'queued', requested_by = excluded.requested_by,
          requested_at = excluded.requested_at, started_at = NULL, finished_at = NULL,
          error = NULL, attempt = c.attempt + 1, lease_until = NULL, not_before = NULL,
          failures = 0, phase = 'known', cursor = 0, bills_total = 0,
          bills_read = 0, differed = 0, found = 0
    WHERE c.status IN ('completed', 'failed')
RETURNING c.*

-- closing_checks_store.claim
   UPDATE closing_checks
      SET status = 'running', started_at = coalesce(started_at, $4), attempt = attempt + 1,
          lease_until = $4 + $3::interval, not_before = NULL
    WHERE tenant_id = $1 AND month = $2 AND status IN ('queued', 'running')
      AND coalesce(lease_until, '-infinity') <= $4
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

-- closing_read.chosen
SELECT 'amount_chosen' AS code, s.status, count(*) AS bills,
       sum(coalesce(b.moment_amount, s.amount) - n.amount)::bigint AS amount
  FROM sales s
  JOIN notas n ON n.tenant_id = s.tenant_id AND n.bill_id = s.bill_id
  LEFT JOIN bills b ON b.tenant_id = s.tenant_id AND b.bill_id = s.bill_id
 WHERE 
       s.tenant_id = $1 AND s.moment_at >= $2 AND s.moment_at < $3
   AND s.status <> 'waiting_payment'

   AND s.amount_choice IS NOT NULL AND n.tenant_id = $1 AND n.part = 0
   AND s.status IN ('issued', 'cancelling', 'cancel_refused')
   AND n.status IN ('issued', 'cancelling', 'cancel_refused') AND n.environment = 'Producao'
   AND coalesce(b.moment_amount, s.amount) <> n.amount
 GROUP BY 1, 2

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
            WHEN t.amount IS NOT NULL AND s.status IN ('issued', 'cancelling', 'cancel_refused')
            THEN 'issued_as_test'
            ELSE coalesce(s.code, s.attention) END AS code,
       n.number, n.external_id, n.nota_amount,
       CASE WHEN s.status IS NULL
              OR s.status NOT IN ('issued', 'cancelling', 'cancel_refused')
            THEN coalesce(b.moment_amount, s.amount) - coalesce(n.nota_amount, 0)
            WHEN s.amount_choice IS NOT NULL AND l.amount IS NULL AND t.amount IS NULL
            THEN coalesce(b.moment_amount, s.amount) - n.nota_amount
            ELSE coalesce(l.amount + t.amount, l.amount, t.amount)
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
          AND environment = 'Producao'
        GROUP BY bill_id) n ON n.bill_id = asked.bill_id
  LEFT JOIN (
       SELECT bill_id, sum(amount)::bigint AS amount FROM notas
        WHERE tenant_id = $1 AND bill_id = ANY($2::bigint[])
          AND status IN ('issued', 'cancelling', 'cancel_refused')
          AND environment <> 'Producao'
        GROUP BY bill_id) t ON t.bill_id = asked.bill_id
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
   AND n.environment = 'Producao'
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

-- closing_read.tested
SELECT s.status, count(DISTINCT n.bill_id) AS bills, sum(n.amount)::bigint AS amount
  FROM sales s JOIN notas n ON n.tenant_id = s.tenant_id AND n.bill_id = s.bill_id
 WHERE 
       s.tenant_id = $1 AND s.moment_at >= $2 AND s.moment_at < $3
   AND s.status <> 'waiting_payment'

   AND n.tenant_id = $1 AND n.status IN ('issued', 'cancelling', 'cancel_refused')
   AND n.environment <> 'Producao' AND s.status IN ('issued', 'cancelling', 'cancel_refused')
 GROUP BY 1

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
   SELECT bill_id, part, external_id, number, status, amount, 
   coalesce(n.connection_id, (
       SELECT min(b.connection_id) FROM nota_connections b
        WHERE b.tenant_id = $1 AND b.environment = n.environment))
AS connection_id
     FROM notas n
    WHERE tenant_id = $1 AND bill_id = ANY($2::bigint[])
      AND status IN ('issued', 'cancelling', 'cancel_refused') AND environment = 'Producao'
    ORDER BY bill_id, part

-- connection.server_process
SELECT pg_backend_pid()

-- connections_store.block issuer
UPDATE issuer_connections
   SET state = $2, state_detail = $3,
       state_since = CASE WHEN state = $2 THEN state_since ELSE $5 END
 WHERE tenant_id = $1 AND ($4::timestamptz IS NULL OR connected_at = $4)

-- connections_store.block vindi
UPDATE vindi_connections
   SET state = $2, state_detail = $3,
       state_since = CASE WHEN state = $2 THEN state_since ELSE $5 END
 WHERE tenant_id = $1 AND ($4::timestamptz IS NULL OR connected_at = $4)

-- connections_store.blocked_since
SELECT state_since FROM vindi_connections WHERE tenant_id = $1 AND state = $2
 UNION ALL
SELECT state_since FROM issuer_connections WHERE tenant_id = $1 AND state = $2

-- connections_store.get_issuer
SELECT c.kind, c.environment, c.api_key, c.key_hint, c.key_word, c.company_id, c.company_name,
       c.company_cnpj, c.state, c.state_since, c.state_detail, c.not_before, c.connected_at,
       k.connection_id AS id
  FROM issuer_connections c
  LEFT JOIN nota_connections k
    ON k.tenant_id = $1 AND k.kind = c.kind AND lower(k.company_id) = lower(c.company_id)
   AND k.environment = c.environment AND k.key_word = c.key_word
 WHERE c.tenant_id = $1

-- connections_store.get_vindi
SELECT environment, api_key, key_hint, merchant_name, registry_code, merchant_id,
       state, state_since, state_detail, not_before, connected_at
  FROM vindi_connections WHERE tenant_id = $1

-- connections_store.issuer_company
SELECT company_id FROM issuer_connections WHERE tenant_id = $1

-- connections_store.know_merchant
UPDATE vindi_connections SET merchant_id = $2
 WHERE tenant_id = $1 AND merchant_id IS NULL AND connected_at = $3

-- connections_store.lacks_merchant
SELECT merchant_id IS NULL FROM vindi_connections WHERE tenant_id = $1

-- connections_store.put_issuer
INSERT INTO issuer_connections AS c
       (tenant_id, kind, environment, api_key, key_hint, key_word, company_id, company_name,
        company_cnpj, company_city, company_regime, state_since, connected_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, now(), now())
    ON CONFLICT (tenant_id) DO UPDATE
   SET kind = excluded.kind, environment = excluded.environment, api_key = excluded.api_key,
       key_hint = excluded.key_hint, key_word = excluded.key_word,
       company_id = excluded.company_id, company_name = excluded.company_name,
       company_cnpj = excluded.company_cnpj, company_city = excluded.company_city,
       company_regime = excluded.company_regime, state = 'ok',
       state_since = excluded.state_since, state_detail = '', not_before = NULL,
       connected_at = excluded.connected_at

-- connections_store.put_vindi
INSERT INTO vindi_connections AS c
       (tenant_id, environment, api_key, key_hint, merchant_name, registry_code, merchant_id,
        state_since, connected_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, now(), now())
    ON CONFLICT (tenant_id) DO UPDATE
   SET environment = excluded.environment, api_key = excluded.api_key,
       key_hint = excluded.key_hint, merchant_name = excluded.merchant_name,
       registry_code = excluded.registry_code, merchant_id = excluded.merchant_id, state = 'ok',
       state_since = excluded.state_since, state_detail = '', not_before = NULL,
       connected_at = excluded.connected_at

-- connections_store.refused_any_tenant issuer
SELECT tenant_id, state, state_since, connected_at FROM issuer_connections
 WHERE state = ANY($1::text[]) AND tenant_id > $2
 ORDER BY tenant_id LIMIT $3

-- connections_store.refused_any_tenant vindi
SELECT tenant_id, state, state_since, connected_at FROM vindi_connections
 WHERE state = ANY($1::text[]) AND tenant_id > $2
 ORDER BY tenant_id LIMIT $3

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
          AND (status = 'held' AND (code LIKE 'customer\_%' OR code LIKE 'denied\_%')
               OR status = 'denied' AND code IN
                  ('denied_city', 'denied_document', 'denied_address', 'denied_contact')))
    OR EXISTS (
       SELECT FROM sales
        WHERE tenant_id = $1 AND status = 'in_guarantee' AND attention = ANY($2::text[]))

-- customer_holds_store.customers_after
SELECT DISTINCT customer_id FROM sales
 WHERE tenant_id = $1 AND customer_id > $2
   AND (status = 'held' AND (code LIKE 'customer\_%' OR code LIKE 'denied\_%')
        OR status = 'denied' AND code IN
           ('denied_city', 'denied_document', 'denied_address', 'denied_contact'))
 UNION
SELECT customer_id FROM sales
 WHERE tenant_id = $1 AND customer_id > $2 AND status = 'in_guarantee'
   AND attention = ANY($4::text[])
 ORDER BY customer_id LIMIT $3

-- customer_holds_store.waiting_for
SELECT bill_id, customer_id, updated_at AS decided_at FROM sales
 WHERE tenant_id = $1 AND customer_id = ANY($2::bigint[])
   AND (status = 'held' AND (code LIKE 'customer\_%' OR code LIKE 'denied\_%')
        OR status = 'denied' AND code IN
           ('denied_city', 'denied_document', 'denied_address', 'denied_contact'))
 UNION ALL
SELECT bill_id, customer_id, updated_at FROM sales
 WHERE tenant_id = $1 AND customer_id = ANY($2::bigint[]) AND status = 'in_guarantee'
   AND attention = ANY($3::text[])

-- denials_store.groups
SELECT coalesce(n.denial_group, n.denial) AS "group", min(n.denial) AS denial,
       count(DISTINCT n.bill_id) AS count, sum(n.amount)::bigint AS amount,
       min(coalesce(n.denied_at, n.sent_at, n.created_at)) AS first_at,
       max(coalesce(n.denied_at, n.sent_at, n.created_at)) AS last_at,
       count(*) FILTER (WHERE n.resend_at IS NOT NULL) AS by_itself,
       (array_agg(n.bill_id ORDER BY n.bill_id))[1:$2] AS examples,
       (array_agg(n.reason ORDER BY n.bill_id) FILTER (WHERE n.reason IS NOT NULL))[1]
           AS reason,
       min(n.denial_cause) AS cause
  FROM notas n
 WHERE n.tenant_id = $1 AND n.status = 'denied' AND NOT n.resend
   AND n.bill_id = ANY (ARRAY(SELECT s.bill_id FROM sales s
                               WHERE s.tenant_id = $1 AND s.status = 'denied'))
 GROUP BY 1
 ORDER BY count DESC, "group"

-- denials_store.of_group
SELECT n.bill_id FROM notas n
 WHERE n.tenant_id = $1 AND n.status = 'denied' AND NOT n.resend AND n.bill_id > $3
   AND n.bill_id = ANY (ARRAY(SELECT s.bill_id FROM sales s
                               WHERE s.tenant_id = $1 AND s.status = 'denied'
                                 AND s.bill_id > $3))
   AND (n.denial_group = $2 OR (n.denial_group IS NULL AND n.denial = $2))
 ORDER BY n.bill_id LIMIT $4

-- denials_store.resend
   UPDATE notas SET resend = true, resend_at = NULL
    WHERE tenant_id = $1 AND bill_id = ANY($3::bigint[]) AND status = 'denied'
      AND (denial_group = $2 OR (denial_group IS NULL AND denial = $2))
RETURNING bill_id

-- distribution.copy_everywhere
SELECT create_reference_table($1::regclass)

-- distribution.enable
CREATE EXTENSION IF NOT EXISTS citus

-- distribution.is_spread
SELECT EXISTS (SELECT FROM pg_dist_partition WHERE logicalrelid = to_regclass($1))

-- distribution.spread_by_tenant
SELECT create_distributed_table($1::regclass, 'tenant_id')

-- elsewhere_store.find_any_tenant account
SELECT count(*) AS tenants, coalesce(bool_or(t.status <> 'setting_up'), false) AS active
  FROM vindi_connections v JOIN tenants t ON t.tenant_id = v.tenant_id
 WHERE v.merchant_id = $1 AND v.environment = $2 AND v.tenant_id <> $3

-- elsewhere_store.find_any_tenant company
SELECT count(*) AS tenants, coalesce(bool_or(t.status <> 'setting_up'), false) AS active
  FROM issuer_connections i JOIN tenants t ON t.tenant_id = i.tenant_id
 WHERE i.kind = $1 AND lower(i.company_id) = $2 AND i.tenant_id <> $3

-- elsewhere_store.find_any_tenant own account
SELECT merchant_id, environment FROM vindi_connections
 WHERE tenant_id = $1 AND merchant_id IS NOT NULL

-- elsewhere_store.find_any_tenant own company
SELECT kind, lower(company_id) AS company_id FROM issuer_connections WHERE tenant_id = $1

-- event_days_store.attached
SELECT EXISTS (SELECT FROM pg_inherits WHERE inhrelid = c.oid)
  FROM pg_class c WHERE c.oid = to_regclass($1)

-- event_days_store.days
SELECT to_date(right(c.relname, 8), 'YYYYMMDD') AS day
  FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
 WHERE i.inhparent = 'events'::regclass AND c.relname ~ '^events_[0-9]{8}$'

-- event_days_store.forget_strays_any_tenant
DELETE FROM events_default WHERE received_at >= $1 AND received_at < $2

-- event_days_store.lock_strays
LOCK TABLE events_default IN ACCESS EXCLUSIVE MODE

-- event_days_store.strays_any_tenant
SELECT (received_at AT TIME ZONE 'UTC')::date AS day, count(*) AS events
  FROM events_default GROUP BY 1

-- event_days_store.strays_of_any_tenant
SELECT EXISTS (SELECT FROM events_default WHERE received_at >= $1 AND received_at < $2)

-- event_days_store.take_turn
SELECT pg_try_advisory_xact_lock($1)

-- event_days_store.wait_briefly
SELECT set_config('lock_timeout', $1, true)

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

-- events_store.of_bill
SELECT received_at, source, type, event_at FROM events
 WHERE tenant_id = $1 AND bill_id = $2 ORDER BY received_at LIMIT $3

-- failures_store.clear
DELETE FROM sign_in_failures WHERE source_word = $1 AND account_word = $2

-- failures_store.count
INSERT INTO sign_in_failures AS f (source_word, account_word, failures, last_at)
VALUES ($1, $2, $3, $4)
    ON CONFLICT (source_word, account_word) DO UPDATE
   SET failures = greatest(f.failures + 1, excluded.failures), last_at = excluded.last_at

-- failures_store.forget
DELETE FROM sign_in_failures WHERE last_at < $1

-- failures_store.lock
SELECT failures, last_at FROM sign_in_failures
 WHERE source_word = $1 AND account_word = $2 FOR UPDATE

-- filed_notas.credited
    SELECT 
           n.bill_id, n.part, n.revision, n.external_id, n.number, n.competencia,
           coalesce(s.customer_name, '') AS customer_name, n.status, n.cancelled_at, n.amount,

           CASE WHEN n.fiscal_sent_at IS NOT DISTINCT FROM n.sent_at THEN n.fiscal_class END
               AS fiscal_class
, n.discount, n.conditional_discount, n.deductions, n.iss,
           n.pis_withheld AS pis, n.cofins_withheld AS cofins, n.csll_withheld AS csll,
           n.inss_withheld AS inss, n.irrf_withheld AS irrf

      FROM notas n JOIN sales s ON s.tenant_id = n.tenant_id AND s.bill_id = n.bill_id
     WHERE 
           n.tenant_id = $1 AND n.environment = 'Producao' AND n.status = 'cancelled'
       AND n.cancelled_at >= $2 AND n.cancelled_at < $3 AND n.competencia < $4
       AND 
           n.status = 'cancelled' AND (n.issued_at IS NOT NULL OR n.number IS NOT NULL)
       AND coalesce(n.raw_status, '')
           NOT IN ('never_arrived', 'issued_as_test', 'replaced', 'divided_anew')

 AND s.tenant_id = $1
       AND (n.bill_id, n.part, n.revision) > ($5, $6, $7)
     ORDER BY n.bill_id, n.part, n.revision LIMIT $8

-- filed_notas.filed
    SELECT 
           n.bill_id, n.part, n.revision, n.external_id, n.number, n.competencia,
           coalesce(s.customer_name, '') AS customer_name, n.status, n.cancelled_at, n.amount,

           CASE WHEN n.fiscal_sent_at IS NOT DISTINCT FROM n.sent_at THEN n.fiscal_class END
               AS fiscal_class
, n.discount, n.conditional_discount, n.deductions, n.iss,
           n.pis_withheld AS pis, n.cofins_withheld AS cofins, n.csll_withheld AS csll,
           n.inss_withheld AS inss, n.irrf_withheld AS irrf

      FROM notas n JOIN sales s ON s.tenant_id = n.tenant_id AND s.bill_id = n.bill_id
     WHERE 
           n.tenant_id = $1 AND n.competencia >= $2 AND n.competencia <= $3
       AND n.environment = 'Producao'
       AND n.status IN ('issued', 'cancelling', 'cancel_refused', 'cancelled')
       AND (n.status <> 'cancelled' OR n.cancelled_at >= $4 AND 
           n.status = 'cancelled' AND (n.issued_at IS NOT NULL OR n.number IS NOT NULL)
       AND coalesce(n.raw_status, '')
           NOT IN ('never_arrived', 'issued_as_test', 'replaced', 'divided_anew')
)
 AND s.tenant_id = $1
       AND (n.competencia, n.bill_id, n.part, n.revision) > ($5, $6, $7, $8)
     ORDER BY n.competencia, n.bill_id, n.part, n.revision LIMIT $9

-- filed_notas.tell
WITH free AS (
    SELECT bill_id, part, revision FROM notas
     WHERE tenant_id = $1 AND bill_id = ANY($2::bigint[])
       FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE notas n
   SET fiscal_class = t.fiscal_class, fiscal_sent_at = n.sent_at, discount = t.discount,
       conditional_discount = t.conditional_discount, deductions = t.deductions, iss = t.iss,
       pis_withheld = t.pis, cofins_withheld = t.cofins, csll_withheld = t.csll,
       inss_withheld = t.inss, irrf_withheld = t.irrf
  FROM free JOIN unnest($2::bigint[], $3::smallint[], $4::int[], $5::timestamptz[],
                        $6::text[], $7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[],
                        $11::bigint[], $12::bigint[], $13::bigint[], $14::bigint[],
                        $15::bigint[])
       AS t (bill_id, part, revision, sent_at, fiscal_class, discount, conditional_discount,
             deductions, iss, pis, cofins, csll, inss, irrf)
    ON t.bill_id = free.bill_id AND t.part = free.part AND t.revision = free.revision
 WHERE n.tenant_id = $1 AND n.bill_id = ANY($2::bigint[]) AND n.bill_id = free.bill_id
   AND n.part = free.part AND n.revision = free.revision
   AND n.sent_at IS NOT DISTINCT FROM t.sent_at

-- filed_notas.untold
    SELECT n.bill_id, n.part, n.revision, n.sent_at, n.request FROM notas n
     WHERE 
           n.tenant_id = $1 AND n.competencia >= $2 AND n.competencia <= $3
       AND n.environment = 'Producao'
       AND n.status IN ('issued', 'cancelling', 'cancel_refused', 'cancelled')
       AND (n.status <> 'cancelled' OR n.cancelled_at >= $4 AND 
           n.status = 'cancelled' AND (n.issued_at IS NOT NULL OR n.number IS NOT NULL)
       AND coalesce(n.raw_status, '')
           NOT IN ('never_arrived', 'issued_as_test', 'replaced', 'divided_anew')
)
 AND 
           (n.fiscal_class IS NULL OR n.fiscal_sent_at IS DISTINCT FROM n.sent_at)
       AND octet_length(n.request) > 0 AND (n.bill_id, n.part, n.revision) > ($5, $6, $7)
     ORDER BY n.bill_id, n.part, n.revision LIMIT $8

-- filed_notas.untold_credits
   SELECT n.bill_id, n.part, n.revision, n.sent_at, n.request FROM notas n
    WHERE 
          n.tenant_id = $1 AND n.environment = 'Producao' AND n.status = 'cancelled'
      AND n.cancelled_at >= $2 AND n.cancelled_at < $3 AND n.competencia < $4
      AND 
          n.status = 'cancelled' AND (n.issued_at IS NOT NULL OR n.number IS NOT NULL)
      AND coalesce(n.raw_status, '')
          NOT IN ('never_arrived', 'issued_as_test', 'replaced', 'divided_anew')

AND 
          (n.fiscal_class IS NULL OR n.fiscal_sent_at IS DISTINCT FROM n.sent_at)
      AND octet_length(n.request) > 0 AND (n.bill_id, n.part, n.revision) > ($5, $6, $7)
    ORDER BY n.bill_id, n.part, n.revision LIMIT $8

-- filing_read.credited
    SELECT 
           CASE WHEN n.fiscal_sent_at IS NOT DISTINCT FROM n.sent_at THEN n.fiscal_class END
               AS fiscal_class
, date_trunc('month', n.competencia::timestamp)::date AS other_month, 
           count(*) AS notas, sum(n.amount)::bigint AS amount,
           sum(n.discount)::bigint AS discount,
           sum(n.conditional_discount)::bigint AS conditional_discount,
           sum(n.deductions)::bigint AS deductions, sum(
           greatest(0, n.amount + coalesce(n.conditional_discount, 0) - coalesce(n.deductions, 0))
)::bigint AS base,
           sum(n.iss)::bigint AS iss, count(*) - count(n.iss) AS without_rate,
           sum(n.pis_withheld)::bigint AS pis, sum(n.cofins_withheld)::bigint AS cofins,
           sum(n.csll_withheld)::bigint AS csll, sum(n.inss_withheld)::bigint AS inss,
           sum(n.irrf_withheld)::bigint AS irrf

      FROM notas n WHERE 
           n.tenant_id = $1 AND n.environment = 'Producao' AND n.status = 'cancelled'
       AND n.cancelled_at >= $2 AND n.cancelled_at < $3 AND n.competencia < $4
       AND 
           n.status = 'cancelled' AND (n.issued_at IS NOT NULL OR n.number IS NOT NULL)
       AND coalesce(n.raw_status, '')
           NOT IN ('never_arrived', 'issued_as_test', 'replaced', 'divided_anew')

 GROUP BY 1, 2

-- filing_read.elsewhere
   SELECT date_trunc('month', n.competencia::timestamp)::date AS other_month,
          count(*) AS notas, sum(n.amount)::bigint AS amount
     FROM sales s JOIN notas n ON n.tenant_id = s.tenant_id AND n.bill_id = s.bill_id
    WHERE 
          s.tenant_id = $1 AND s.moment_at >= $2 AND s.moment_at < $3
      AND s.status <> 'waiting_payment'
AND n.tenant_id = $1
      AND n.status IN ('issued', 'cancelling', 'cancel_refused') AND n.environment = 'Producao'
      AND (n.competencia < $4 OR n.competencia > $5)
    GROUP BY 1 ORDER BY 1

-- filing_read.filed
    WITH filed AS (
        SELECT n.*, n.status = 'cancelled' AS cancelled,
               coalesce(s.moment_at >= $5 AND s.moment_at < $4
                        AND s.status <> 'waiting_payment', false) AS of_month,
               CASE WHEN s.status <> 'waiting_payment' THEN s.moment_at END AS moment_at
          FROM notas n JOIN sales s ON s.tenant_id = n.tenant_id AND s.bill_id = n.bill_id
         WHERE 
           n.tenant_id = $1 AND n.competencia >= $2 AND n.competencia <= $3
       AND n.environment = 'Producao'
       AND n.status IN ('issued', 'cancelling', 'cancel_refused', 'cancelled')
       AND (n.status <> 'cancelled' OR n.cancelled_at >= $4 AND 
           n.status = 'cancelled' AND (n.issued_at IS NOT NULL OR n.number IS NOT NULL)
       AND coalesce(n.raw_status, '')
           NOT IN ('never_arrived', 'issued_as_test', 'replaced', 'divided_anew')
)
 AND s.tenant_id = $1
    )
    SELECT 
           CASE WHEN n.fiscal_sent_at IS NOT DISTINCT FROM n.sent_at THEN n.fiscal_class END
               AS fiscal_class
, cancelled, of_month,
           CASE WHEN cancelled THEN date_trunc('month', n.cancelled_at AT TIME ZONE $6)::date
                WHEN NOT of_month THEN date_trunc('month', n.moment_at AT TIME ZONE $6)::date
           END AS other_month, 
           count(*) AS notas, sum(n.amount)::bigint AS amount,
           sum(n.discount)::bigint AS discount,
           sum(n.conditional_discount)::bigint AS conditional_discount,
           sum(n.deductions)::bigint AS deductions, sum(
           greatest(0, n.amount + coalesce(n.conditional_discount, 0) - coalesce(n.deductions, 0))
)::bigint AS base,
           sum(n.iss)::bigint AS iss, count(*) - count(n.iss) AS without_rate,
           sum(n.pis_withheld)::bigint AS pis, sum(n.cofins_withheld)::bigint AS cofins,
           sum(n.csll_withheld)::bigint AS csll, sum(n.inss_withheld)::bigint AS inss,
           sum(n.irrf_withheld)::bigint AS irrf

      FROM filed n GROUP BY 1, 2, 3, 4

-- filing_read.foreign
SELECT count(*) AS notas, coalesce(sum(amount), 0)::bigint AS amount
  FROM issuer_notas
 WHERE tenant_id = $1 AND company_id = $2 AND bill_id IS NULL AND valid
   AND competencia >= $3 AND competencia <= $4 AND created_on >= $5

-- foreign_notas_store.claim
   UPDATE foreign_nota_marks SET next_at = $3 + $2::interval
    WHERE tenant_id = $1 AND next_at <= $3
RETURNING listed_to

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
    WHERE m.next_at <= now() AND 
          (t.status IN ('active', 'shadow')
           OR (t.status = 'setting_up' AND i.connected_at > now() - interval '30 days'))
AND i.state = 'ok'
    ORDER BY m.next_at LIMIT $1

-- foreign_notas_store.enrol_any_tenant
   INSERT INTO foreign_nota_marks AS m (tenant_id, company_id, next_at)
   SELECT i.tenant_id, i.company_id, now()
     FROM issuer_connections i JOIN tenants t ON t.tenant_id = i.tenant_id
    WHERE 
          (t.status IN ('active', 'shadow')
           OR (t.status = 'setting_up' AND i.connected_at > now() - interval '30 days'))
AND NOT EXISTS (
          SELECT 1 FROM foreign_nota_marks k
           WHERE k.tenant_id = i.tenant_id AND k.company_id = i.company_id)
       ON CONFLICT (tenant_id) DO UPDATE
      SET company_id = excluded.company_id, listed_to = NULL, listed_from = NULL,
          next_at = excluded.next_at
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
SELECT coalesce(min(listed_from), $3::date) AS until
  FROM foreign_nota_marks WHERE tenant_id = $1 AND company_id = $2

-- given_back_read.load
SELECT b.bill_id, (b.refunded_at AT TIME ZONE t.timezone)::date AS last_on,
       (SELECT coalesce(sum(r.value::bigint), 0)::bigint FROM jsonb_each_text(b.refunds) r)
       AS amount
  FROM bills b JOIN tenants t ON t.tenant_id = b.tenant_id
 WHERE b.tenant_id = $1 AND b.bill_id = ANY($2::bigint[])

-- idempotency_store.begin
   INSERT INTO idempotency_keys AS k (tenant_id, actor, key, request_hash, created_at)
   VALUES ($1, $2, $3, $4, now())
       ON CONFLICT (tenant_id, actor, key) DO UPDATE SET created_at = excluded.created_at
    WHERE k.status IS NULL AND k.request_hash = excluded.request_hash
      AND excluded.created_at - k.created_at > $5::interval
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

-- issued_tests_store.go_live give_up
UPDATE notas
   SET status = 'cancelled', resend = false, resend_at = NULL, look_up_at = NULL,
       raw_status = CASE WHEN bill_id = ANY($3::bigint[]) THEN $4 ELSE $5 END
 WHERE tenant_id = $1 AND bill_id = ANY($2::bigint[])
   AND environment = 'Homologacao' AND status <> 'cancelled'

-- issued_tests_store.go_live say
UPDATE sales
   SET status = CASE WHEN bill_id = ANY($3::bigint[]) THEN 'queued' ELSE 'held' END,
       code = CASE WHEN bill_id = ANY($3::bigint[]) THEN NULL ELSE $4 END,
       detail = '', attention = NULL, updated_at = $5
 WHERE tenant_id = $1 AND bill_id = ANY($2::bigint[])

-- issued_tests_store.of_them_due
SELECT bill_id FROM sales
 WHERE tenant_id = $1 AND bill_id = ANY($2::bigint[])
   AND ($3::timestamptz IS NULL OR moment_at >= $3)

-- issued_tests_store.tests
SELECT DISTINCT bill_id FROM notas
 WHERE tenant_id = $1 AND environment = 'Homologacao' AND status NOT IN ('cancelled', 'denied')
   AND ($2::bigint[] IS NULL OR bill_id = ANY($2))
 ORDER BY bill_id

-- issuer_health_store.company
SELECT 'company' AS scope, state, since, failures, failing_since, openings, probe_at, slots, taken,
       round_until, cause FROM company_breakers WHERE tenant_id = $1

-- issuer_health_store.lock
SELECT scope, state, since, failures, failing_since, openings, probe_at, slots, taken,
       round_until, cause
  FROM issuer_breakers WHERE tenant_id = $1 AND scope = $2 FOR UPDATE

-- issuer_health_store.lock add
INSERT INTO issuer_breakers (tenant_id, scope, since) VALUES ($1, $2, $3)
    ON CONFLICT DO NOTHING

-- issuer_health_store.lock_company
SELECT 'company' AS scope, state, since, failures, failing_since, openings, probe_at, slots, taken,
       round_until, cause
  FROM company_breakers WHERE tenant_id = $1 FOR UPDATE

-- issuer_health_store.lock_company add
INSERT INTO company_breakers (tenant_id, since) VALUES ($1, $2) ON CONFLICT DO NOTHING

-- issuer_health_store.read
SELECT scope, state, since, failures, failing_since, openings, probe_at, slots, taken,
       round_until, cause, tenant_id
  FROM issuer_breakers WHERE tenant_id = ANY($1::text[])
UNION ALL
SELECT 'company', state, since, failures, failing_since, openings, probe_at, slots, taken,
       round_until, cause, tenant_id
  FROM company_breakers WHERE tenant_id = ANY($1::text[])
 ORDER BY tenant_id, scope

-- issuer_health_store.read_any_tenant
SELECT scope, state, since, failures, failing_since, openings, probe_at, slots, taken,
       round_until, cause, tenant_id
  FROM issuer_breakers WHERE tenant_id = ANY($1::text[])
UNION ALL
SELECT 'company', state, since, failures, failing_since, openings, probe_at, slots, taken,
       round_until, cause, tenant_id
  FROM company_breakers WHERE tenant_id = ANY($1::text[])
 ORDER BY tenant_id, scope

-- issuer_health_store.store
UPDATE issuer_breakers
   SET state = $3, since = $4, failures = $5, failing_since = $6, openings = $7,
       probe_at = $8, slots = $9, taken = $10, round_until = $11, cause = $12
 WHERE tenant_id = $1 AND scope = $2

-- issuer_health_store.store of a company
UPDATE company_breakers
   SET state = $2, since = $3, failures = $4, failing_since = $5, openings = $6,
       probe_at = $7, slots = $8, taken = $9, round_until = $10, cause = $11
 WHERE tenant_id = $1

-- issuer_list_store.claim
   INSERT INTO issuer_lists AS l (tenant_id, lease_until, attempt) VALUES ($1, $3, 1)
       ON CONFLICT (tenant_id) DO UPDATE
      SET lease_until = excluded.lease_until, attempt = l.attempt + 1
    WHERE l.lease_until IS NULL OR l.lease_until <= $2
RETURNING attempt

-- issuer_list_store.differed
SELECT issuer_id, differs FROM issuer_notas
 WHERE tenant_id = $1 AND issuer_id = ANY($2::text[]) AND differs IS NOT NULL

-- issuer_list_store.done
UPDATE issuer_days
   SET read_at = $4, urgent = urgent AND wanted_at > $4,
       wanted_at = CASE WHEN wanted_at > $4 THEN wanted_at END
 WHERE tenant_id = $1 AND company_id = $2 AND day = ANY($3::date[])

-- issuer_list_store.due_any_tenant
SELECT d.tenant_id
  FROM issuer_days d
  LEFT JOIN issuer_lists l ON l.tenant_id = d.tenant_id
 WHERE d.wanted_at IS NOT NULL
   AND EXISTS (
       SELECT FROM nota_connections k
         LEFT JOIN issuer_connections i
           ON i.tenant_id = k.tenant_id AND lower(i.company_id) = lower(k.company_id)
        WHERE k.tenant_id = d.tenant_id AND lower(k.company_id) = d.company_id
          AND k.environment = 'Producao' AND coalesce(i.state, k.state) = 'ok')
   AND (l.lease_until IS NULL OR l.lease_until <= $1)
   AND (l.not_before IS NULL OR l.not_before <= $1)
 GROUP BY d.tenant_id
 ORDER BY bool_or(d.urgent) DESC, min(d.wanted_at) LIMIT $2

-- issuer_list_store.gone
UPDATE issuer_notas SET valid = false, raw_status = 'gone', read_at = $4
 WHERE tenant_id = $1 AND company_id = $2 AND created_on = ANY($3::date[]) AND read_at < $4
   AND valid

-- issuer_list_store.locked_to
SELECT max(month) FROM closing_locks WHERE tenant_id = $1

-- issuer_list_store.missing
   SELECT DISTINCT n.bill_id
     FROM notas n
     JOIN nota_connections k
       ON k.tenant_id = $1 AND k.connection_id = 
   coalesce(n.connection_id, (
       SELECT min(b.connection_id) FROM nota_connections b
        WHERE b.tenant_id = $1 AND b.environment = n.environment))
AND lower(k.company_id) = $5
    WHERE n.tenant_id = $1 AND n.environment = 'Producao'
      AND n.status IN ('issued', 'cancelling', 'cancel_refused')
      AND n.raw_status IS DISTINCT FROM 'stated_by_person'
      AND n.created_at >= $2 AND n.created_at < $3 AND coalesce(n.issued_at, n.sent_at) < $4
      AND NOT EXISTS (
          SELECT FROM issuer_notas i
           WHERE i.tenant_id = $1 AND i.bill_id = n.bill_id AND i.external_id = n.external_id
             AND i.valid)

-- issuer_list_store.open_since
SELECT least(min(n.created_at), t.active_from) AS since
  FROM tenants t
  LEFT JOIN notas n ON n.tenant_id = t.tenant_id AND n.environment = 'Producao'
   AND NOT EXISTS (
       SELECT FROM closing_locks k
        WHERE k.tenant_id = n.tenant_id
          AND k.month = date_trunc('month', n.competencia::timestamp)::date)
 WHERE t.tenant_id = $1
 GROUP BY t.active_from

-- issuer_list_store.ours
SELECT external_id, bill_id, issuer_id, status, raw_status, changed_at,
       CASE WHEN sends > 1 THEN sent_at END AS sent_again_at, then_cancel,
       coalesce(total, amount) AS total, competencia, request, EXISTS (
           SELECT FROM notas m
            WHERE m.tenant_id = $1 AND m.bill_id = n.bill_id AND m.part = n.part
              AND m.revision > n.revision AND m.status <> 'cancelled') AS superseded
  FROM notas n
 WHERE tenant_id = $1 AND bill_id = ANY($2::bigint[]) AND external_id = ANY($3::text[])

-- issuer_list_store.planned
INSERT INTO issuer_lists AS l (tenant_id, planned_at) VALUES ($1, $2)
    ON CONFLICT (tenant_id) DO UPDATE SET planned_at = excluded.planned_at

-- issuer_list_store.release
UPDATE issuer_lists SET lease_until = NULL, not_before = $3
 WHERE tenant_id = $1 AND attempt = $2

-- issuer_list_store.renew
   UPDATE issuer_lists SET lease_until = $3 WHERE tenant_id = $1 AND attempt = $2
RETURNING attempt

-- issuer_list_store.store
INSERT INTO issuer_notas (tenant_id, company_id, issuer_id, external_id, bill_id, valid,
                          raw_status, amount, competencia, number, created_on, changed_at,
                          differs, read_at)
SELECT $1, $2, r.*, $4
  FROM json_to_recordset($3::text::json)
       AS r (issuer_id text, external_id text, bill_id bigint, valid boolean, raw_status text,
             amount bigint, competencia date, number text, created_on date,
             changed_at timestamptz, differs text)
    ON CONFLICT (tenant_id, issuer_id) DO UPDATE
   SET company_id = excluded.company_id, external_id = excluded.external_id,
       bill_id = excluded.bill_id, valid = excluded.valid, raw_status = excluded.raw_status,
       amount = excluded.amount, competencia = excluded.competencia,
       number = excluded.number, created_on = excluded.created_on,
       changed_at = excluded.changed_at, differs = excluded.differs,
       read_at = excluded.read_at

-- issuer_list_store.to_plan_any_tenant
SELECT i.tenant_id, lower(i.company_id) AS company_id
  FROM issuer_connections i JOIN tenants t ON t.tenant_id = i.tenant_id
  LEFT JOIN issuer_lists l ON l.tenant_id = i.tenant_id
 WHERE t.status = 'active' AND i.state = 'ok' AND i.environment = 'Producao'
   AND (l.planned_at IS NULL OR l.planned_at <= $1)
 ORDER BY l.planned_at NULLS FIRST LIMIT $2

-- issuer_list_store.want
INSERT INTO issuer_days AS d (tenant_id, company_id, day, wanted_at, urgent)
SELECT $1, $2, day, $4, $5 FROM unnest($3::date[]) AS day
    ON CONFLICT (tenant_id, company_id, day) DO UPDATE
   SET wanted_at = excluded.wanted_at, urgent = d.urgent OR excluded.urgent

-- issuer_list_store.want_left
INSERT INTO issuer_days AS d (tenant_id, company_id, day, wanted_at, urgent)
SELECT DISTINCT $1, lower(k.company_id), (n.created_at AT TIME ZONE 'UTC')::date + beside,
       $3::timestamptz, false
  FROM notas n
  JOIN nota_connections k ON k.tenant_id = $1 AND k.connection_id = 
coalesce(n.connection_id, (
    SELECT min(b.connection_id) FROM nota_connections b
     WHERE b.tenant_id = $1 AND b.environment = n.environment))

 CROSS JOIN (VALUES (-1), (0), (1)) AS around (beside)
 WHERE n.tenant_id = $1 AND n.environment = 'Producao' AND lower(k.company_id) <> $2
   AND (n.created_at AT TIME ZONE 'UTC')::date + beside <= $4::date
   AND NOT EXISTS (
       SELECT FROM closing_locks l
        WHERE l.tenant_id = $1
          AND l.month = date_trunc('month', n.competencia::timestamp)::date)
    ON CONFLICT (tenant_id, company_id, day) DO UPDATE SET wanted_at = excluded.wanted_at

-- issuer_list_store.wanted
SELECT day FROM issuer_days
 WHERE tenant_id = $1 AND company_id = $2 AND wanted_at IS NOT NULL
 ORDER BY urgent DESC, day LIMIT 400

-- issuer_side_read.connected
SELECT lower(i.company_id) AS company_id, i.environment,
       (t.active_from AT TIME ZONE 'UTC')::date AS since,
       (now() AT TIME ZONE 'UTC')::date AS today
  FROM tenants t LEFT JOIN issuer_connections i ON i.tenant_id = t.tenant_id
 WHERE t.tenant_id = $1

-- issuer_side_read.days
SELECT company_id, day, read_at FROM issuer_days
 WHERE tenant_id = $1 AND day >= $2 AND day <= $3 AND read_at IS NOT NULL

-- issuer_side_read.differences
    WITH 
    ours AS MATERIALIZED (
        SELECT n.bill_id, n.external_id, lower(n.issuer_id) AS issuer_id,
               coalesce(n.total, n.amount) AS amount, coalesce(n.total, n.amount) - n.amount
               AS discount, n.number,
               n.competencia, n.raw_status, n.status IN ('issued', 'cancelling', 'cancel_refused')
               AS valid, (n.created_at AT TIME ZONE 'UTC')::date AS day,
               greatest(n.created_at, n.sent_at, n.issued_at, n.cancelled_at) AS moved_at,
               lower(k.company_id) AS company_id
          FROM sales s JOIN notas n ON n.tenant_id = s.tenant_id AND n.bill_id = s.bill_id
          LEFT JOIN nota_connections k ON k.tenant_id = $1 AND k.connection_id = 
    coalesce(n.connection_id, (
        SELECT min(b.connection_id) FROM nota_connections b
         WHERE b.tenant_id = $1 AND b.environment = n.environment))

         WHERE 
           s.tenant_id = $1 AND s.moment_at >= $2 AND s.moment_at < $3
       AND s.status <> 'waiting_payment'
 AND n.tenant_id = $1 AND n.environment = 'Producao'
    )
, 
    listed AS MATERIALIZED (
        SELECT i.bill_id, i.external_id, i.issuer_id, i.amount, i.number, i.competencia,
               i.differs, i.read_at
          FROM issuer_notas i JOIN sales s ON s.tenant_id = i.tenant_id AND s.bill_id = i.bill_id
         WHERE 
           s.tenant_id = $1 AND s.moment_at >= $2 AND s.moment_at < $3
       AND s.status <> 'waiting_payment'
 AND i.tenant_id = $1 AND i.bill_id IS NOT NULL AND i.valid
         UNION ALL
        SELECT NULL, i.external_id, i.issuer_id, i.amount, i.number, i.competencia, NULL, i.read_at
          FROM issuer_notas i
         WHERE 
               i.tenant_id = $1 AND i.company_id = $4 AND i.bill_id IS NULL AND i.valid
           AND i.competencia >= $5 AND i.competencia <= $6 AND i.created_on >= $7

           AND NOT EXISTS (SELECT FROM accepted_notas a WHERE 
                   a.tenant_id = $1 AND a.issuer_id = i.issuer_id
               AND a.amount IS NOT DISTINCT FROM i.amount AND a.competencia = i.competencia
)
    )
, 
    found AS (
        SELECT 'only_here' AS kind, o.bill_id, o.external_id, o.issuer_id, o.number,
               o.competencia, o.amount AS our_amount, NULL::bigint AS issuer_amount,
               NULL AS differs
          FROM ours o
          JOIN issuer_days d ON d.tenant_id = $1 AND d.company_id = o.company_id AND d.day = o.day
         WHERE o.valid AND d.read_at > o.moved_at
           AND o.raw_status IS DISTINCT FROM 'stated_by_person'
           AND NOT EXISTS (
               SELECT FROM listed l WHERE l.external_id = o.external_id
                  AND (o.issuer_id IS NULL OR l.issuer_id = o.issuer_id))
         UNION ALL
        SELECT 'differs', o.bill_id, o.external_id, l.issuer_id, l.number, l.competencia,
               o.amount, l.amount, l.differs
          FROM ours o JOIN listed l ON l.external_id = o.external_id
           AND (o.issuer_id IS NULL OR l.issuer_id = o.issuer_id)
         WHERE o.valid AND l.differs IS NOT NULL
         UNION ALL
        SELECT CASE WHEN EXISTS (SELECT FROM ours v
                                  WHERE v.bill_id = l.bill_id AND v.valid)
                    THEN 'second_nota' ELSE 'only_there' END,
               l.bill_id, l.external_id, l.issuer_id, l.number, l.competencia, NULL, l.amount, NULL
          FROM listed l
         WHERE l.bill_id IS NOT NULL
           AND NOT EXISTS (
               SELECT FROM ours o
                WHERE o.external_id = l.external_id
                  AND (o.issuer_id IS NULL OR o.issuer_id = l.issuer_id)
                  AND (o.valid OR o.raw_status = 'cancel_stated' OR o.moved_at > l.read_at))
         UNION ALL
        SELECT CASE WHEN a.issuer_id IS NULL THEN 'foreign' ELSE 'accepted_changed' END,
               NULL, l.external_id, l.issuer_id, l.number, l.competencia, a.amount, l.amount,
               CASE WHEN a.issuer_id IS NOT NULL THEN concat_ws(' ',
                    CASE WHEN a.amount IS DISTINCT FROM l.amount THEN 'amount' END,
                    CASE WHEN a.competencia <> l.competencia THEN 'competencia' END) END
          FROM listed l
          LEFT JOIN accepted_notas a ON a.tenant_id = $1 AND a.issuer_id = l.issuer_id
         WHERE l.bill_id IS NULL
    )

    SELECT * FROM found
     WHERE kind || ':' || coalesce(external_id, '') || ':' || coalesce(issuer_id, '')
           > $8 COLLATE "C"
     ORDER BY kind || ':' || coalesce(external_id, '') || ':' || coalesce(issuer_id, '')
           COLLATE "C"
     LIMIT $9

-- issuer_side_read.moved
   WITH 
   ours AS MATERIALIZED (
       SELECT n.bill_id, n.external_id, lower(n.issuer_id) AS issuer_id,
              coalesce(n.total, n.amount) AS amount, coalesce(n.total, n.amount) - n.amount
              AS discount, n.number,
              n.competencia, n.raw_status, n.status IN ('issued', 'cancelling', 'cancel_refused')
              AS valid, (n.created_at AT TIME ZONE 'UTC')::date AS day,
              greatest(n.created_at, n.sent_at, n.issued_at, n.cancelled_at) AS moved_at,
              lower(k.company_id) AS company_id
         FROM sales s JOIN notas n ON n.tenant_id = s.tenant_id AND n.bill_id = s.bill_id
         LEFT JOIN nota_connections k ON k.tenant_id = $1 AND k.connection_id = 
   coalesce(n.connection_id, (
       SELECT min(b.connection_id) FROM nota_connections b
        WHERE b.tenant_id = $1 AND b.environment = n.environment))

        WHERE 
          s.tenant_id = $1 AND s.moment_at >= $2 AND s.moment_at < $3
      AND s.status <> 'waiting_payment'
AND n.tenant_id = $1 AND n.environment = 'Producao'
   )

   SELECT company_id, day, max(moved_at) AS moved_at FROM ours GROUP BY company_id, day

-- issuer_side_read.side
    WITH 
    ours AS MATERIALIZED (
        SELECT n.bill_id, n.external_id, lower(n.issuer_id) AS issuer_id,
               coalesce(n.total, n.amount) AS amount, coalesce(n.total, n.amount) - n.amount
               AS discount, n.number,
               n.competencia, n.raw_status, n.status IN ('issued', 'cancelling', 'cancel_refused')
               AS valid, (n.created_at AT TIME ZONE 'UTC')::date AS day,
               greatest(n.created_at, n.sent_at, n.issued_at, n.cancelled_at) AS moved_at,
               lower(k.company_id) AS company_id
          FROM sales s JOIN notas n ON n.tenant_id = s.tenant_id AND n.bill_id = s.bill_id
          LEFT JOIN nota_connections k ON k.tenant_id = $1 AND k.connection_id = 
    coalesce(n.connection_id, (
        SELECT min(b.connection_id) FROM nota_connections b
         WHERE b.tenant_id = $1 AND b.environment = n.environment))

         WHERE 
           s.tenant_id = $1 AND s.moment_at >= $2 AND s.moment_at < $3
       AND s.status <> 'waiting_payment'
 AND n.tenant_id = $1 AND n.environment = 'Producao'
    )
, 
    listed AS MATERIALIZED (
        SELECT i.bill_id, i.external_id, i.issuer_id, i.amount, i.number, i.competencia,
               i.differs, i.read_at
          FROM issuer_notas i JOIN sales s ON s.tenant_id = i.tenant_id AND s.bill_id = i.bill_id
         WHERE 
           s.tenant_id = $1 AND s.moment_at >= $2 AND s.moment_at < $3
       AND s.status <> 'waiting_payment'
 AND i.tenant_id = $1 AND i.bill_id IS NOT NULL AND i.valid
         UNION ALL
        SELECT NULL, i.external_id, i.issuer_id, i.amount, i.number, i.competencia, NULL, i.read_at
          FROM issuer_notas i
         WHERE 
               i.tenant_id = $1 AND i.company_id = $4 AND i.bill_id IS NULL AND i.valid
           AND i.competencia >= $5 AND i.competencia <= $6 AND i.created_on >= $7

           AND NOT EXISTS (SELECT FROM accepted_notas a WHERE 
                   a.tenant_id = $1 AND a.issuer_id = i.issuer_id
               AND a.amount IS NOT DISTINCT FROM i.amount AND a.competencia = i.competencia
)
    )
, 
    accepted AS (
        SELECT i.amount FROM issuer_notas i
         WHERE 
               i.tenant_id = $1 AND i.company_id = $4 AND i.bill_id IS NULL AND i.valid
           AND i.competencia >= $5 AND i.competencia <= $6 AND i.created_on >= $7

           AND EXISTS (SELECT FROM accepted_notas a WHERE 
                   a.tenant_id = $1 AND a.issuer_id = i.issuer_id
               AND a.amount IS NOT DISTINCT FROM i.amount AND a.competencia = i.competencia
)
    )
, 
    found AS (
        SELECT 'only_here' AS kind, o.bill_id, o.external_id, o.issuer_id, o.number,
               o.competencia, o.amount AS our_amount, NULL::bigint AS issuer_amount,
               NULL AS differs
          FROM ours o
          JOIN issuer_days d ON d.tenant_id = $1 AND d.company_id = o.company_id AND d.day = o.day
         WHERE o.valid AND d.read_at > o.moved_at
           AND o.raw_status IS DISTINCT FROM 'stated_by_person'
           AND NOT EXISTS (
               SELECT FROM listed l WHERE l.external_id = o.external_id
                  AND (o.issuer_id IS NULL OR l.issuer_id = o.issuer_id))
         UNION ALL
        SELECT 'differs', o.bill_id, o.external_id, l.issuer_id, l.number, l.competencia,
               o.amount, l.amount, l.differs
          FROM ours o JOIN listed l ON l.external_id = o.external_id
           AND (o.issuer_id IS NULL OR l.issuer_id = o.issuer_id)
         WHERE o.valid AND l.differs IS NOT NULL
         UNION ALL
        SELECT CASE WHEN EXISTS (SELECT FROM ours v
                                  WHERE v.bill_id = l.bill_id AND v.valid)
                    THEN 'second_nota' ELSE 'only_there' END,
               l.bill_id, l.external_id, l.issuer_id, l.number, l.competencia, NULL, l.amount, NULL
          FROM listed l
         WHERE l.bill_id IS NOT NULL
           AND NOT EXISTS (
               SELECT FROM ours o
                WHERE o.external_id = l.external_id
                  AND (o.issuer_id IS NULL OR o.issuer_id = l.issuer_id)
                  AND (o.valid OR o.raw_status = 'cancel_stated' OR o.moved_at > l.read_at))
         UNION ALL
        SELECT CASE WHEN a.issuer_id IS NULL THEN 'foreign' ELSE 'accepted_changed' END,
               NULL, l.external_id, l.issuer_id, l.number, l.competencia, a.amount, l.amount,
               CASE WHEN a.issuer_id IS NOT NULL THEN concat_ws(' ',
                    CASE WHEN a.amount IS DISTINCT FROM l.amount THEN 'amount' END,
                    CASE WHEN a.competencia <> l.competencia THEN 'competencia' END) END
          FROM listed l
          LEFT JOIN accepted_notas a ON a.tenant_id = $1 AND a.issuer_id = l.issuer_id
         WHERE l.bill_id IS NULL
    )

    SELECT (SELECT count(*) FROM listed) AS notas,
           (SELECT count(*) FROM accepted) AS accepted,
           (SELECT coalesce(sum(amount), 0)::bigint FROM accepted) AS accepted_amount,
           (SELECT coalesce(sum(amount), 0)::bigint FROM listed)
           - (SELECT coalesce(sum(o.discount), 0)::bigint FROM ours o
               WHERE o.discount <> 0 AND EXISTS (
                     SELECT FROM listed l WHERE l.external_id = o.external_id)) AS amount,
           (SELECT count(*) FROM found) AS differences

-- kept_figures_store.keep
INSERT INTO kept_figures AS k (tenant_id, name, as_of, took_ms, body)
VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (tenant_id, name) DO UPDATE
   SET as_of = excluded.as_of, took_ms = excluded.took_ms, body = excluded.body
 WHERE k.as_of < excluded.as_of OR k.as_of - excluded.as_of > interval '1 hour'

-- kept_figures_store.outdate
UPDATE kept_figures SET outdated_at = now() WHERE tenant_id = $1

-- kept_figures_store.read
SELECT as_of, took_ms, body, outdated_at, now() AS now
  FROM kept_figures WHERE tenant_id = $1 AND name = $2

-- key_canaries_store.add
INSERT INTO key_canaries (key_id, value, created_at) VALUES ($1, $2, now())
    ON CONFLICT (key_id) DO NOTHING

-- key_canaries_store.forget_others
DELETE FROM key_canaries WHERE key_id <> $1 RETURNING key_id

-- key_canaries_store.read
SELECT value FROM key_canaries

-- key_canaries_store.samples_any_tenant
(SELECT DISTINCT ON (substring(api_key FROM 2 FOR 4))
        tenant_id, 'vindi_key' AS purpose, api_key AS value FROM vindi_connections)
UNION ALL
(SELECT DISTINCT ON (substring(api_key FROM 2 FOR 4))
        tenant_id, 'issuer_key', api_key FROM issuer_connections)
UNION ALL
(SELECT DISTINCT ON (substring(sealed FROM 2 FOR 4))
        tenant_id, 'webhook_secret', sealed FROM webhook_secrets WHERE sealed IS NOT NULL)

-- key_canaries_store.take_turns
SELECT pg_advisory_xact_lock($1)

-- links_store.add
INSERT INTO person_links (tenant_id, token_hash, kind, role, email, person_id, made_by,
                          made_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)

-- links_store.find
SELECT tenant_id, token_hash, kind, role, email, person_id, made_by, made_at, expires_at FROM person_links
 WHERE tenant_id = $1 AND token_hash = $2 AND used_at IS NULL AND expires_at > $3

-- links_store.open_invitations
SELECT tenant_id, token_hash, kind, role, email, person_id, made_by, made_at, expires_at FROM person_links
 WHERE tenant_id = $1 AND kind = 'invitation' AND used_at IS NULL AND expires_at > $2
 ORDER BY made_at

-- links_store.use
   UPDATE person_links SET used_at = $3
    WHERE tenant_id = $1 AND token_hash = $2 AND used_at IS NULL AND expires_at > $3
RETURNING true

-- links_store.withdraw
   DELETE FROM person_links WHERE tenant_id = $1 AND token_hash = $2 AND used_at IS NULL
RETURNING true

-- links_store.withdraw_all_of
DELETE FROM person_links
 WHERE tenant_id = $1 AND used_at IS NULL AND kind = $2 AND person_id IS NOT DISTINCT FROM $3
   AND made_by = $4

-- memberships_store.lock_owners
SELECT person_id FROM memberships WHERE tenant_id = $1 AND role = 'owner'
 ORDER BY person_id FOR UPDATE

-- memberships_store.members
SELECT m.person_id, p.name, m.role, m.added_at, m.added_by
  FROM memberships m JOIN people p ON p.person_id = m.person_id
 WHERE m.tenant_id = $1 ORDER BY m.added_at, m.person_id

-- memberships_store.of_person_any_tenant
SELECT m.tenant_id, t.name, m.role
  FROM memberships m JOIN tenants t ON t.tenant_id = m.tenant_id
 WHERE m.person_id = $1 ORDER BY t.name, m.tenant_id

-- memberships_store.put
INSERT INTO memberships (tenant_id, person_id, role, added_by) VALUES ($1, $2, $3, $4)
    ON CONFLICT (tenant_id, person_id) DO UPDATE SET role = excluded.role

-- memberships_store.remove
DELETE FROM memberships WHERE tenant_id = $1 AND person_id = $2 RETURNING role

-- memberships_store.role_of
SELECT role FROM memberships WHERE tenant_id = $1 AND person_id = $2

-- migrate.current_revision
SELECT version_num FROM alembic_version

-- migrate.has_revisions
SELECT to_regclass('alembic_version') IS NOT NULL

-- migrate.take_turn
SELECT pg_try_advisory_lock($1)

-- nota_connections_store.current_id
SELECT k.connection_id
  FROM issuer_connections c
  JOIN nota_connections k
    ON k.tenant_id = $1 AND k.kind = c.kind AND lower(k.company_id) = lower(c.company_id)
   AND k.environment = c.environment
 WHERE c.tenant_id = $1

-- nota_connections_store.left_ones
SELECT k.connection_id AS id, k.kind, k.environment, k.api_key, k.key_hint, k.key_word,
       k.company_id, k.company_name, k.company_cnpj, k.state, k.state_since,
       '' AS state_detail, NULL::timestamptz AS not_before, k.connected_at
  FROM nota_connections k
 WHERE k.tenant_id = $1 AND k.connection_id IS DISTINCT FROM $2
 ORDER BY k.connection_id

-- nota_connections_store.mark
UPDATE nota_connections SET state = $3, state_since = $4
 WHERE tenant_id = $1 AND connection_id = $2 AND (state <> 'ok' OR $3 <> 'ok')

-- nota_connections_store.open_elsewhere
SELECT k.company_name, k.environment, count(*) AS notas, k.state, k.state_since AS since
  FROM notas n
  JOIN nota_connections k
    ON k.tenant_id = $1 AND k.connection_id = 
coalesce(n.connection_id, (
    SELECT min(b.connection_id) FROM nota_connections b
     WHERE b.tenant_id = $1 AND b.environment = n.environment))

 WHERE n.tenant_id = $1 AND n.status IN ('sending', 'uncertain', 'pending', 'cancelling')
   AND n.bill_id = ANY (ARRAY(
       SELECT s.bill_id FROM sales s
        WHERE s.tenant_id = $1
          AND s.status IN ('issuing', 'uncertain', 'cancelling', 'queued')))
   AND k.connection_id IS DISTINCT FROM $2
   AND EXISTS (SELECT FROM nota_connections x
                WHERE x.tenant_id = $1 AND x.connection_id IS DISTINCT FROM $2)
 GROUP BY k.connection_id, k.company_name, k.environment, k.state, k.state_since
 ORDER BY k.connection_id

-- nota_connections_store.remember
   INSERT INTO nota_connections AS k
          (tenant_id, connection_id, kind, environment, api_key, key_hint, key_word, company_id,
           company_name, company_cnpj, connected_at)
   SELECT c.tenant_id, 1 + coalesce((SELECT max(connection_id) FROM nota_connections
                                      WHERE tenant_id = $1), 0),
          c.kind, c.environment, c.api_key, c.key_hint, c.key_word, c.company_id, c.company_name,
          c.company_cnpj, c.connected_at
     FROM issuer_connections c WHERE c.tenant_id = $1
       ON CONFLICT (tenant_id, kind, lower(company_id), environment) DO UPDATE
      SET company_name = excluded.company_name, company_cnpj = excluded.company_cnpj,
          connected_at = excluded.connected_at
RETURNING k.key_word

-- nota_connections_store.remember keys
UPDATE nota_connections k
   SET api_key = c.api_key, key_hint = c.key_hint, key_word = c.key_word, state = 'ok',
       state_since = c.connected_at
  FROM issuer_connections c
 WHERE c.tenant_id = $1 AND k.tenant_id = $1 AND k.kind = c.kind
   AND (lower(k.company_id) = lower(c.company_id) OR k.key_word = $2)

-- notas_store.end_substitutions end
UPDATE notas
   SET substitutes = NULL, resend = false, resend_at = NULL,
       status = CASE WHEN status = 'denied' THEN 'cancelled' ELSE status END,
       raw_status = CASE WHEN status = 'denied' OR status = 'cancelled'
                              AND raw_status = ANY($3::text[])
                         THEN 'not_substituted' ELSE raw_status END
 WHERE tenant_id = $1 AND bill_id = ANY($2::bigint[]) AND substitutes IS NOT NULL
   AND status NOT IN ('sending', 'uncertain', 'pending')

-- notas_store.end_substitutions forget
UPDATE notas o SET wish = NULL
  FROM notas n
 WHERE o.tenant_id = $1 AND n.tenant_id = $1 AND n.bill_id = ANY($2::bigint[])
   AND o.bill_id = n.bill_id AND o.part = n.part AND o.revision = n.substitutes
   AND o.wish = 'substitute' AND n.status NOT IN ('sending', 'uncertain', 'pending')

-- notas_store.end_substitutions give_way
UPDATE notas o
   SET status = 'cancelled', raw_status = 'substituted', cancelled_at = $3,
       look_up_at = NULL, cancel_again_at = NULL
  FROM notas n
 WHERE o.tenant_id = $1 AND n.tenant_id = $1 AND n.bill_id = ANY($2::bigint[])
   AND o.bill_id = n.bill_id AND o.part = n.part AND o.revision = n.substitutes
   AND o.status <> 'cancelled'
   AND (n.status IN ('issued', 'cancelling', 'cancel_refused')
        OR n.status = 'cancelled'
        AND (n.raw_status IS NULL OR n.raw_status <> ALL($4::text[])))

-- notas_store.load_newest
   SELECT DISTINCT ON (n.bill_id, n.part) 
          n.bill_id, n.part, n.revision, n.external_id, n.issuer_id, n.status, n.raw_status,
          n.amount, n.competencia, n.lookups, n.look_up_at, n.resend, n.then_cancel, n.denial,
          n.changed_at, n.sent_at, n.cancel_sent_at, n.sends, n.auto_sends, n.resend_at,
          n.issued_at, n.environment, 
   coalesce(n.connection_id, (
       SELECT min(b.connection_id) FROM nota_connections b
        WHERE b.tenant_id = $1 AND b.environment = n.environment))
AS connection_id, n.has_pdf, n.tied,
          n.cancel_code, n.cancel_tries, n.cancel_again_at, n.denial_cause,
          n.wish, n.round, n.substitutes, n.rps_number

     FROM notas n WHERE n.tenant_id = $1 AND n.bill_id = ANY($2::bigint[])
    ORDER BY n.bill_id, n.part, n.raw_status IS NOT DISTINCT FROM 'not_substituted', n.revision DESC

-- notas_store.newest_reason
SELECT reason FROM notas WHERE tenant_id = $1 AND bill_id = $2 AND reason IS NOT NULL
   AND (status IN ('denied', 'cancel_refused') OR raw_status IS NOT DISTINCT FROM 'not_substituted')
 ORDER BY revision DESC, part LIMIT 1

-- notas_store.requests
SELECT n.bill_id, n.part, n.request
  FROM notas n JOIN unnest($2::bigint[], $3::smallint[], $4::int[])
                 AS w (bill_id, part, revision)
    ON n.bill_id = w.bill_id AND n.part = w.part AND n.revision = w.revision
 WHERE n.tenant_id = $1 AND n.bill_id = ANY($2::bigint[])

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
          denial_cause = CASE WHEN u.status = 'denied' THEN u.denial_cause END,
          reason = CASE WHEN u.status IN ('denied', 'cancel_refused')
                        THEN coalesce(decode(u.reason, 'base64'), n.reason) END,
          denial_group = CASE WHEN u.status = 'denied' THEN u.denial_group END,
          denied_at = CASE WHEN u.status = 'denied' THEN $4::timestamptz END,
          resend_at = CASE WHEN u.status = 'denied' THEN u.resend_at END,
          lookups = coalesce(u.lookups, 0),
          look_up_at = u.look_up_at,
          then_cancel = coalesce(u.then_cancel, n.then_cancel),
          wish = nullif(n.wish, 'issue'),
          changed_at = greatest(u.changed_at, n.changed_at),
          tied = u.tied,
          cancel_code = CASE WHEN u.status IN ('cancel_refused', 'cancelling')
                             THEN coalesce(u.cancel_code, n.cancel_code) END,
          cancel_tries = coalesce(u.cancel_tries, n.cancel_tries),
          cancel_again_at = CASE WHEN u.status IN ('cancel_refused', 'cancelling')
                                 THEN u.cancel_again_at END,
          cancel_sent_at = CASE WHEN u.cancel_sent THEN $4
                                WHEN NOT coalesce(u.cancel_unsent, false)
                                THEN n.cancel_sent_at END,
          issued_at = CASE WHEN u.status = 'issued' THEN coalesce(n.issued_at, $4)
                           ELSE n.issued_at END,
          cancelled_at = CASE WHEN u.status = 'cancelled' THEN coalesce(n.cancelled_at, $4)
                              ELSE n.cancelled_at END
     FROM json_to_recordset($3::text::json)
          AS u (bill_id bigint, part smallint, revision int, status text, issuer_id text,
                raw_status text, number text, verification_code text, has_pdf boolean,
                has_xml boolean, denial text, denial_cause text, reason text, denial_group text,
                resend_at timestamptz, lookups int, look_up_at timestamptz, then_cancel text,
                changed_at timestamptz, cancel_sent boolean,
                cancel_unsent boolean, tied text, cancel_code text,
                cancel_tries int, cancel_again_at timestamptz)
    WHERE n.tenant_id = $1 AND n.bill_id = ANY($2::bigint[]) AND n.bill_id = u.bill_id
      AND n.part = coalesce(u.part, 0) AND n.revision = u.revision
      AND (n.status <> 'cancelled' OR n.raw_status = 'never_arrived')
      AND (u.changed_at IS NULL OR n.changed_at IS NULL OR u.changed_at >= n.changed_at)
RETURNING 
          n.bill_id, n.part, n.revision, n.external_id, n.issuer_id, n.status, n.raw_status,
          n.amount, n.competencia, n.lookups, n.look_up_at, n.resend, n.then_cancel, n.denial,
          n.changed_at, n.sent_at, n.cancel_sent_at, n.sends, n.auto_sends, n.resend_at,
          n.issued_at, n.environment, 
   coalesce(n.connection_id, (
       SELECT min(b.connection_id) FROM nota_connections b
        WHERE b.tenant_id = $1 AND b.environment = n.environment))
AS connection_id, n.has_pdf, n.tied,
          n.cancel_code, n.cancel_tries, n.cancel_again_at, n.denial_cause,
          n.wish, n.round, n.substitutes, n.rps_number

-- notas_store.withdraw_intents
   WITH back AS (
       UPDATE notas SET status = CASE WHEN substitutes IS NULL THEN 'denied' ELSE 'cancelled' END,
              raw_status = CASE WHEN substitutes IS NULL THEN raw_status
                                ELSE 'not_substituted' END,
              denial = coalesce(denial, 'denied_unknown'), sends = sends - 1,
              resend = substitutes IS NULL, substitutes = NULL
        WHERE tenant_id = $1 AND bill_id = ANY($2::bigint[]) AND status = 'sending' AND sends > 1
          AND (bill_id, part) IN (SELECT * FROM unnest($2::bigint[], $3::smallint[]))
       RETURNING bill_id
   )
   DELETE FROM notas
    WHERE tenant_id = $1 AND bill_id = ANY($2::bigint[]) AND status = 'sending' AND sends = 1
      AND (bill_id, part) IN (SELECT * FROM unnest($2::bigint[], $3::smallint[]))
RETURNING created_at, amount, environment

-- notas_store.write_intents
    INSERT INTO notas AS n (tenant_id, bill_id, part, revision, external_id, environment, status,
                            amount, total, competencia, request, sent_at, connection_id,
                            fiscal_sent_at,
                            round, substitutes, rps_series, rps_number, 
           fiscal_class, discount, conditional_discount, deductions, iss, pis_withheld,
           cofins_withheld, csll_withheld, inss_withheld, irrf_withheld
)
    SELECT $1, bill_id, coalesce(part, 0), revision, external_id, environment, 'sending', amount,
           total, competencia, request, now(), connection_id, now(), round, substitutes,
           rps_series, rps_number, 
           fiscal_class, discount, conditional_discount, deductions, iss, pis_withheld,
           cofins_withheld, csll_withheld, inss_withheld, irrf_withheld

      FROM ROWS FROM (
               json_to_recordset($2::text::json)
                   AS (bill_id bigint, part smallint, revision int, external_id text,
                       environment text, amount bigint, total bigint, competencia date,
                       connection_id int, round int, substitutes int,
                       rps_series text, rps_number bigint,
                       fiscal_class text, discount bigint, conditional_discount bigint,
                       deductions bigint, iss bigint, pis_withheld bigint, cofins_withheld bigint,
                       csll_withheld bigint, inss_withheld bigint, irrf_withheld bigint),
               unnest($3::bytea[]))
           AS i (bill_id, part, revision, external_id, environment, amount, total, competencia,
                 connection_id, round, substitutes, rps_series, rps_number, 
           fiscal_class, discount, conditional_discount, deductions, iss, pis_withheld,
           cofins_withheld, csll_withheld, inss_withheld, irrf_withheld
, request)
        ON CONFLICT (tenant_id, bill_id, part, revision) DO UPDATE
       SET status = 'sending', amount = excluded.amount, total = excluded.total,
           competencia = excluded.competencia, request = excluded.request, sends = n.sends + 1,
           auto_sends = CASE WHEN n.resend OR n.denial = ANY($4::text[]) THEN 0
                              ELSE n.auto_sends + 1 END,
           resend = false, resend_at = NULL, then_cancel = NULL, raw_status = NULL, lookups = 0,
           look_up_at = NULL, sent_at = excluded.sent_at, tied = NULL, wish = NULL,
           substitutes = excluded.substitutes,
           connection_id = excluded.connection_id,
           rps_series = excluded.rps_series, rps_number = excluded.rps_number,
           fiscal_sent_at = excluded.fiscal_sent_at, fiscal_class = excluded.fiscal_class,
           discount = excluded.discount, conditional_discount = excluded.conditional_discount,
           deductions = excluded.deductions, iss = excluded.iss,
           pis_withheld = excluded.pis_withheld, cofins_withheld = excluded.cofins_withheld,
           csll_withheld = excluded.csll_withheld, inss_withheld = excluded.inss_withheld,
           irrf_withheld = excluded.irrf_withheld
     WHERE (n.status = 'denied' OR n.status = 'cancelled'
            AND n.raw_status IN ('never_arrived', 'not_substituted'))
       AND n.external_id = excluded.external_id
       AND (n.connection_id IS NULL OR n.connection_id = excluded.connection_id)
 RETURNING 
           n.bill_id, n.part, n.revision, n.external_id, n.issuer_id, n.status, n.raw_status,
           n.amount, n.competencia, n.lookups, n.look_up_at, n.resend, n.then_cancel, n.denial,
           n.changed_at, n.sent_at, n.cancel_sent_at, n.sends, n.auto_sends, n.resend_at,
           n.issued_at, n.environment, 
    coalesce(n.connection_id, (
        SELECT min(b.connection_id) FROM nota_connections b
         WHERE b.tenant_id = $1 AND b.environment = n.environment))
 AS connection_id, n.has_pdf, n.tied,
           n.cancel_code, n.cancel_tries, n.cancel_again_at, n.denial_cause,
           n.wish, n.round, n.substitutes, n.rps_number

-- oddities_store.note
INSERT INTO vindi_oddities AS v (tenant_id, oddity, since, seen_at)
SELECT $1, oddity, $3, $3 FROM unnest($2::text[]) AS seen (oddity)
 ORDER BY oddity
    ON CONFLICT (tenant_id, oddity) DO UPDATE
   SET since = CASE WHEN excluded.seen_at - v.seen_at > $4::interval THEN excluded.since
                    ELSE v.since END,
       seen_at = excluded.seen_at
 WHERE excluded.seen_at - v.seen_at > $5::interval

-- one_tenant.acquire
SELECT set_config('role', 'notaponte_panel', true), set_config('notaponte.tenant', $1, true)

-- outbox_store.claim_due
   WITH picked AS MATERIALIZED (
       SELECT bill_id FROM outbox
        WHERE tenant_id = $1 AND state = 'due' AND lane = $2 AND due_at <= now()
          AND ($6 OR bill_facts <= bill_facts_read)
        ORDER BY due_at LIMIT $3
          FOR UPDATE SKIP LOCKED
   )
   UPDATE outbox o
      SET state = 'leased', lease_until = now() + $4::interval, leased_by = $5,
          attempt = o.attempt + 1
    WHERE o.tenant_id = $1 AND o.bill_id = ANY(ARRAY(SELECT bill_id FROM picked))
RETURNING o.tenant_id, o.bill_id, o.lane, o.origin, o.due_at, o.generation, o.bill_facts,
          o.bill_facts_read, o.heard_at, o.attempt, o.tries, o.issuer_facts,
          o.issuer_facts_read

-- outbox_store.claim_turn
SELECT pg_try_advisory_xact_lock($1, hashtext($2))

-- outbox_store.due_now
SELECT count(*) FROM (SELECT FROM outbox
                       WHERE tenant_id = $1 AND state = 'due' AND lane = $2 AND due_at <= now()
                       LIMIT $3) AS due

-- outbox_store.due_to_read
SELECT count(*) FILTER (WHERE heard) AS to_read,
       now() - min(due_at) FILTER (WHERE heard) AS to_read_for,
       count(*) FILTER (WHERE NOT heard) AS others
  FROM (SELECT due_at, bill_facts > bill_facts_read AS heard FROM outbox
         WHERE tenant_id = $1 AND state = 'due' AND lane = $2 AND due_at <= now()
         ORDER BY due_at LIMIT $3) AS due

-- outbox_store.free_expired_any_tenant
UPDATE outbox SET state = 'due', lease_until = NULL, leased_by = NULL,
       generation = generation + 1
 WHERE state = 'leased' AND lease_until <= now()

-- outbox_store.leased
SELECT count(*) FROM (SELECT FROM outbox
                       WHERE tenant_id = $1 AND state = 'leased' AND lane <= $2
                       LIMIT $3) AS leased

-- outbox_store.lock
SELECT bill_id, state FROM outbox WHERE tenant_id = $1 AND bill_id = ANY($2::bigint[])
 ORDER BY bill_id FOR UPDATE

-- outbox_store.lock_ours
SELECT bill_id, attempt, generation, now() AS now FROM outbox
 WHERE tenant_id = $1 AND bill_id = ANY($2::bigint[]) AND lease_until > now()
 ORDER BY bill_id
   FOR UPDATE

-- outbox_store.mark_due
INSERT INTO outbox AS o (tenant_id, bill_id, lane, due_at, origin, bill_facts, heard_at,
                         issuer_facts)
SELECT DISTINCT ON (tenant_id, bill_id) tenant_id, bill_id, lane, now(), origin,
       about_bill::int, CASE WHEN about_bill AND read_at IS NULL THEN instant END,
       bool_or(about_nota) OVER (PARTITION BY tenant_id, bill_id)::int
  FROM (SELECT *, clock_timestamp() AS instant
          FROM unnest($1::text[], $2::bigint[], $3::smallint[], $4::text[], $5::boolean[],
                      $6::timestamptz[], $7::boolean[])
               AS m (tenant_id, bill_id, lane, origin, about_bill, read_at, about_nota)) m
 ORDER BY tenant_id, bill_id, about_bill DESC, read_at NULLS FIRST, lane
    ON CONFLICT (tenant_id, bill_id) DO UPDATE
   SET generation = o.generation + 1,
       bill_facts = o.bill_facts + excluded.bill_facts,
       issuer_facts = o.issuer_facts + excluded.issuer_facts,
       heard_at = greatest(o.heard_at, excluded.heard_at),
       lane = CASE WHEN o.state = 'settled' THEN excluded.lane
                   ELSE least(o.lane, excluded.lane) END,
       due_at = least(o.due_at, excluded.due_at),
       tries = 0,
       state = CASE WHEN o.state = 'leased' THEN 'leased' ELSE 'due' END
 WHERE NOT (o.state = 'due' AND o.due_at <= excluded.due_at AND o.tries = 0
            AND o.lane <= excluded.lane
            AND o.bill_facts >= o.bill_facts_read + excluded.bill_facts
            AND o.issuer_facts >= o.issuer_facts_read + excluded.issuer_facts
            AND (excluded.heard_at IS NULL
                 OR coalesce(excluded.heard_at - o.heard_at < $8::interval, false)))

-- outbox_store.put_unproven_last
UPDATE outbox SET lane = $2
 WHERE tenant_id = $1 AND state = 'due' AND lane < $2 AND origin = 'webhook'
   AND NOT EXISTS (SELECT FROM bills
                    WHERE bills.tenant_id = outbox.tenant_id
                      AND bills.bill_id = outbox.bill_id)

-- outbox_store.read_up
UPDATE outbox o SET heard_at = NULL
  FROM unnest($1::text[], $2::bigint[], $3::timestamptz[]) AS m (tenant_id, bill_id, read_at)
 WHERE o.tenant_id = m.tenant_id AND o.bill_id = m.bill_id
   AND m.read_at - o.heard_at >= $4::interval

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
          due_at = CASE WHEN o.generation > s.generation THEN $4
                        ELSE coalesce(s.due_at, o.due_at) END,
          tries = CASE WHEN s.failed THEN o.tries + 1 ELSE 0 END,
          bill_facts_read = greatest(o.bill_facts_read, s.bill_facts_read),
          issuer_facts_read = greatest(o.issuer_facts_read, s.issuer_facts_read),
          lease_until = NULL, leased_by = NULL
     FROM json_to_recordset($3::text::json)
          AS s (bill_id bigint, attempt bigint, generation bigint, due_at timestamptz,
                bill_facts_read bigint, issuer_facts_read bigint, failed boolean)
    WHERE o.tenant_id = $1 AND o.bill_id = ANY($2::bigint[]) AND o.bill_id = s.bill_id
      AND o.attempt = s.attempt AND o.lease_until IS NOT NULL
RETURNING o.bill_id

-- outbox_store.tenants_with_due_any_tenant of few
SELECT tenant_id, min(due_at) FILTER (WHERE due_at <= now()) AS due_at,
       now() - min(due_at) FILTER (WHERE due_at <= now() AND lane = 0) AS live_for,
       count(*) AS entries
  FROM (SELECT tenant_id, lane, due_at FROM outbox WHERE state = 'due'
         ORDER BY tenant_id, lane, due_at LIMIT $1) o
 GROUP BY tenant_id

-- outbox_store.tenants_with_due_any_tenant of many
SELECT t.tenant_id, now() - live.due_at AS live_for
  FROM tenants t
  JOIN LATERAL (
      SELECT o.lane FROM outbox o WHERE o.tenant_id = t.tenant_id AND o.state = 'due'
       ORDER BY o.lane LIMIT 1
  ) first ON true
  LEFT JOIN LATERAL (
      SELECT o.due_at FROM outbox o
       WHERE o.tenant_id = t.tenant_id AND o.state = 'due' AND o.lane = 0
         AND o.due_at <= now() AND first.lane <= 0
       ORDER BY o.due_at LIMIT 1
  ) live ON true
  LEFT JOIN LATERAL (
      SELECT o.due_at FROM outbox o
       WHERE o.tenant_id = t.tenant_id AND o.state = 'due' AND o.lane = 1
         AND o.due_at <= now() AND first.lane <= 1
       ORDER BY o.due_at LIMIT 1
  ) found ON true
  LEFT JOIN LATERAL (
      SELECT o.due_at FROM outbox o
       WHERE o.tenant_id = t.tenant_id AND o.state = 'due' AND o.lane = 2
         AND o.due_at <= now() AND first.lane <= 2
       ORDER BY o.due_at LIMIT 1
  ) past ON true
 WHERE least(live.due_at, found.due_at, past.due_at) IS NOT NULL
 ORDER BY least(live.due_at, found.due_at, past.due_at) LIMIT $1

-- outbox_wakes.touch
UPDATE outbox SET generation = generation + 1
 WHERE tenant_id = $1 AND bill_id = ANY($2::bigint[])

-- outbox_wakes.wake
WITH known AS MATERIALIZED (
    SELECT bill_id FROM outbox
     WHERE tenant_id = $1 AND bill_id = ANY($2::bigint[])
     ORDER BY bill_id FOR UPDATE
)
UPDATE outbox o
   SET generation = o.generation + 1, bill_facts = o.bill_facts + $3::boolean::int, tries = 0,
       lane = CASE WHEN o.state = 'settled' THEN coalesce($4, o.lane)
                   ELSE least(o.lane, $4) END,
       due_at = least(o.due_at, now()),
       state = CASE WHEN o.state = 'leased' THEN 'leased' ELSE 'due' END
 WHERE o.tenant_id = $1 AND o.bill_id = ANY(ARRAY(SELECT bill_id FROM known))

-- outbox_wakes.wake_left
SELECT o.bill_id, (o.state <> 'due' OR s.stopped) AS stopped
  FROM outbox o
  LEFT JOIN LATERAL (
       SELECT code = ANY($2::text[]) AND moment_at >= $3 AS stopped
         FROM sales WHERE tenant_id = o.tenant_id AND bill_id = o.bill_id) AS s ON true
 WHERE o.tenant_id = $1 AND (o.state <> 'settled' OR s.stopped)
 ORDER BY o.bill_id FOR UPDATE OF o

-- outbox_wakes.wake_queued
SELECT o.bill_id, true AS stopped
  FROM outbox o
 WHERE o.tenant_id = $1 AND o.state = 'due'
   AND EXISTS (SELECT FROM sales s WHERE s.tenant_id = $1 AND s.bill_id = o.bill_id
                  AND s.status = 'queued')
 ORDER BY o.bill_id FOR UPDATE OF o

-- outbox_wakes.wake_stopped
SELECT o.bill_id, (o.state <> 'due' OR o.tries > 0 OR s.stopped) AS stopped
  FROM outbox o
  LEFT JOIN LATERAL (
       SELECT code = ANY($2::text[]) OR attention = ANY($2::text[]) AS stopped
         FROM sales WHERE tenant_id = o.tenant_id AND bill_id = o.bill_id) AS s ON true
 WHERE o.tenant_id = $1 AND (o.state <> 'settled' OR s.stopped)
 ORDER BY o.bill_id FOR UPDATE OF o

-- outbox_wakes.wake_unsent
SELECT o.bill_id, (o.state <> 'due' OR s.stopped) AS stopped
  FROM outbox o
  LEFT JOIN LATERAL (
       SELECT status IN ('waiting_payment', 'in_guarantee', 'queued')
              OR (status = 'held' AND code <> 'held_by_person')
              OR (status = 'skipped' AND code = 'rule_never') AS stopped
         FROM sales WHERE tenant_id = o.tenant_id AND bill_id = o.bill_id) AS s ON true
 WHERE o.tenant_id = $1 AND (o.state <> 'settled' OR s.stopped)
 ORDER BY o.bill_id FOR UPDATE OF o

-- overview_read.guarantees
SELECT (issue_at AT TIME ZONE $2)::date AS day, count(*) AS sales,
       sum(amount)::bigint AS amount
  FROM sales
 WHERE tenant_id = $1 AND status = 'in_guarantee' AND issue_at IS NOT NULL
 GROUP BY 1 ORDER BY 1 LIMIT $3

-- overview_read.open_sales
SELECT status, coalesce(attention, code) AS code, count(*) AS sales,
       sum(amount)::bigint AS amount, width_bucket(moment_at, $3::timestamptz[]) AS day,
       min(bill_id) AS oldest, max(bill_id) AS newest
  FROM sales
 WHERE tenant_id = $1 AND status = ANY($2::text[]) AND status <> 'denied'
 GROUP BY 1, 2, 5
 UNION ALL
SELECT s.status, coalesce(s.attention, s.code, n.denial), count(DISTINCT s.bill_id),
       sum(n.amount)::bigint, width_bucket(s.moment_at, $3::timestamptz[]),
       min(s.bill_id), max(s.bill_id)
  FROM notas n JOIN sales s ON s.tenant_id = $1 AND s.bill_id = n.bill_id
 WHERE n.tenant_id = $1 AND n.status = 'denied' AND s.status = 'denied'
 GROUP BY 1, 2, 5
 UNION ALL
SELECT status, attention, count(*), sum(amount)::bigint, 0, min(bill_id), max(bill_id)
  FROM sales
 WHERE tenant_id = $1 AND attention IS NOT NULL AND NOT status = ANY($2::text[])
 GROUP BY 1, 2

-- overview_read.sent
SELECT day, notas, amount FROM nota_days
 WHERE tenant_id = $1 AND day >= $2 AND notas > 0 ORDER BY day

-- overview_read.speed
SELECT count(*) AS notas,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM took)) AS median,
       max(extract(epoch FROM took))::float AS slowest
  FROM (SELECT n.issued_at - s.issue_at AS took
          FROM (SELECT bill_id, issued_at FROM notas
                 WHERE tenant_id = $1 AND status IN ('issued', 'cancelling', 'cancel_refused')
                 ORDER BY bill_id DESC LIMIT $3) n
          JOIN sales s ON s.tenant_id = $1 AND s.bill_id = n.bill_id
         WHERE n.issued_at >= $2) lately
 WHERE took >= interval '0'

-- passes_store.claim
   WITH picked AS MATERIALIZED (
       SELECT tenant_id FROM reconciler_passes
        WHERE tenant_id = $1 AND next_pass_at <= $4
          AND (lease_until IS NULL OR lease_until <= $4)
          FOR UPDATE SKIP LOCKED
   )
   UPDATE reconciler_passes p
      SET lease_until = $4 + $2::interval, leased_by = $3, attempt = p.attempt + 1
     FROM picked
    WHERE p.tenant_id = $1 AND p.tenant_id = picked.tenant_id
RETURNING p.tenant_id, p.next_pass_at, p.attempt, p.failures, p.bills_mark,
          p.charges_mark, p.refunds_mark, p.customers_mark, p.complete_at, p.error, p.error_since,
          p.zone, p.zone_at, p.plain_lanes, p.plain_since, p.nightly_day, p.weekly_day,
          p.skew_seconds, p.found, p.missed, p.silent_passes, p.silent_since, p.silent_at,
          p.events_due

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
                          ELSE coalesce(p.error_since, $20) END,
       complete_at = CASE WHEN $5 THEN $20 ELSE p.complete_at END,
       complete_from = CASE WHEN $5 THEN $19 ELSE p.complete_from END,
       failures = CASE WHEN $5 THEN 0 WHEN coalesce($4, 'busy') = 'busy' THEN p.failures
                     ELSE p.failures + 1 END,
       bills_mark = coalesce($6, p.bills_mark),
       charges_mark = coalesce($7, p.charges_mark),
       refunds_mark = coalesce($8, p.refunds_mark),
       customers_mark = coalesce($17, p.customers_mark),
       zone = coalesce($9, p.zone),
       zone_at = CASE WHEN $9::text IS NULL THEN p.zone_at ELSE $20 END,
       plain_lanes = coalesce($10, p.plain_lanes),
       plain_since = CASE WHEN coalesce($10, p.plain_lanes) = '{}' THEN NULL
                          ELSE coalesce(p.plain_since, $20) END,
       nightly_day = coalesce($11, p.nightly_day),
       weekly_day = coalesce($12, p.weekly_day),
       skew_seconds = coalesce($13, p.skew_seconds),
       found = p.found + $14,
       missed = p.missed + $15,
       silent_passes = CASE WHEN $16 THEN 0 WHEN $15 > 0 THEN p.silent_passes + 1
                            ELSE p.silent_passes END,
       silent_since = CASE WHEN $16 THEN NULL WHEN $15 > 0 THEN coalesce(p.silent_since, $20)
                           ELSE p.silent_since END,
       silent_at = CASE WHEN NOT $16 AND $15 > 0 THEN $20 ELSE p.silent_at END,
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

-- passes_store.shown_from
SELECT complete_from FROM reconciler_passes WHERE tenant_id = $1

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

-- people_store.add
   INSERT INTO people (person_id, email_word, email, name, password, staff)
   VALUES ($1, $2, $3, $4, $5, $6)
       ON CONFLICT (email_word) DO NOTHING
RETURNING person_id

-- people_store.by_email
SELECT person_id, email, name, password, staff, totp, totp_step, recovery FROM people WHERE email_word = $1

-- people_store.emails
SELECT person_id, email FROM people WHERE person_id = ANY($1::text[])

-- people_store.get
SELECT person_id, email, name, password, staff, totp, totp_step, recovery FROM people WHERE person_id = $1

-- people_store.is_anybody_here
SELECT EXISTS (SELECT FROM people)

-- people_store.set_password
UPDATE people SET password = $2, password_at = $3 WHERE person_id = $1

-- people_store.set_totp
UPDATE people SET totp = $2, recovery = $3::text[], totp_step = 0 WHERE person_id = $1

-- people_store.use_recovery
UPDATE people SET recovery = array_remove(recovery, $2)
 WHERE person_id = $1 AND $2 = ANY (recovery) RETURNING true

-- people_store.use_step
UPDATE people SET totp_step = $2 WHERE person_id = $1 AND totp_step < $2 RETURNING true

-- refunds_pending_store.add
INSERT INTO refunds_pending (tenant_id, transaction_id, seen_at, look_at)
SELECT $1, transaction_id, $4, look_at
  FROM unnest($2::bigint[], $3::timestamptz[]) AS p (transaction_id, look_at)
    ON CONFLICT (tenant_id, transaction_id) DO NOTHING

-- refunds_pending_store.due
SELECT transaction_id, seen_at FROM refunds_pending
 WHERE tenant_id = $1 AND look_at <= $2 ORDER BY look_at, transaction_id LIMIT $3

-- refunds_pending_store.forget
DELETE FROM refunds_pending WHERE tenant_id = $1 AND transaction_id = ANY($2::bigint[])

-- refunds_pending_store.keep
UPDATE refunds_pending r SET look_at = p.look_at
  FROM unnest($2::bigint[], $3::timestamptz[]) AS p (transaction_id, look_at)
 WHERE r.tenant_id = $1 AND r.transaction_id = p.transaction_id

-- rejections_store.add_any_tenant
INSERT INTO webhook_rejections AS r (tenant_id, since, rejected_at, rejections)
SELECT t.tenant_id, now(), now(), m.rejections
  FROM unnest($1::text[], $2::bigint[]) AS m (tenant_id, rejections)
  JOIN tenants t ON t.tenant_id = m.tenant_id
 ORDER BY t.tenant_id
    ON CONFLICT (tenant_id) DO UPDATE
   SET since = CASE WHEN excluded.rejected_at - r.rejected_at > $3::interval
                    THEN excluded.since ELSE r.since END,
       rejections = CASE WHEN excluded.rejected_at - r.rejected_at > $3::interval THEN 0
                         ELSE r.rejections END + excluded.rejections,
       rejected_at = excluded.rejected_at

-- restore_checks_store.checked_for
SELECT max(restore_id) FROM restore_checks
 WHERE tenant_id = $1 AND company_id = $2 AND read_at IS NULL

-- restore_checks_store.progress_any_tenant
SELECT restore_id, why, since, noticed_at, read_after
  FROM restores ORDER BY restore_id DESC LIMIT $1

-- restore_checks_store.progress_any_tenant checks
SELECT restore_id, count(*) AS companies, count(read_at) AS companies_read
  FROM restore_checks GROUP BY restore_id

-- restore_checks_store.progress_any_tenant finds
SELECT restore_id, count(*) AS notas_found, count(known_at) AS notas_known
  FROM restore_finds GROUP BY restore_id

-- restore_checks_store.read
   UPDATE restore_checks c SET read_at = $3
    WHERE c.tenant_id = $1 AND c.company_id = $2 AND c.read_at IS NULL
      AND NOT EXISTS (
          SELECT FROM issuer_days d
           WHERE d.tenant_id = $1 AND d.company_id = $2
             AND d.day BETWEEN c.since_on AND c.until_on
             AND (d.read_at IS NULL OR d.read_at < c.read_after))
RETURNING restore_id

-- restore_checks_store.unlisted
UPDATE restore_checks SET read_at = $3
 WHERE tenant_id = $1 AND company_id = $2 AND read_at IS NULL

-- restore_checks_store.unread
SELECT EXISTS (
    SELECT FROM restore_checks c
      JOIN issuer_connections i
        ON i.tenant_id = $1 AND lower(i.company_id) = c.company_id
       AND i.environment = 'Producao'
     WHERE c.tenant_id = $1 AND c.read_at IS NULL)

-- restore_checks_store.want
   INSERT INTO restore_checks (tenant_id, restore_id, company_id, since_on, until_on, read_after)
   SELECT DISTINCT $1, $2::int, lower(k.company_id), $3::date, $4::date, $5::timestamptz
     FROM nota_connections k WHERE k.tenant_id = $1 AND k.environment = 'Producao'
       ON CONFLICT (tenant_id, restore_id, company_id) DO NOTHING
RETURNING company_id

-- restore_checks_store.want days
INSERT INTO issuer_days AS d (tenant_id, company_id, day, wanted_at, urgent)
SELECT $1, company_id, day::date, $5::timestamptz, true
  FROM unnest($2::text[]) AS company_id
 CROSS JOIN generate_series($3::date, $4::date, '1 day') AS day
    ON CONFLICT (tenant_id, company_id, day) DO UPDATE
   SET wanted_at = excluded.wanted_at, urgent = true

-- restore_finds_store.find
INSERT INTO restore_finds (tenant_id, external_id, bill_id, restore_id, found_at)
SELECT $1, external_id, bill_id, $4, $5
  FROM unnest($2::text[], $3::bigint[]) AS f (external_id, bill_id)
    ON CONFLICT (tenant_id, external_id) DO UPDATE
   SET restore_id = excluded.restore_id, found_at = excluded.found_at, woken_at = NULL,
       known_at = NULL
 WHERE restore_finds.restore_id < excluded.restore_id

-- restore_finds_store.know
   UPDATE restore_finds f SET known_at = $2
    WHERE f.tenant_id = $1 AND f.known_at IS NULL
      AND EXISTS (
          SELECT FROM notas n
           WHERE n.tenant_id = $1 AND n.bill_id = f.bill_id AND n.external_id = f.external_id)
RETURNING bill_id

-- restore_finds_store.left_over
SELECT f.external_id, f.bill_id
  FROM restore_finds f
  JOIN sales s ON s.tenant_id = $1 AND s.bill_id = f.bill_id
  JOIN outbox o ON o.tenant_id = $1 AND o.bill_id = f.bill_id
   AND (o.state = 'settled' OR o.state = 'due' AND o.due_at > $2)
 WHERE f.tenant_id = $1 AND f.known_at IS NULL AND f.woken_at IS NULL
 ORDER BY f.external_id LIMIT 500

-- restore_finds_store.tenants_with_finds_any_tenant
SELECT DISTINCT tenant_id FROM restore_finds WHERE known_at IS NULL LIMIT $1

-- restore_finds_store.unknown
SELECT DISTINCT f.bill_id
  FROM restore_finds f
 WHERE f.tenant_id = $1 AND f.bill_id = ANY($2::bigint[]) AND f.known_at IS NULL
   AND NOT EXISTS (
       SELECT FROM notas n
        WHERE n.tenant_id = $1 AND n.bill_id = f.bill_id AND n.external_id = f.external_id)

-- restore_finds_store.woken
UPDATE restore_finds SET woken_at = $3
 WHERE tenant_id = $1 AND external_id = ANY($2::text[])

-- restores_store.live
SELECT system_identifier,
       ('x' || substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8))::bit(32)::int
           AS wal_timeline
  FROM pg_control_system()

-- restores_store.look_any_tenant add
   INSERT INTO restores (restore_id, why, since, noticed_at, read_after)
   SELECT coalesce(max(restore_id), 0) + 1, $1, $2, $3, $4 FROM restores
RETURNING restore_id, why, since, noticed_at, read_after

-- restores_store.look_any_tenant checks
INSERT INTO restore_checks (tenant_id, restore_id, company_id, since_on, until_on, read_after)
SELECT DISTINCT k.tenant_id, $1::int, lower(k.company_id), $2::date, $3::date, $4::timestamptz
  FROM nota_connections k WHERE k.environment = 'Producao'
    ON CONFLICT (tenant_id, restore_id, company_id) DO NOTHING

-- restores_store.look_any_tenant days
INSERT INTO issuer_days AS d (tenant_id, company_id, day, wanted_at, urgent)
SELECT DISTINCT k.tenant_id, lower(k.company_id), day::date, $3::timestamptz, true
  FROM nota_connections k CROSS JOIN generate_series($1::date, $2::date, '1 day') AS day
 WHERE k.environment = 'Producao'
    ON CONFLICT (tenant_id, company_id, day) DO UPDATE
   SET wanted_at = excluded.wanted_at, urgent = true

-- restores_store.look_any_tenant first
INSERT INTO database_life (one, system_identifier, wal_timeline, seen_at)
VALUES (true, $1, $2, $3)
    ON CONFLICT (one) DO NOTHING

-- restores_store.look_any_tenant lately
SELECT $1 - seen_at < $2::interval FROM database_life
 WHERE system_identifier = $3 AND wal_timeline = $4

-- restores_store.look_any_tenant lock
SELECT system_identifier, wal_timeline, seen_at FROM database_life FOR UPDATE

-- restores_store.look_any_tenant seen
UPDATE database_life SET system_identifier = $1, wal_timeline = $2, seen_at = $3

-- restores_store.newest
SELECT restore_id, why, since, noticed_at, read_after
  FROM restores ORDER BY restore_id DESC LIMIT 1

-- restores_store.remembered
SELECT system_identifier, wal_timeline FROM database_life

-- rps_store.give_up
UPDATE rps_numbers SET refused = true
 WHERE tenant_id = $1 AND bill_id = ANY($2::bigint[]) AND NOT refused
   AND (bill_id, part, revision)
       IN (SELECT * FROM unnest($2::bigint[], $3::smallint[], $4::int[]))

-- rps_store.hand_out
INSERT INTO rps_numbers
       (tenant_id, connection_id, series, number, bill_id, part, revision, given_at)
SELECT $1, connection_id, series, number, bill_id, part, revision, $3
  FROM json_to_recordset($2::text::json)
       AS g (connection_id int, series text, number bigint, bill_id bigint, part smallint,
             revision int)

-- rps_store.hand_out advance
UPDATE rps_series r SET next_number = n.next_number
  FROM unnest($2::int[], $3::text[], $4::bigint[]) AS n (connection_id, series, next_number)
 WHERE r.tenant_id = $1 AND r.connection_id = n.connection_id AND r.series = n.series

-- rps_store.kept
SELECT connection_id, series, number, bill_id, part, revision FROM rps_numbers
 WHERE tenant_id = $1 AND bill_id = ANY($2::bigint[]) AND NOT refused

-- rps_store.last_given
SELECT max(number) FROM rps_numbers
 WHERE tenant_id = $1 AND connection_id = $2 AND series = $3

-- rps_store.list_series
SELECT r.series, k.environment, k.company_name,
       r.connection_id IS NOT DISTINCT FROM $2 AS in_use, r.next_number,
       l.number AS last_given, r.set_by, r.set_at, r.reason
  FROM rps_series r
  JOIN nota_connections k ON k.tenant_id = $1 AND k.connection_id = r.connection_id
  LEFT JOIN LATERAL (
       SELECT number FROM rps_numbers n
        WHERE n.tenant_id = $1 AND n.connection_id = r.connection_id AND n.series = r.series
        ORDER BY number DESC LIMIT 1) AS l ON true
 WHERE r.tenant_id = $1
 ORDER BY in_use DESC, r.connection_id, r.series

-- rps_store.lock
SELECT connection_id, series, next_number FROM rps_series
 WHERE tenant_id = $1
   AND (connection_id, series) IN (SELECT * FROM unnest($2::int[], $3::text[]))
 ORDER BY connection_id, series FOR NO KEY UPDATE

-- rps_store.numbered_elsewhere_any_tenant
SELECT EXISTS (
       SELECT FROM nota_connections k
         JOIN rps_series r ON r.tenant_id = k.tenant_id AND r.connection_id = k.connection_id
        WHERE k.kind = $1 AND lower(k.company_id) = $2 AND k.environment = $3
          AND r.series = $4 AND k.tenant_id <> $5)

-- rps_store.numbered_elsewhere_any_tenant own company
SELECT kind, lower(company_id) AS company_id, environment FROM nota_connections
 WHERE tenant_id = $1 AND connection_id = $2

-- rps_store.numbers
SELECT g.number, g.bill_id, g.part, g.given_at, g.refused, n.status,
       n.number AS nota_number
  FROM rps_numbers g
  LEFT JOIN notas n
    ON n.tenant_id = $1 AND n.bill_id = g.bill_id AND n.part = g.part
   AND n.revision = g.revision AND n.rps_number = g.number AND n.rps_series = g.series
 WHERE g.tenant_id = $1 AND g.connection_id = $2 AND g.series = $3 AND g.number < $4
 ORDER BY g.number DESC LIMIT $5

-- rps_store.put
INSERT INTO rps_series (tenant_id, connection_id, series, next_number, set_by, set_at, reason)
VALUES ($1, $2, $3, $4, $5, $6, $7)
    ON CONFLICT (tenant_id, connection_id, series) DO UPDATE
   SET next_number = excluded.next_number, set_by = excluded.set_by, set_at = excluded.set_at,
       reason = excluded.reason

-- rules_store.add
   INSERT INTO rule_versions (tenant_id, version, rule, created_by)
   SELECT $1, coalesce(max(version), 0) + 1, $2, $3 FROM rule_versions WHERE tenant_id = $1
RETURNING version, rule, created_at, created_by

-- rules_store.get
SELECT version, rule, created_at, created_by FROM rule_versions
 WHERE tenant_id = $1 AND version = $2

-- rules_store.in_force
SELECT version, rule, created_at, created_by FROM rule_versions
 WHERE tenant_id = $1 ORDER BY version DESC LIMIT 1

-- rules_store.version_in_force
SELECT max(version) FROM rule_versions WHERE tenant_id = $1

-- rules_store.versions
SELECT version, rule, created_at, created_by FROM rule_versions
 WHERE tenant_id = $1 AND ($2::integer IS NULL OR version < $2)
 ORDER BY version DESC LIMIT $3

-- sale_actions_store.apply cancel_again
UPDATE notas SET cancel_again_at = $3, cancel_tries = 0
 WHERE tenant_id = $1 AND bill_id = ANY($2::bigint[]) AND status = 'cancel_refused'
   AND wish = 'cancel'

-- sale_actions_store.apply forget_issues
UPDATE notas SET wish = NULL
 WHERE tenant_id = $1 AND bill_id = ANY($2::bigint[]) AND wish = 'issue'

-- sale_actions_store.apply forget_wishes
UPDATE notas SET wish = NULL
 WHERE tenant_id = $1 AND bill_id = ANY($2::bigint[]) AND wish IS NOT NULL

-- sale_actions_store.apply resend
UPDATE notas n SET resend = true, resend_at = NULL
 WHERE n.tenant_id = $1 AND n.bill_id = ANY($2::bigint[]) AND n.status = 'denied'
   AND n.denial IS DISTINCT FROM 'denied_numbering' AND n.wish IS NULL
   AND n.revision = (SELECT max(m.revision) FROM notas m
                      WHERE m.tenant_id = $1 AND m.bill_id = n.bill_id
                        AND m.part = n.part)

-- sale_actions_store.apply wishes
UPDATE sales s
   SET wish = w.wish,
       wish_at = CASE WHEN w.wish IS NULL THEN NULL
                      WHEN w.wish = s.wish THEN s.wish_at ELSE $6 END,
       day_choice = w.day,
       without_document = s.without_document OR w.without_document,
       amount_choice = coalesce(w.amount, s.amount_choice),
       amount_about = CASE WHEN w.amount IS NULL THEN s.amount_about ELSE s.detail END,
       updated_at = $6
  FROM unnest($2::bigint[], $3::text[], $4::text[], $5::text[], $7::boolean[])
       AS w (bill_id, wish, amount, day, without_document)
 WHERE s.tenant_id = $1 AND s.bill_id = w.bill_id

-- sale_actions_store.apply_to_part
UPDATE notas n
   SET wish = $4,
       resend = CASE WHEN $5 THEN true WHEN $4 = 'cancel' THEN false ELSE n.resend END,
       resend_at = CASE WHEN $5 OR $4 = 'cancel' THEN NULL ELSE n.resend_at END,
       cancel_again_at = CASE WHEN $6 THEN $7::timestamptz ELSE n.cancel_again_at END,
       cancel_tries = CASE WHEN $6 THEN 0 ELSE n.cancel_tries END,
       then_cancel = CASE WHEN $4 = 'cancel'
                               AND n.status IN ('sending', 'uncertain', 'pending')
                          THEN coalesce(n.then_cancel, $8) ELSE n.then_cancel END
 WHERE n.tenant_id = $1 AND n.bill_id = $2 AND n.part = $3
   AND n.revision = (SELECT max(m.revision) FROM notas m
                      WHERE m.tenant_id = $1 AND m.bill_id = $2 AND m.part = $3
                        AND m.raw_status IS DISTINCT FROM 'not_substituted')

-- sale_actions_store.apply_to_part leave_out
UPDATE notas n SET wish = 'cancel'
 WHERE n.tenant_id = $1 AND n.bill_id = $2 AND n.part <> $3 AND n.status = 'cancelled'
   AND n.wish IS NULL AND (n.raw_status IS NULL OR n.raw_status <> ALL($4::text[]))
   AND n.revision = (SELECT max(m.revision) FROM notas m
                      WHERE m.tenant_id = $1 AND m.bill_id = $2 AND m.part = n.part
                        AND m.raw_status IS DISTINCT FROM 'not_substituted')

-- sale_actions_store.lock sales
SELECT 1 FROM sales WHERE tenant_id = $1 AND bill_id = ANY($2::bigint[])
 ORDER BY bill_id FOR UPDATE

-- sale_actions_store.look
SELECT bill_id, origin, status, code, attention, wish, updated_at FROM sales
 WHERE tenant_id = $1 AND bill_id = ANY($2::bigint[])
 ORDER BY bill_id

-- sale_actions_store.not_decided
SELECT bill_id FROM outbox o WHERE tenant_id = $1 AND bill_id = ANY($2::bigint[])
   AND NOT EXISTS (SELECT FROM sales s WHERE s.tenant_id = $1 AND s.bill_id = o.bill_id)

-- sale_actions_store.repeated
SELECT b.bill_id FROM unnest($2::bigint[]) AS b (bill_id)
  JOIN LATERAL (
       SELECT what, why, by, at FROM timeline t
        WHERE t.tenant_id = $1 AND t.bill_id = b.bill_id AND t.what = ANY($3::text[])
        ORDER BY entry_id DESC LIMIT 1) l ON true
 WHERE l.what = $4 AND l.why = $5 AND l.by = $6 AND l.at > $7::timestamptz

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

-- sales_chosen.all_that_fit
SELECT s.bill_id
  FROM sales s
  LEFT JOIN LATERAL (
       SELECT denial FROM notas n WHERE tenant_id = s.tenant_id AND bill_id = s.bill_id
        ORDER BY raw_status IS NOT DISTINCT FROM 'not_substituted', revision DESC, part LIMIT 1) n ON true

 WHERE s.tenant_id = $1
   AND ($2::bigint IS NULL OR s.bill_id < $2)
   AND ($3::text IS NULL OR s.status = $3)
   AND ($4::text IS NULL OR s.code = $4 OR s.attention = $4
        OR (s.status = 'denied' AND n.denial = $4))
   AND ($5::timestamptz IS NULL OR s.moment_at >= $5)
   AND ($6::timestamptz IS NULL OR s.moment_at < $6)
   AND ($7::text IS NULL OR s.customer_name ILIKE $7 OR s.bill_id = $8
        OR s.document_word = $9)
   AND ($11::bigint[] IS NULL OR s.bill_id = ANY($11))
   AND ($12::bigint IS NULL OR s.amount >= $12)
   AND ($13::bigint IS NULL OR s.amount <= $13)
   AND ($14::bigint IS NULL OR s.bill_id > $14)
   AND ($15::text IS NULL OR s.products ILIKE $15)
   AND ($16::text IS NULL OR s.plan ILIKE $16)
   AND ($17::text IS NULL OR s.method = $17)

 ORDER BY s.bill_id DESC LIMIT $10

-- sales_chosen.found_by_number
SELECT bill_id FROM sales WHERE tenant_id = $1 AND bill_id = $2
 UNION
SELECT bill_id FROM sales WHERE tenant_id = $1 AND document_word = $3
 UNION
SELECT bill_id FROM notas WHERE tenant_id = $1 AND number = $4
 ORDER BY 1 DESC LIMIT $5

-- sales_reach.of_cause
SELECT bill_id FROM (
    (SELECT bill_id FROM sales
      WHERE tenant_id = $1 AND code = $2 AND bill_id < $3 ORDER BY bill_id DESC LIMIT $4)
     UNION
    (SELECT bill_id FROM sales
      WHERE tenant_id = $1 AND attention = $2 AND bill_id < $3 ORDER BY bill_id DESC LIMIT $4)
     UNION
    (SELECT bill_id FROM notas
      WHERE tenant_id = $1 AND status = 'denied' AND denial = $2 AND bill_id < $3
      ORDER BY bill_id DESC LIMIT $4)
) AS found ORDER BY bill_id DESC LIMIT $4

-- sales_reach.of_days
SELECT min(bill_id + 0) AS first, max(bill_id + 0) AS last FROM sales
 WHERE tenant_id = $1 AND moment_at IS NOT NULL
   AND moment_at >= coalesce($2::timestamptz, '-infinity')
   AND moment_at < coalesce($3::timestamptz, 'infinity')

-- sales_reach.since_day
SELECT min(bill_id + 0) AS first, count(*) AS sales
  FROM (SELECT bill_id FROM sales
         WHERE tenant_id = $1 AND moment_at IS NOT NULL AND moment_at >= $2
         ORDER BY moment_at LIMIT $3) AS near

-- sales_reach.step
SELECT bill_id FROM sales
 WHERE tenant_id = $1 AND bill_id < $2 AND bill_id > $3
 ORDER BY bill_id DESC OFFSET $4 LIMIT 1

-- sales_reach.step_of_status
SELECT bill_id FROM sales
 WHERE tenant_id = $1 AND bill_id < $2 AND bill_id > $3 AND status = $5
 ORDER BY bill_id DESC OFFSET $4 LIMIT 1

-- sales_read.get
   SELECT 
          s.bill_id, s.status, s.code, s.detail, s.attention, s.amount, s.moment_at, s.issue_at,
          s.competencia, s.rule_version, s.rule_exception, s.origin, s.customer_name, s.wish,
          s.updated_at, s.products, s.plan, s.method,
          n.external_id, n.issuer_id, n.status AS nota_status, n.number, n.verification_code,
          n.has_pdf, n.has_xml, n.issued_at, n.denial, n.denial_cause, n.part,
          n.amount AS nota_amount, n.connection_id, n.then_cancel
     FROM sales s
     LEFT JOIN LATERAL (
          SELECT external_id, issuer_id, status, number, verification_code, has_pdf, has_xml,
                 issued_at, denial, denial_cause, part, amount, then_cancel,

   coalesce(n.connection_id, (
       SELECT min(b.connection_id) FROM nota_connections b
        WHERE b.tenant_id = $1 AND b.environment = n.environment))
AS connection_id
            FROM notas n WHERE tenant_id = s.tenant_id AND bill_id = s.bill_id
           ORDER BY raw_status IS NOT DISTINCT FROM 'not_substituted', revision DESC, part LIMIT 1) n ON true

    WHERE s.tenant_id = $1 AND s.bill_id = $2

-- sales_read.list_newest_first
   SELECT 
          s.bill_id, s.status, s.code, s.detail, s.attention, s.amount, s.moment_at, s.issue_at,
          s.competencia, s.rule_version, s.rule_exception, s.origin, s.customer_name, s.wish,
          s.updated_at, s.products, s.plan, s.method,
          n.external_id, n.issuer_id, n.status AS nota_status, n.number, n.verification_code,
          n.has_pdf, n.has_xml, n.issued_at, n.denial, n.denial_cause, n.part,
          n.amount AS nota_amount, n.connection_id, n.then_cancel
     FROM sales s
     LEFT JOIN LATERAL (
          SELECT external_id, issuer_id, status, number, verification_code, has_pdf, has_xml,
                 issued_at, denial, denial_cause, part, amount, then_cancel,

   coalesce(n.connection_id, (
       SELECT min(b.connection_id) FROM nota_connections b
        WHERE b.tenant_id = $1 AND b.environment = n.environment))
AS connection_id
            FROM notas n WHERE tenant_id = s.tenant_id AND bill_id = s.bill_id
           ORDER BY raw_status IS NOT DISTINCT FROM 'not_substituted', revision DESC, part LIMIT 1) n ON true


    WHERE s.tenant_id = $1
      AND ($2::bigint IS NULL OR s.bill_id < $2)
      AND ($3::text IS NULL OR s.status = $3)
      AND ($4::text IS NULL OR s.code = $4 OR s.attention = $4
           OR (s.status = 'denied' AND n.denial = $4))
      AND ($5::timestamptz IS NULL OR s.moment_at >= $5)
      AND ($6::timestamptz IS NULL OR s.moment_at < $6)
      AND ($7::text IS NULL OR s.customer_name ILIKE $7 OR s.bill_id = $8
           OR s.document_word = $9)
      AND ($11::bigint[] IS NULL OR s.bill_id = ANY($11))
      AND ($12::bigint IS NULL OR s.amount >= $12)
      AND ($13::bigint IS NULL OR s.amount <= $13)
      AND ($14::bigint IS NULL OR s.bill_id > $14)
      AND ($15::text IS NULL OR s.products ILIKE $15)
      AND ($16::text IS NULL OR s.plan ILIKE $16)
      AND ($17::text IS NULL OR s.method = $17)

    ORDER BY s.bill_id DESC LIMIT $10

-- sales_read.list_newest_first planned
SELECT set_config('plan_cache_mode', 'force_custom_plan', true)

-- sales_read.parts
   SELECT DISTINCT ON (n.bill_id, n.part) n.bill_id, n.part, n.amount AS nota_amount,
          n.external_id, n.issuer_id, n.status AS nota_status, n.number, n.verification_code,
          n.has_pdf, n.has_xml, n.issued_at, n.denial, n.denial_cause, n.then_cancel,

   coalesce(n.connection_id, (
       SELECT min(b.connection_id) FROM nota_connections b
        WHERE b.tenant_id = $1 AND b.environment = n.environment))
AS connection_id
     FROM notas n JOIN sale_parts p
       ON p.tenant_id = n.tenant_id AND p.bill_id = n.bill_id AND p.part = n.part
    WHERE n.tenant_id = $1 AND n.bill_id = ANY($2::bigint[])
    ORDER BY n.bill_id, n.part, n.raw_status IS NOT DISTINCT FROM 'not_substituted', n.revision DESC

-- sales_read.story entry
SELECT o.state, o.due_at, o.tries, o.bill_facts <= o.bill_facts_read AS bill_read, o.origin,
       o.heard_at, b.status AS bill_status, b.moment_amount, b.created_moment, b.read_at,
       now() AS now
  FROM outbox o LEFT JOIN bills b ON b.tenant_id = $1 AND b.bill_id = o.bill_id
 WHERE o.tenant_id = $1 AND o.bill_id = $2

-- sales_store.attend
UPDATE sales SET attention = $3
 WHERE tenant_id = $1 AND bill_id = ANY($2::bigint[]) AND attention IS DISTINCT FROM $3

-- sales_store.finish_wishes
UPDATE sales s SET wish = NULL, wish_at = NULL, day_choice = NULL
  FROM unnest($2::bigint[], $3::timestamptz[]) AS d (bill_id, wish_at)
 WHERE s.tenant_id = $1 AND s.bill_id = ANY($2::bigint[]) AND s.bill_id = d.bill_id
   AND s.wish_at = d.wish_at

-- sales_store.load
SELECT bill_id, status, code, detail, attention, amount, moment_at, issue_at, competencia,
       rule_version, origin, wish, wish_at, backfill, customer_id, amount_choice, amount_about,
       day_choice, without_document, customer IS NOT NULL AS customer_read
  FROM sales WHERE tenant_id = $1 AND bill_id = ANY($2::bigint[])

-- sales_store.progress
    UPDATE sales s SET status = p.status, detail = coalesce(p.detail, ''),
           code = p.code, attention = 
    coalesce(p.attention, CASE
        WHEN (p.status IN ('issuing', 'uncertain', 'issued') AND s.attention = ANY($4::text[]))
             OR (p.status IN ('cancelling', 'cancelled') AND s.attention = $5)
        THEN s.attention END)
, updated_at = now(),
           wish = CASE WHEN p.nota_made AND s.wish = 'issue' THEN NULL ELSE s.wish END,
           day_choice = CASE WHEN NOT coalesce(p.nota_made, false) THEN s.day_choice END
      FROM json_to_recordset($3::text::json)
           AS p (bill_id bigint, status text, code text, detail text, attention text,
                 nota_made boolean)
     WHERE s.tenant_id = $1 AND s.bill_id = ANY($2::bigint[]) AND s.bill_id = p.bill_id
       AND (s.status <> p.status OR s.detail <> coalesce(p.detail, '')
            OR p.nota_made AND s.wish = 'issue' OR s.code IS DISTINCT FROM p.code
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
    document_word, products, plan, method, customer, unread, updated_at)
SELECT $1, bill_id, status, code, coalesce(detail, ''), attention, amount, moment_at, issue_at,
       competencia, rule_version, rule_exception, origin, customer_id,
       coalesce(customer_name, ''), decode(document_word, 'base64'), products, plan, method,
       customer, unread, now()
  FROM ROWS FROM (
           json_to_recordset($2::text::json)
               AS (bill_id bigint, status text, code text, detail text, attention text,
                   amount bigint, moment_at timestamptz, issue_at timestamptz,
                   competencia date, rule_version int, rule_exception int, origin text,
                   customer_id bigint, customer_name text, document_word text, products text,
                   plan text, method text),
           unnest($3::bytea[]), unnest($4::bytea[]))
       AS r (bill_id, status, code, detail, attention, amount, moment_at, issue_at,
             competencia, rule_version, rule_exception, origin, customer_id, customer_name,
             document_word, products, plan, method, customer, unread)
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
       products = coalesce(excluded.products, s.products),
       plan = coalesce(excluded.plan, s.plan), method = coalesce(excluded.method, s.method),
       customer = coalesce(excluded.customer, s.customer),
       unread = excluded.unread,
       updated_at = excluded.updated_at

-- saved_filters_store.all_of
SELECT name_key AS key, name, query FROM saved_filters
 WHERE tenant_id = $1 ORDER BY name_key LIMIT $2

-- saved_filters_store.put
INSERT INTO saved_filters AS f (tenant_id, name_key, name, query, saved_by, saved_at)
VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT (tenant_id, name_key) DO UPDATE
   SET name = excluded.name, query = excluded.query, saved_by = excluded.saved_by,
       saved_at = excluded.saved_at

-- saved_filters_store.remove
DELETE FROM saved_filters WHERE tenant_id = $1 AND name_key = $2

-- secrets_store.add
INSERT INTO webhook_secrets (tenant_id, source, secret_hash, sealed) VALUES ($1, $2, $3, $4)

-- secrets_store.current_sealed
SELECT sealed FROM webhook_secrets
 WHERE tenant_id = $1 AND source = $2 AND expires_at IS NULL
 ORDER BY created_at DESC LIMIT 1

-- secrets_store.expire_current
UPDATE webhook_secrets SET expires_at = $3, sealed = NULL
 WHERE tenant_id = $1 AND source = $2 AND expires_at IS NULL

-- secrets_store.find_hashes_of_many
SELECT s.tenant_id, s.source, s.secret_hash,
       s.expires_at IS NULL OR s.expires_at > now() AS valid
  FROM unnest($1::text[], $2::text[]) AS asked (tenant_id, source)
  JOIN webhook_secrets s ON s.tenant_id = asked.tenant_id AND s.source = asked.source
 WHERE s.expires_at IS NULL OR (now() - s.expires_at < $3 AND NOT s.revoked)

-- secrets_store.revoke_all
UPDATE webhook_secrets SET expires_at = $3, sealed = NULL, revoked = true
 WHERE tenant_id = $1 AND source = $2 AND (expires_at IS NULL OR expires_at > $3)

-- sessions_store.add
INSERT INTO panel_sessions (token_hash, person_id, created_at, seen_at, expires_at, wants_code)
VALUES ($1, $2, $3, $3, $4, $5)

-- sessions_store.end
DELETE FROM panel_sessions WHERE token_hash = $1

-- sessions_store.end_all
DELETE FROM panel_sessions WHERE person_id = $1

-- sessions_store.find
SELECT s.created_at, s.seen_at, s.wants_code, now() AS now, p.person_id, p.name, p.staff
  FROM panel_sessions s JOIN people p ON p.person_id = s.person_id
 WHERE s.token_hash = $1 AND s.expires_at > now() AND s.seen_at > now() - $2::interval

-- sessions_store.forget
DELETE FROM panel_sessions WHERE expires_at <= $1 OR seen_at <= $2

-- sessions_store.touch
UPDATE panel_sessions SET seen_at = $2 WHERE token_hash = $1

-- shadow_read.listed_to
SELECT listed_to FROM foreign_nota_marks WHERE tenant_id = $1

-- shadow_read.months_of_others
SELECT to_char(competencia, 'YYYY-MM') AS month, count(*)::int AS notas,
       sum(amount)::bigint AS amount
  FROM foreign_notas
 WHERE tenant_id = $1 AND valid AND environment = 'Producao'
   AND competencia BETWEEN $2 AND $3
 GROUP BY 1 ORDER BY 1

-- shadow_read.only_theirs
SELECT f.number, f.amount, f.competencia FROM foreign_notas f
 WHERE f.tenant_id = $1 AND f.valid AND f.environment = 'Producao' AND f.competencia = $2
   AND NOT EXISTS (
       SELECT FROM sales s
        WHERE s.tenant_id = $1 AND s.document_word = f.document_word AND s.amount = f.amount
          AND s.status = 'skipped' AND s.code LIKE 'shadow\_%'
          AND date_trunc('month', s.competencia::timestamp)
              = date_trunc('month', f.competencia::timestamp))
 ORDER BY f.number NULLS LAST, f.issuer_id LIMIT $3

-- shadow_read.ours
SELECT s.competencia AS day,
       count(*) FILTER (WHERE s.code = 'shadow_issue')::int AS ours,
       coalesce(sum(s.amount) FILTER (WHERE s.code = 'shadow_issue'), 0)::bigint
           AS ours_amount,
       count(*) FILTER (WHERE s.code = 'shadow_issue' AND alike.found)::int AS alike,
       count(*) FILTER (WHERE s.code = 'shadow_hold')::int AS held
  FROM sales s

  LEFT JOIN LATERAL (
       SELECT f.number, true AS found FROM foreign_notas f
        WHERE f.tenant_id = $1 AND f.valid AND f.environment = 'Producao'
          AND f.document_word = s.document_word AND f.amount = s.amount
          AND date_trunc('month', f.competencia::timestamp)
              = date_trunc('month', s.competencia::timestamp)
        ORDER BY abs(f.competencia - s.competencia), f.issuer_id LIMIT 1) alike ON true

 WHERE s.tenant_id = $1 AND s.status = 'skipped' AND s.code LIKE 'shadow\_%'
   AND s.competencia BETWEEN $2 AND $3
 GROUP BY s.competencia

-- shadow_read.sales_of
SELECT s.bill_id, s.customer_name, s.amount, s.code, s.detail,
       coalesce(alike.found, false) AS alike, alike.number
  FROM sales s

  LEFT JOIN LATERAL (
       SELECT f.number, true AS found FROM foreign_notas f
        WHERE f.tenant_id = $1 AND f.valid AND f.environment = 'Producao'
          AND f.document_word = s.document_word AND f.amount = s.amount
          AND date_trunc('month', f.competencia::timestamp)
              = date_trunc('month', s.competencia::timestamp)
        ORDER BY abs(f.competencia - s.competencia), f.issuer_id LIMIT 1) alike ON true

 WHERE s.tenant_id = $1 AND s.status = 'skipped' AND s.code LIKE 'shadow\_%'
   AND s.competencia = $2
 ORDER BY coalesce(alike.found, false), s.bill_id DESC LIMIT $3

-- shadow_read.theirs
SELECT competencia AS day, count(*)::int AS theirs, sum(amount)::bigint AS theirs_amount
  FROM foreign_notas
 WHERE tenant_id = $1 AND valid AND environment = 'Producao'
   AND competencia BETWEEN $2 AND $3
 GROUP BY competencia

-- statements_store.lock
SELECT EXISTS (SELECT FROM sales WHERE tenant_id = $1 AND bill_id = $2)

-- statements_store.look_once_more
UPDATE notas SET status = 'uncertain', lookups = $4, look_up_at = now()
 WHERE tenant_id = $1 AND bill_id = $2 AND part = $3 AND status IN ('sending', 'uncertain')

-- statements_store.send_again
UPDATE notas SET resend = true, resend_at = NULL, lookups = $4
 WHERE tenant_id = $1 AND bill_id = $2 AND part = $3 AND status = 'denied'

-- statements_store.show
UPDATE sales SET status = $3, code = $4, detail = '', attention = $5, updated_at = now()
 WHERE tenant_id = $1 AND bill_id = $2

-- statements_store.state_cancelled
UPDATE notas SET status = 'cancelled', raw_status = $5, cancelled_at = $4, look_up_at = NULL,
       cancel_again_at = NULL, then_cancel = coalesce(then_cancel, $5)
 WHERE tenant_id = $1 AND bill_id = $2 AND part = $3
   AND status IN ('issued', 'cancelling', 'cancel_refused')

-- statements_store.state_cancelled wish
UPDATE sales SET wish = NULL, wish_at = NULL WHERE tenant_id = $1 AND bill_id = $2

-- statements_store.state_valid
UPDATE notas SET status = 'issued', number = coalesce($4, number), resend = false,
       resend_at = NULL, look_up_at = NULL, issued_at = coalesce(issued_at, $6),
       denial = NULL, raw_status = $5, wish = nullif(wish, 'issue')
 WHERE tenant_id = $1 AND bill_id = $2 AND part = $3 AND status <> 'cancelled'
   AND revision = (SELECT max(revision) FROM notas
                    WHERE tenant_id = $1 AND bill_id = $2 AND part = $3
                      AND status <> 'cancelled')

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
                               ORDER BY o.part, o.raw_status IS NOT DISTINCT FROM 'not_substituted', o.revision DESC) m))
                  ELSE '{}'::jsonb END)
  FROM unnest($2::bigint[], $3::text[], $4::text[]) AS b (bill_id, status, code)
  JOIN sales s ON s.tenant_id = $1 AND s.bill_id = ANY($2::bigint[])
              AND s.bill_id = b.bill_id
  LEFT JOIN LATERAL (
       SELECT external_id, status, number, part,
              CASE WHEN status = 'denied' THEN denial END AS denial
         FROM notas WHERE tenant_id = s.tenant_id AND bill_id = s.bill_id
        ORDER BY raw_status IS NOT DISTINCT FROM 'not_substituted', revision DESC, part LIMIT 1) n ON true
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
    UPDATE webhook_deliveries SET state = 'given_up', last_error = 'webhook_removed'
     WHERE tenant_id = $1 AND state = 'pending'
)
SELECT count(*) FROM gone

-- status_webhooks_store.forget_old_any_tenant
DELETE FROM webhook_deliveries WHERE state <> 'pending' AND created_at < now() - $1::interval

-- status_webhooks_store.get
SELECT url, secret, created_at, updated_at, failures, failing_since, rest_until
  FROM status_webhooks WHERE tenant_id = $1

-- status_webhooks_store.give_up_old
UPDATE webhook_deliveries
   SET state = 'given_up', last_error = coalesce(last_error, $2)
 WHERE tenant_id = $1 AND state = 'pending' AND asked_at < $3

-- status_webhooks_store.list_newest_first
SELECT delivery_id, message_id, bill_id, type,
       CASE state WHEN 'failed' THEN 'given_up' ELSE state END AS state, tries, next_at,
       last_status, last_error, created_at, delivered_at
  FROM webhook_deliveries
 WHERE tenant_id = $1 AND ($2::bigint IS NULL OR delivery_id < $2)
 ORDER BY delivery_id DESC LIMIT $3

-- status_webhooks_store.note_answer
UPDATE status_webhooks SET failures = 0, failing_since = NULL, rest_until = NULL
 WHERE tenant_id = $1 AND url = $2 AND failures > 0

-- status_webhooks_store.note_silence
UPDATE status_webhooks
   SET failures = $3, failing_since = coalesce(failing_since, $4), rest_until = $5
 WHERE tenant_id = $1 AND url = $2

-- status_webhooks_store.put
INSERT INTO status_webhooks (tenant_id, url, secret, updated_at) VALUES ($1, $2, $3, now())
    ON CONFLICT (tenant_id) DO UPDATE
   SET url = excluded.url, secret = excluded.secret, updated_at = excluded.updated_at,
       failures = 0, failing_since = NULL, rest_until = NULL

-- status_webhooks_store.resend
UPDATE webhook_deliveries
   SET state = 'pending', tries = 0, next_at = now(), asked_at = now(), delivered_at = NULL,
       last_error = NULL
 WHERE tenant_id = $1 AND delivery_id = $2

-- status_webhooks_store.settle
UPDATE webhook_deliveries
   SET state = CASE WHEN $4 THEN 'delivered' WHEN $7::interval IS NULL THEN 'given_up'
                    ELSE 'pending' END,
       delivered_at = CASE WHEN $4 THEN $8::timestamptz END,
       last_status = $5, last_error = $6,
       next_at = $8 + coalesce($7::interval, interval '0')
 WHERE tenant_id = $1 AND delivery_id = $2 AND tries = $3 AND state = 'pending'

-- status_webhooks_store.tenants_with_due_any_tenant
SELECT w.tenant_id, w.failures > 0 AS failing
  FROM status_webhooks w
  CROSS JOIN LATERAL (
       SELECT d.next_at FROM webhook_deliveries d
        WHERE d.tenant_id = w.tenant_id AND d.state = 'pending' AND d.next_at <= now()
        ORDER BY d.next_at LIMIT 1) first
 WHERE (w.rest_until IS NULL OR w.rest_until <= now()) AND w.tenant_id <> ALL($1::text[])
 ORDER BY first.next_at, w.tenant_id LIMIT $2

-- tenants_store.activate
   UPDATE tenants
      SET status = 'active', updated_at = $2,
          active_from = CASE WHEN active_from <= $2 THEN active_from ELSE $3 END
    WHERE tenant_id = $1
RETURNING tenant_id, name, plan, timezone, status, active_from, shadow_from, created_at

-- tenants_store.add
   INSERT INTO tenants (tenant_id, name, plan, timezone) VALUES ($1, $2, $3, $4)
RETURNING tenant_id, name, plan, timezone, status, active_from, shadow_from, created_at

-- tenants_store.enter_shadow
   UPDATE tenants SET status = 'shadow', shadow_from = $2, updated_at = $3
    WHERE tenant_id = $1 AND status = 'setting_up'
RETURNING tenant_id, name, plan, timezone, status, active_from, shadow_from, created_at

-- tenants_store.get
SELECT tenant_id, name, plan, timezone, status, active_from, shadow_from, created_at
  FROM tenants WHERE tenant_id = $1

-- tenants_store.hold_terms
SELECT timezone, status, active_from, shadow_from,
       (SELECT company_cnpj FROM issuer_connections WHERE tenant_id = $1) AS seller_cnpj,
       (SELECT company_city FROM issuer_connections WHERE tenant_id = $1) AS seller_city,
       (SELECT company_regime FROM issuer_connections WHERE tenant_id = $1) AS seller_regime
  FROM tenants WHERE tenant_id = $1 FOR SHARE

-- tenants_store.leave_shadow
   UPDATE tenants SET status = 'setting_up', shadow_from = NULL, updated_at = now()
    WHERE tenant_id = $1 AND status = 'shadow'
RETURNING tenant_id, name, plan, timezone, status, active_from, shadow_from, created_at

-- tenants_store.list_any_tenant
SELECT tenant_id, name, plan, timezone, status, active_from, shadow_from, created_at
  FROM tenants
 WHERE $1::timestamptz IS NULL OR (created_at, tenant_id) > ($1, $2)
 ORDER BY created_at, tenant_id LIMIT $3

-- tenants_store.lock
SELECT tenant_id, name, plan, timezone, status, active_from, shadow_from, created_at
  FROM tenants WHERE tenant_id = $1 FOR NO KEY UPDATE

-- tenants_store.patch
   UPDATE tenants
      SET name = coalesce($2, name), plan = coalesce($3, plan),
          timezone = coalesce($4, timezone), updated_at = now()
    WHERE tenant_id = $1
RETURNING tenant_id, name, plan, timezone, status, active_from, shadow_from, created_at

-- tenants_store.pause
   UPDATE tenants SET status = 'paused', updated_at = now()
    WHERE tenant_id = $1 AND status IN ('active', 'paused')
RETURNING tenant_id, name, plan, timezone, status, active_from, shadow_from, created_at

-- tenants_store.search_any_tenant
SELECT tenant_id, name, plan, timezone, status, active_from, shadow_from, created_at
  FROM tenants t
 WHERE t.name ILIKE $1 OR t.tenant_id = $2
    OR EXISTS (SELECT FROM sales s WHERE s.tenant_id = t.tenant_id AND s.bill_id = $3)
 ORDER BY name, tenant_id LIMIT $4

-- tenants_store.terms
SELECT timezone, status, active_from, shadow_from,
       (SELECT company_cnpj FROM issuer_connections WHERE tenant_id = $1) AS seller_cnpj,
       (SELECT company_city FROM issuer_connections WHERE tenant_id = $1) AS seller_city,
       (SELECT company_regime FROM issuer_connections WHERE tenant_id = $1) AS seller_regime
  FROM tenants WHERE tenant_id = $1

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

-- tokens_store.add
INSERT INTO internal_tokens (name, token_hash, scope, made_by, made_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (name) DO NOTHING

-- tokens_store.find
SELECT name, scope, expires_at <= now() AS expired, revoked_at IS NOT NULL AS revoked,
       used_at IS NULL OR now() - used_at > $2 AS use_to_note
  FROM internal_tokens WHERE token_hash = $1

-- tokens_store.list_all
SELECT name, scope, made_by, made_at, expires_at, revoked_at, used_at
  FROM internal_tokens ORDER BY made_at, name

-- tokens_store.note_use
UPDATE internal_tokens SET used_at = now() WHERE name = $1

-- tokens_store.revoke
UPDATE internal_tokens SET revoked_at = now() WHERE name = $1 AND revoked_at IS NULL

-- unanswered_store.find_any_tenant
SELECT s.tenant_id, s.bill_id FROM sales s
 WHERE s.tenant_id = ANY($1::text[]) AND s.status = 'uncertain' AND s.attention IS NULL
   AND EXISTS (
       SELECT FROM notas n
        WHERE n.tenant_id = s.tenant_id AND n.bill_id = s.bill_id
          AND n.status IN ('sending', 'uncertain') AND n.sent_at < $2)
 ORDER BY s.tenant_id, s.bill_id LIMIT $3

-- unanswered_store.tell
   UPDATE sales SET attention = $3
    WHERE tenant_id = $1 AND bill_id = ANY($2::bigint[]) AND status = 'uncertain'
      AND attention IS NULL
RETURNING bill_id

-- unknown_denials_store.count
INSERT INTO unknown_denials AS u (tenant_id, denial_group, reason, bill_id, count, first_at,
                                  last_at)
SELECT $1, denial_group, decode(reason, 'base64'), bill_id, count, $3, $3
  FROM json_to_recordset($2::text::json)
       AS m (denial_group text, bill_id bigint, reason text, count bigint)
    ON CONFLICT (tenant_id, denial_group) DO UPDATE
   SET count = u.count + excluded.count, bill_id = excluded.bill_id, last_at = excluded.last_at,
       reason = coalesce(excluded.reason, u.reason)

-- unknown_denials_store.read_any_tenant
SELECT u.tenant_id, u.reason, u.count, u.first_at, u.last_at, s.customer_name
  FROM unknown_denials u
  LEFT JOIN sales s ON s.tenant_id = u.tenant_id AND s.bill_id = u.bill_id
 WHERE ($1::timestamptz IS NULL OR u.last_at >= $1)
   AND ($2::timestamptz IS NULL OR u.first_at < $2)
 ORDER BY u.last_at DESC LIMIT $3

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
       p.next_pass_at, p.complete_at, p.error,
       p.error_since, coalesce(p.plain_lanes, '{}') AS plain_lanes, p.plain_since,
       p.skew_seconds, coalesce(p.silent_passes, 0) AS silent_passes, p.silent_since,
       p.silent_at, least(live.due_at, found.due_at) AS oldest_due,
       heard.received_at AS last_event,
       r.rejected_at, r.since AS rejected_since, coalesce(r.rejections, 0) AS rejections,
       coalesce(odd.words, '{}') AS oddities, odd.since AS odd_since
  FROM tenants t
  LEFT JOIN vindi_connections v ON v.tenant_id = t.tenant_id
  LEFT JOIN issuer_connections i ON i.tenant_id = t.tenant_id
  LEFT JOIN reconciler_passes p ON p.tenant_id = t.tenant_id
  LEFT JOIN webhook_rejections r ON r.tenant_id = t.tenant_id
  LEFT JOIN LATERAL (
      SELECT o.due_at FROM outbox o
       WHERE o.tenant_id = t.tenant_id AND o.state = 'due' AND o.lane = 0 AND o.due_at <= now()
       ORDER BY o.due_at LIMIT 1
  ) live ON true
  LEFT JOIN LATERAL (
      SELECT o.due_at FROM outbox o
       WHERE o.tenant_id = t.tenant_id AND o.state = 'due' AND o.lane = 1 AND o.due_at <= now()
       ORDER BY o.due_at LIMIT 1
  ) found ON true
  LEFT JOIN LATERAL (
      SELECT e.received_at FROM events e
       WHERE e.tenant_id = t.tenant_id AND e.source = 'vindi'
         AND ($1::text IS NOT NULL OR p.silent_passes > 0 OR r.rejected_at IS NOT NULL)
       ORDER BY e.received_at DESC LIMIT 1
  ) heard ON true
  LEFT JOIN LATERAL (
      SELECT array_agg(o.oddity ORDER BY o.oddity) AS words, min(o.since) AS since
        FROM vindi_oddities o
       WHERE o.tenant_id = t.tenant_id AND o.seen_at > now() - $4::interval
         AND o.seen_at >= v.connected_at
  ) odd ON true
 WHERE ($1::text IS NULL OR t.tenant_id = $1) AND t.tenant_id > $2
 ORDER BY t.tenant_id
 LIMIT $3
