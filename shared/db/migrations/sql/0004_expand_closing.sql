-- Why: a month closes with proof. Its figures come from indexes, Vindi's own count needs ours of
-- the same things, and an accountant may lock what was handed in.

-- Of the charges that are paid now, as last read, oldest first: Vindi counts by charge.
ALTER TABLE bills ADD COLUMN charges_paid_at timestamptz[] NOT NULL DEFAULT '{}';

UPDATE bills SET charges_paid_at = ARRAY[paid_moment]
 WHERE status = 'paid' AND paid_moment IS NOT NULL;

CREATE INDEX bills_by_created ON bills (tenant_id, created_at);
CREATE INDEX bills_by_created_moment ON bills (tenant_id, created_moment);
CREATE INDEX bills_by_paid_moment ON bills (tenant_id, paid_moment);

-- Bills whose paid charges are not just the one of its moment; few, and counted one by one.
CREATE INDEX bills_paid_oddly ON bills (tenant_id)
    WHERE charges_paid_at <> '{}' AND charges_paid_at IS DISTINCT FROM ARRAY[paid_moment];

-- Valid notas alone, with all that adding them up needs.
CREATE INDEX notas_valid ON notas (tenant_id, bill_id) INCLUDE (amount)
    WHERE status IN ('issued', 'cancelling', 'cancel_refused');

-- What a month said when it was locked; later changes show against it.
CREATE TABLE closing_locks (
    tenant_id  text NOT NULL REFERENCES tenants,
    month      date NOT NULL CHECK (extract(day FROM month) = 1),
    locked_at  timestamptz NOT NULL DEFAULT now(),
    locked_by  text NOT NULL,
    reason     text NOT NULL,
    forced     boolean NOT NULL,              -- locked although it did not balance
    figures    jsonb NOT NULL,                -- bills and centavos, in all and by code
    PRIMARY KEY (tenant_id, month)
);

-- A month read again bill by bill; where it is stands here, so that any replica goes on with it.
CREATE TABLE closing_checks (
    tenant_id    text NOT NULL REFERENCES tenants,
    month        date NOT NULL CHECK (extract(day FROM month) = 1),
    status       text NOT NULL DEFAULT 'queued'
                 CHECK (status IN ('queued', 'running', 'completed', 'failed')),
    requested_by text NOT NULL,
    requested_at timestamptz NOT NULL DEFAULT now(),
    started_at   timestamptz,
    finished_at  timestamptz,
    error        text,                        -- a stable word
    attempt      bigint NOT NULL DEFAULT 0,   -- fence: only grows, one for each lease
    lease_until  timestamptz,
    not_before   timestamptz,                 -- no step before this
    failures     integer NOT NULL DEFAULT 0,  -- in a row
    phase        text NOT NULL DEFAULT 'known'
                 CHECK (phase IN ('known', 'charges', 'bills')),
    cursor       bigint NOT NULL DEFAULT 0,   -- the last bill, or the last page, that was dealt with
    bills_total  bigint NOT NULL DEFAULT 0,   -- of those known when it began
    bills_read   bigint NOT NULL DEFAULT 0,
    differed     bigint NOT NULL DEFAULT 0,   -- known, and other than stored
    found        bigint NOT NULL DEFAULT 0,   -- at Vindi, and not known to us
    PRIMARY KEY (tenant_id, month),
    CHECK ((status IN ('completed', 'failed')) = (finished_at IS NOT NULL))
);

CREATE INDEX closing_checks_open ON closing_checks (requested_at)
    WHERE status IN ('queued', 'running');
