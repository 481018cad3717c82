-- Why: the reconciler's memory of each account. Marks say up to when an account was read whole;
-- they move only with the attempt that holds the lease, so a worker thought dead cannot move them.

CREATE TABLE reconciler_passes (
    tenant_id       text PRIMARY KEY REFERENCES tenants,
    next_pass_at    timestamptz NOT NULL,
    lease_until     timestamptz,
    leased_by       text,
    attempt         bigint NOT NULL DEFAULT 0,    -- only grows: the fence of a lease
    failures        integer NOT NULL DEFAULT 0,   -- in a row, for the back-off
    bills_mark      timestamptz NOT NULL,
    charges_mark    timestamptz NOT NULL,
    refunds_mark    timestamptz NOT NULL,
    complete_at     timestamptz,                  -- end of the last pass that read everything
    error           text,                         -- a stable word: why the last one did not
    error_since     timestamptz,
    zone            text NOT NULL DEFAULT 'unknown' CHECK (zone IN ('unknown', 'brasilia', 'utc')),
    zone_at         timestamptz,
    plain_lanes     text[] NOT NULL DEFAULT '{}', -- lanes whose filter this account does not honour
    plain_since     timestamptz,
    nightly_day     date,                         -- the last day whose nightly lanes were done
    weekly_day      date,
    skew_seconds    real,                         -- Vindi's clock minus ours
    found           bigint NOT NULL DEFAULT 0,    -- sales that differed
    missed          bigint NOT NULL DEFAULT 0,    -- of these, sales whose events never came
    silent_passes   integer NOT NULL DEFAULT 0,   -- in a row: sales missed, not one event heard
    silent_since    timestamptz,
    silent_at       timestamptz                   -- the last of them
) WITH (fillfactor = 70);

CREATE INDEX reconciler_passes_due ON reconciler_passes (next_pass_at);

-- Refunds that were dealt with, so that each costs its look-ups once and not once a pass.
CREATE TABLE refunds_seen (
    tenant_id      text NOT NULL,
    transaction_id bigint NOT NULL,
    seen_at        timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, transaction_id)
);
