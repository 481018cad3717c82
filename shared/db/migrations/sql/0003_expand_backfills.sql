-- Why: past sales are brought in by a request of their own. A run is resumed exactly where it was,
-- so where it is, and what it has seen, is written in the same commit as what it did.

CREATE TABLE backfills (
    tenant_id    text NOT NULL REFERENCES tenants,
    backfill_id  text NOT NULL,
    status       text NOT NULL DEFAULT 'queued'
                 CHECK (status IN ('queued', 'running', 'completed', 'failed', 'cancelled')),
    dry_run      boolean NOT NULL,
    since        date NOT NULL,
    until        date,                        -- NULL: to this day
    competencia  text NOT NULL CHECK (competencia IN ('original', 'today')),
    rule         jsonb,                       -- as it was when asked for; NULL: there was none
    requested_by text NOT NULL,
    reason       text NOT NULL,
    requested_at timestamptz NOT NULL DEFAULT now(),
    started_at   timestamptz,
    finished_at  timestamptz,
    error        text,                        -- a stable word
    attempt      bigint NOT NULL DEFAULT 0,   -- fence: only grows, one for each lease
    lease_until  timestamptz,
    not_before   timestamptz,                 -- no step before this
    failures     integer NOT NULL DEFAULT 0,  -- in a row, for the back-off
    phase        text NOT NULL DEFAULT 'bills' CHECK (phase IN ('bills', 'late', 'whole', 'rest')),
    anchor       timestamptz,                 -- the list is read from bills created then …
    page         integer NOT NULL DEFAULT 1,  -- … and this is the next page of it
    reading      text NOT NULL DEFAULT 'brasilia' CHECK (reading IN ('brasilia', 'utc', 'plain')),
    rows_read    bigint NOT NULL DEFAULT 0,
    rows_left    bigint,                      -- by Vindi's own count; NULL before the first page
    summary      jsonb,                       -- what came of it, once it has ended
    PRIMARY KEY (tenant_id, backfill_id),
    CHECK (until IS NULL OR until >= since),
    CHECK ((status IN ('completed', 'failed', 'cancelled')) = (finished_at IS NOT NULL))
);

-- One at a time for each tenant: two would count, and take, the same sales.
CREATE UNIQUE INDEX backfills_one_open ON backfills (tenant_id)
    WHERE status IN ('queued', 'running');
CREATE INDEX backfills_newest ON backfills (tenant_id, requested_at, backfill_id);

-- The bills of a run inside its window, while it runs; `body` only as long as it is needed.
CREATE TABLE backfill_bills (
    tenant_id    text NOT NULL,
    backfill_id  text NOT NULL,
    bill_id      bigint NOT NULL,
    month        text NOT NULL,               -- of its moment, YYYY-MM in the tenant's zone
    amount       bigint NOT NULL,             -- centavos, at its moment
    outcome      text NOT NULL CHECK (outcome IN (
                     'refunds', 'customer', 'ready', 'issue', 'wait', 'hold', 'skip', 'known')),
    code         text,
    to_issue     bigint NOT NULL DEFAULT 0,   -- centavos
    customer_id  bigint,
    charges      bigint[] NOT NULL DEFAULT '{}',  -- that may have refunds
    refunds      jsonb NOT NULL DEFAULT '{}', -- centavos by charge id
    body         bytea,                       -- sealed JSON as read, until it is decided
    read_at      timestamptz,
    PRIMARY KEY (tenant_id, backfill_id, bill_id),
    CHECK ((outcome IN ('refunds', 'customer', 'ready')) = (body IS NOT NULL))
) WITH (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_cost_delay = 0);

-- What is still needed is asked for at every step: few rows each, however many are decided.
CREATE INDEX backfill_bills_refunds ON backfill_bills (tenant_id, backfill_id, bill_id)
    WHERE outcome = 'refunds';
CREATE INDEX backfill_bills_customer ON backfill_bills (tenant_id, backfill_id, customer_id)
    WHERE outcome = 'customer';
CREATE INDEX backfill_bills_ready ON backfill_bills (tenant_id, backfill_id, bill_id)
    WHERE outcome = 'ready';

-- Customers read by a run, so that none is asked for twice.
CREATE TABLE backfill_customers (
    tenant_id    text NOT NULL,
    backfill_id  text NOT NULL,
    customer_id  bigint NOT NULL,
    body         bytea,                       -- sealed JSON as read; NULL when it cannot be used
    problem      text,                        -- then the code of the hold
    PRIMARY KEY (tenant_id, backfill_id, customer_id),
    CHECK ((body IS NULL) = (problem IS NOT NULL))
);

ALTER TABLE sales ADD COLUMN backfill_id text;  -- the run that took it last
