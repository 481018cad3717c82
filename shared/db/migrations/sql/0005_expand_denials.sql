-- Why: a denial is sorted into its cause when it is written, so that ten thousand of them are one
-- line; an outage is a state of an issuer or city; a tenant's brakes and webhooks out keep theirs.

ALTER TABLE notas
    ADD COLUMN denied_at    timestamptz,
    ADD COLUMN denial_group text,                      -- its cause: the class, or class and text
    ADD COLUMN resend_at    timestamptz,               -- when it is sent again by itself
    ADD COLUMN auto_sends   integer NOT NULL DEFAULT 0;  -- by itself, since a person last asked

CREATE INDEX notas_denied ON notas (tenant_id, denial_group, bill_id) WHERE status = 'denied';

-- An outage as a state. Scope `issuer`: requests for this tenant's company; `city`: what its city
-- hall answers. The row of tenant '-' is the issuer's host, for everybody.
CREATE TABLE issuer_breakers (
    tenant_id   text NOT NULL,
    scope       text NOT NULL CHECK (scope IN ('issuer', 'city', 'host')),
    state       text NOT NULL DEFAULT 'closed' CHECK (state IN ('closed', 'open', 'restarting')),
    since       timestamptz NOT NULL,
    failures    integer NOT NULL DEFAULT 0,   -- in a row while closed
    failing_since timestamptz,
    openings    integer NOT NULL DEFAULT 0,   -- probes in a row that failed
    probe_at    timestamptz,                  -- nothing is sent before
    slots       integer NOT NULL DEFAULT 0,   -- how many may be sent this round
    taken       integer NOT NULL DEFAULT 0,
    round_until timestamptz,                  -- a round nobody reported on ends by itself
    PRIMARY KEY (tenant_id, scope)
);

CREATE TABLE tenant_brakes (
    tenant_id       text PRIMARY KEY REFERENCES tenants,
    notas_a_day     integer CHECK (notas_a_day > 0),
    amount_a_day    bigint CHECK (amount_a_day > 0),   -- centavos
    amount_a_nota   bigint CHECK (amount_a_nota > 0),
    unusual         boolean NOT NULL DEFAULT true,     -- brake far outside the account's history
    code            text,                              -- why it brakes now; NULL while it does not
    braked_at       timestamptz,
    detail          text NOT NULL DEFAULT '',
    free_notas      integer NOT NULL DEFAULT 0,        -- of `free_day`, before the last release
    free_amount     bigint NOT NULL DEFAULT 0,
    free_day        date
);

-- Notas first sent on each local day; counted in the transaction that writes their intent.
CREATE TABLE nota_days (
    tenant_id   text NOT NULL,
    day         date NOT NULL,
    notas       integer NOT NULL DEFAULT 0,
    amount      bigint NOT NULL DEFAULT 0,             -- centavos
    backfilled  integer NOT NULL DEFAULT 0,            -- of them, asked for as past sales
    PRIMARY KEY (tenant_id, day)
) WITH (fillfactor = 70);

ALTER TABLE sales ADD COLUMN brake_free boolean NOT NULL DEFAULT false;  -- released by a person

CREATE TABLE status_webhooks (
    tenant_id   text PRIMARY KEY REFERENCES tenants,
    url         text NOT NULL,
    secret      bytea NOT NULL,                        -- sealed
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE webhook_deliveries (
    tenant_id    text NOT NULL REFERENCES tenants,
    delivery_id  bigint GENERATED ALWAYS AS IDENTITY,
    message_id   uuid NOT NULL DEFAULT gen_random_uuid(),  -- the same for every try
    bill_id      bigint NOT NULL,
    type         text NOT NULL,
    payload      jsonb NOT NULL,                       -- ids, status, code, amount, number
    state        text NOT NULL DEFAULT 'pending'
                 CHECK (state IN ('pending', 'delivered', 'failed')),
    tries        integer NOT NULL DEFAULT 0,
    next_at      timestamptz NOT NULL DEFAULT now(),
    last_status  smallint,
    last_error   text,
    created_at   timestamptz NOT NULL DEFAULT now(),
    delivered_at timestamptz,
    PRIMARY KEY (tenant_id, delivery_id)
);

CREATE INDEX webhook_deliveries_due ON webhook_deliveries (tenant_id, next_at)
    WHERE state = 'pending';

-- Notas at the issuer that we did not ask for, kept up by listing days: before a first issue we
-- look here for one of the same customer, amount and month.
CREATE TABLE foreign_notas (
    tenant_id     text NOT NULL REFERENCES tenants,
    issuer_id     text NOT NULL,
    environment   text NOT NULL,
    document_word bytea NOT NULL,                      -- keyed hash of the customer's CPF or CNPJ
    amount        bigint NOT NULL,                     -- centavos
    competencia   date NOT NULL,
    number        text,
    valid         boolean NOT NULL,                    -- issued or on its way, not denied or cancelled
    PRIMARY KEY (tenant_id, issuer_id)
);

CREATE INDEX foreign_notas_alike ON foreign_notas (tenant_id, document_word, amount) WHERE valid;

CREATE TABLE foreign_nota_marks (
    tenant_id  text PRIMARY KEY REFERENCES tenants,
    company_id text NOT NULL,
    listed_to  date,                                   -- the last UTC day that was listed
    next_at    timestamptz NOT NULL DEFAULT now()
);
