-- Why: everything later hangs on this. Every key begins with tenant_id, so that the schema
-- distributes on it (design D13). Constraints say the rules, so that no code path can break them.

CREATE TABLE tenants (
    tenant_id   text PRIMARY KEY CHECK (tenant_id ~ '^t[a-z0-9]{10}$'),
    name        text NOT NULL,
    plan        text NOT NULL CHECK (plan IN ('basic', 'pro')),
    timezone    text NOT NULL,
    status      text NOT NULL DEFAULT 'setting_up'
                CHECK (status IN ('setting_up', 'active', 'paused')),
    active_from timestamptz,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    CHECK (status = 'setting_up' OR active_from IS NOT NULL)
);

CREATE TABLE vindi_connections (
    tenant_id      text PRIMARY KEY REFERENCES tenants,
    environment    text NOT NULL CHECK (environment IN ('production', 'sandbox')),
    api_key        bytea NOT NULL,            -- sealed
    key_hint       text NOT NULL CHECK (length(key_hint) <= 4),
    merchant_name  text NOT NULL,
    registry_code  text,
    state          text NOT NULL DEFAULT 'ok',  -- ok, or the stable word of what blocks it
    state_since    timestamptz NOT NULL DEFAULT now(),
    state_detail   text NOT NULL DEFAULT '',
    not_before     timestamptz,               -- no request before this (429, or a blocked account)
    connected_at   timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE issuer_connections (
    tenant_id      text PRIMARY KEY REFERENCES tenants,
    kind           text NOT NULL CHECK (kind IN ('enotas')),
    environment    text NOT NULL CHECK (environment IN ('Homologacao', 'Producao')),
    api_key        bytea NOT NULL,            -- sealed
    key_hint       text NOT NULL CHECK (length(key_hint) <= 4),
    key_word       text NOT NULL,             -- keyed hash: tenants with one key share its limits
    company_id     text NOT NULL,
    company_name   text NOT NULL,
    company_cnpj   text,
    notification_header text,                 -- sealed pairs are not needed: name only
    state          text NOT NULL DEFAULT 'ok',
    state_since    timestamptz NOT NULL DEFAULT now(),
    state_detail   text NOT NULL DEFAULT '',
    not_before     timestamptz,
    connected_at   timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE webhook_secrets (
    tenant_id   text NOT NULL REFERENCES tenants,
    source      text NOT NULL CHECK (source IN ('vindi', 'enotas')),
    secret_hash bytea NOT NULL CHECK (length(secret_hash) = 32),
    sealed      bytea,                        -- kept only while its URL may still be shown
    created_at  timestamptz NOT NULL DEFAULT now(),
    expires_at  timestamptz,                  -- NULL while it is the current one
    PRIMARY KEY (tenant_id, source, secret_hash)
);

CREATE TABLE rule_versions (
    tenant_id  text NOT NULL REFERENCES tenants,
    version    integer NOT NULL CHECK (version >= 1),
    rule       jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    created_by text NOT NULL,
    PRIMARY KEY (tenant_id, version)
);

-- Raw events, append-only, partitioned by day and dropped by day. The default partition is a net:
-- an event is never refused because a day's partition is not there yet.
CREATE TABLE events (
    tenant_id   text NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now(),
    event_id    uuid NOT NULL DEFAULT gen_random_uuid(),
    source      text NOT NULL CHECK (source IN ('vindi', 'enotas')),
    type        text,
    bill_id     bigint,
    event_at    timestamptz,
    flag        text,                         -- why nothing could be read from it
    headers     jsonb NOT NULL DEFAULT '{}',
    body        bytea NOT NULL,               -- sealed, exactly the bytes that came
    PRIMARY KEY (tenant_id, received_at, event_id)
) PARTITION BY RANGE (received_at);

CREATE TABLE events_default PARTITION OF events DEFAULT;

CREATE INDEX events_of_bill ON events (tenant_id, bill_id) WHERE bill_id IS NOT NULL;

-- One row a sale. `generation` counts facts: a worker settles only the generation it read.
-- `attempt` only grows and is the fence of a lease. Settled rows leave both partial indexes.
CREATE TABLE outbox (
    tenant_id   text NOT NULL,
    bill_id     bigint NOT NULL CHECK (bill_id > 0),
    state       text NOT NULL DEFAULT 'due' CHECK (state IN ('due', 'leased', 'settled')),
    lane        smallint NOT NULL DEFAULT 0 CHECK (lane BETWEEN 0 AND 2),
    due_at      timestamptz NOT NULL,
    generation  bigint NOT NULL DEFAULT 1,
    bill_facts  bigint NOT NULL DEFAULT 0,    -- facts about Vindi's side
    bill_facts_read bigint NOT NULL DEFAULT 0,  -- those that a read of the bill has covered
    heard_at    timestamptz,                  -- when we last heard of a change nobody had read yet
    attempt     bigint NOT NULL DEFAULT 0,
    tries       integer NOT NULL DEFAULT 0,   -- failures in a row, for the back-off
    lease_until timestamptz,
    leased_by   text,
    origin      text NOT NULL CHECK (origin IN ('webhook', 'reconciler', 'backfill')),
    PRIMARY KEY (tenant_id, bill_id),
    CHECK ((state = 'leased') = (lease_until IS NOT NULL))
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_cost_delay = 0);

CREATE INDEX outbox_due ON outbox (tenant_id, lane, due_at) WHERE state = 'due';
CREATE INDEX outbox_leases ON outbox (tenant_id, lease_until) WHERE state = 'leased';

-- Vindi's side: each bill as last read, independent of what was decided about it.
CREATE TABLE bills (
    tenant_id     text NOT NULL,
    bill_id       bigint NOT NULL,
    status        text NOT NULL,
    amount        bigint NOT NULL,            -- centavos, as last read (0 once canceled)
    moment_amount bigint NOT NULL,            -- centavos, as read while it was last live
    customer_id   bigint NOT NULL,
    created_at    timestamptz NOT NULL,
    updated_at    timestamptz NOT NULL,       -- Vindi's, whole seconds
    created_moment timestamptz,               -- design D8, NULL until it came alive
    paid_moment   timestamptz,
    recorded_at   timestamptz,
    came_alive_at timestamptz,                -- set only for bills seen in review or scheduled
    refunds       jsonb NOT NULL DEFAULT '{}',  -- centavos by charge id
    refunds_read_at timestamptz,
    body          bytea NOT NULL,             -- sealed JSON as read
    read_at       timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, bill_id)
);

-- Sealed bodies do not compress, and most fit into a page: neither try, nor put them aside.
ALTER TABLE bills ALTER COLUMN body SET STORAGE EXTERNAL;
ALTER TABLE bills SET (toast_tuple_target = 8160);

CREATE INDEX bills_open ON bills (tenant_id, read_at) WHERE status IN ('review', 'scheduled', 'pending');

-- Our side: what was decided about each sale.
CREATE TABLE sales (
    tenant_id     text NOT NULL REFERENCES tenants,
    bill_id       bigint NOT NULL,
    status        text NOT NULL CHECK (status IN (
                      'waiting_payment', 'in_guarantee', 'queued', 'issuing', 'uncertain', 'issued',
                      'denied', 'held', 'skipped', 'cancelling', 'cancelled', 'cancel_refused')),
    code          text,
    detail        text NOT NULL DEFAULT '',
    attention     text,                       -- a code a person should look at
    amount        bigint NOT NULL,            -- centavos: what the nota says or would say
    moment_at     timestamptz,
    issue_at      timestamptz,
    competencia   date,
    rule_version  integer,
    rule_exception integer,
    origin        text NOT NULL CHECK (origin IN ('webhook', 'reconciler', 'backfill')),
    customer_id   bigint,
    customer_name text NOT NULL DEFAULT '',
    document_word bytea,                      -- keyed hash of the CPF or CNPJ, for searching
    customer      bytea,                      -- sealed JSON as read when last needed
    unread        bytea,                      -- sealed: the answer that could not be read
    wish          text CHECK (wish IN ('hold', 'issue', 'cancel')),
    wish_at       timestamptz,
    backfill      text CHECK (backfill IN ('original', 'today')),
    created_at    timestamptz NOT NULL DEFAULT now(),
    updated_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, bill_id),
    CHECK ((status IN ('held', 'skipped')) <= (code IS NOT NULL))
);

ALTER TABLE sales ALTER COLUMN customer SET STORAGE EXTERNAL;
ALTER TABLE sales SET (toast_tuple_target = 8160);

CREATE INDEX sales_by_status ON sales (tenant_id, status, bill_id);
CREATE INDEX sales_by_moment ON sales (tenant_id, moment_at);
CREATE INDEX sales_by_document ON sales (tenant_id, document_word) WHERE document_word IS NOT NULL;

-- One row a document wanted. Written as `sending` before the first request leaves.
CREATE TABLE notas (
    tenant_id     text NOT NULL,
    bill_id       bigint NOT NULL,
    part          smallint NOT NULL DEFAULT 0,
    revision      integer NOT NULL CHECK (revision >= 1),
    external_id   text NOT NULL CHECK (external_id ~ '^[A-Za-z0-9_-]{1,50}$'),
    issuer_id     text,
    status        text NOT NULL CHECK (status IN (
                      'sending', 'uncertain', 'pending', 'issued', 'denied', 'cancelling',
                      'cancelled', 'cancel_refused')),
    raw_status    text,
    environment   text NOT NULL,
    amount        bigint NOT NULL,
    competencia   date NOT NULL,
    request       bytea NOT NULL,             -- sealed draft as sent
    request_hash  bytea NOT NULL,
    number        text,
    verification_code text,
    has_pdf       boolean NOT NULL DEFAULT false,
    has_xml       boolean NOT NULL DEFAULT false,
    denial        text,                       -- denied_*
    reason        bytea,                      -- sealed: the issuer's own words may hold names
    sends         integer NOT NULL DEFAULT 1,
    lookups       integer NOT NULL DEFAULT 0, -- look-ups since the answer was lost
    look_up_at    timestamptz,
    resend        boolean NOT NULL DEFAULT false,
    then_cancel   text,                       -- cancel once issued, and why
    changed_at    timestamptz,                -- the issuer's clock: older news is not believed
    sent_at       timestamptz,
    issued_at     timestamptz,
    cancel_sent_at timestamptz,
    cancelled_at  timestamptz,
    created_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, bill_id, part, revision),
    UNIQUE (tenant_id, external_id),
    FOREIGN KEY (tenant_id, bill_id) REFERENCES sales (tenant_id, bill_id)
);

ALTER TABLE notas ALTER COLUMN request SET STORAGE EXTERNAL;

-- Never two live notas for one sale: the database itself refuses (design D5).
CREATE UNIQUE INDEX notas_one_live ON notas (tenant_id, bill_id, part) WHERE status <> 'cancelled';

CREATE TABLE timeline (
    tenant_id text NOT NULL,
    bill_id   bigint NOT NULL,
    entry_id  bigint GENERATED ALWAYS AS IDENTITY,
    at        timestamptz NOT NULL DEFAULT clock_timestamp(),
    what      text NOT NULL,                  -- a stable word
    why       text NOT NULL DEFAULT '',
    by        text NOT NULL,
    PRIMARY KEY (tenant_id, bill_id, entry_id)
);

CREATE TABLE audit (
    tenant_id text NOT NULL,                  -- '-' for what belongs to no tenant
    entry_id  bigint GENERATED ALWAYS AS IDENTITY,
    at        timestamptz NOT NULL DEFAULT now(),
    actor     text NOT NULL,
    action    text NOT NULL,
    detail    jsonb NOT NULL DEFAULT '{}',
    PRIMARY KEY (tenant_id, entry_id)
);

CREATE TABLE idempotency_keys (
    tenant_id    text NOT NULL,               -- '-' where the call names no tenant
    actor        text NOT NULL,
    key          text NOT NULL,
    request_hash bytea NOT NULL,
    status       smallint,                    -- NULL while the first call is still running
    response     jsonb,
    created_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, actor, key)
);
