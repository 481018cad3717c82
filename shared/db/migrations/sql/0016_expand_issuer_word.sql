-- Why: the issuer's word about a nota counts in whatever state we have it, and its own list is the
-- third side of a closing. The old code leaves the new columns and tables alone.

-- News of the issuer about a sale's notas, counted as facts about its bill are; and those that a read
-- has covered.
ALTER TABLE outbox
    ADD COLUMN IF NOT EXISTS issuer_facts      bigint NOT NULL DEFAULT 0,
    ADD COLUMN IF NOT EXISTS issuer_facts_read bigint NOT NULL DEFAULT 0;

-- tied: what the issuer said last for the very instant of changed_at. cancel_code: cancel_*, why it
-- was not cancelled; cancel_tries: how often that was refused since a person asked;
-- cancel_again_at: when it is asked for again by itself.
ALTER TABLE notas
    ADD COLUMN IF NOT EXISTS tied            text,
    ADD COLUMN IF NOT EXISTS cancel_code     text,
    ADD COLUMN IF NOT EXISTS cancel_tries    integer NOT NULL DEFAULT 0,
    ADD COLUMN IF NOT EXISTS cancel_again_at timestamptz;

-- Only notas of the real environment count in a closing. The first is for a try that ended half way.
DROP INDEX CONCURRENTLY IF EXISTS notas_in_force;

CREATE INDEX CONCURRENTLY notas_in_force ON notas
    (tenant_id, bill_id) INCLUDE (amount, environment)
    WHERE status IN ('issued', 'cancelling', 'cancel_refused');

-- Together:

DROP INDEX notas_valid;

-- As of when the last complete pass over an account shows every change: when it began.
ALTER TABLE reconciler_passes ADD COLUMN complete_from timestamptz;

-- The issuer's own list of the real environment, as last read. `bill_id` where the id is one of
-- ours; everything else was asked for by somebody else.
CREATE TABLE issuer_notas (
    tenant_id     text NOT NULL REFERENCES tenants,
    company_id    text NOT NULL,
    issuer_id     text NOT NULL,              -- in small letters
    external_id   text,
    bill_id       bigint,
    valid         boolean NOT NULL,           -- authorised, and not cancelled
    raw_status    text NOT NULL,
    amount        bigint,                     -- centavos
    competencia   date,
    number        text,
    created_on    date NOT NULL,              -- UTC, by the issuer's clock
    changed_at    timestamptz,
    differs       text,                       -- in what from ours: amount customer competencia
    read_at       timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, issuer_id)
);

CREATE INDEX issuer_notas_of_sale ON issuer_notas (tenant_id, bill_id) WHERE bill_id IS NOT NULL;
CREATE INDEX issuer_notas_of_others ON issuer_notas (tenant_id, competencia)
    WHERE bill_id IS NULL AND valid;

-- The days of that list, by the issuer's dataCriacao: as of when each is known, and which are to be
-- read again.
CREATE TABLE issuer_days (
    tenant_id  text NOT NULL REFERENCES tenants,
    company_id text NOT NULL,
    day        date NOT NULL,
    read_at    timestamptz,                   -- when its last complete reading began
    wanted_at  timestamptz,                   -- to be read again; NULL when not
    urgent     boolean NOT NULL DEFAULT false,  -- a person waits for it
    PRIMARY KEY (tenant_id, company_id, day)
);

CREATE INDEX issuer_days_wanted ON issuer_days (tenant_id, company_id, day)
    WHERE wanted_at IS NOT NULL;

-- One reader a tenant; every night all open months are wanted.
CREATE TABLE issuer_lists (
    tenant_id   text PRIMARY KEY REFERENCES tenants,
    lease_until timestamptz,
    attempt     bigint NOT NULL DEFAULT 0,    -- fence: only grows
    not_before  timestamptz,                  -- the issuer could not be asked
    planned_at  timestamptz                   -- when the last nightly pass was planned
);
