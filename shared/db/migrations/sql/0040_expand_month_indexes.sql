-- Why: a closing reads a month's sales, the sums of their bills, and which bills have no sale. Rows of
-- bills and sales are wide, since they hold what was read: indexes that have the few columns asked for
-- spare it hundreds of megabytes. Two take the place of those without them, the third is one more for
-- each bill that is written. No row could be changed in place before: whatever writes one moves
-- `updated_at` or `read_at`, which lie in indexes.
CREATE INDEX CONCURRENTLY IF NOT EXISTS sales_of_month
    ON sales (tenant_id, moment_at, bill_id) INCLUDE (status, code, attention, amount, amount_choice)
 WHERE moment_at IS NOT NULL;

DROP INDEX CONCURRENTLY IF EXISTS sales_by_moment;

CREATE INDEX CONCURRENTLY IF NOT EXISTS bills_paid_in
    ON bills (tenant_id, paid_moment) INCLUDE (bill_id, status, charges_paid_at)
 WHERE paid_moment IS NOT NULL;

DROP INDEX CONCURRENTLY IF EXISTS bills_by_paid_moment;

CREATE INDEX CONCURRENTLY IF NOT EXISTS bills_summed
    ON bills (tenant_id, bill_id) INCLUDE (moment_amount, read_at, status, paid_moment, created_moment);

-- Together:
