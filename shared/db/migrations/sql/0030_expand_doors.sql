-- Why: an address that hangs or is not there rests, so that it takes no place from others' in the
-- line; the rest is kept here, where every process sees it.
ALTER TABLE status_webhooks
    ADD COLUMN IF NOT EXISTS failures int NOT NULL DEFAULT 0,
    ADD COLUMN IF NOT EXISTS failing_since timestamptz,
    ADD COLUMN IF NOT EXISTS rest_until timestamptz;

-- Why: what could not be delivered for days ends, with its word; a person may ask again, and then
-- the days count from there. The code before says 'failed'.
ALTER TABLE webhook_deliveries
    ADD COLUMN IF NOT EXISTS asked_at timestamptz NOT NULL DEFAULT now();
ALTER TABLE webhook_deliveries DROP CONSTRAINT IF EXISTS webhook_deliveries_state_check;
ALTER TABLE webhook_deliveries ADD CONSTRAINT webhook_deliveries_state_check
    CHECK (state IN ('pending', 'delivered', 'failed', 'given_up')) NOT VALID;
ALTER TABLE webhook_deliveries VALIDATE CONSTRAINT webhook_deliveries_state_check;

-- Why: who sends to an address that was replaced is its owner's old set-up, and health may say so;
-- who sends to one that leaked and was revoked is evidence of nothing.
ALTER TABLE webhook_secrets ADD COLUMN IF NOT EXISTS revoked boolean NOT NULL DEFAULT false;

-- Why: who calls the internal API is named, may do so much, until a day; a copy of the database lets
-- nobody in. A name is never used twice, since histories show it.
CREATE TABLE IF NOT EXISTS internal_tokens (
    name       text PRIMARY KEY CHECK (name ~ '^[A-Za-z0-9._-]{1,40}$'),
    token_hash bytea NOT NULL CHECK (length(token_hash) = 32),
    scope      text NOT NULL CHECK (scope IN ('read', 'support', 'operator')),
    made_by    text NOT NULL,
    made_at    timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz,
    used_at    timestamptz
);
CREATE UNIQUE INDEX IF NOT EXISTS internal_tokens_hash ON internal_tokens (token_hash);
