-- Why: a tenant that goes on to another account of Vindi would issue what that account sold before,
-- back to the tenant's activation, which somebody else may have issued. Each account has its own
-- line: the instant it was first connected at, none for the first one. At once, whatever the size.
ALTER TABLE vindi_connections
    ADD COLUMN IF NOT EXISTS line_from timestamptz,  -- of the account connected now
    ADD COLUMN IF NOT EXISTS lines jsonb NOT NULL DEFAULT '{}';  -- of those before, by account
