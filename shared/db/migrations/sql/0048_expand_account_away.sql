-- Why: two tenants whose accounts of Vindi were swapped, and swapped back, each issued what the other had
-- issued meanwhile; and what an account sold while another stood in its place by mistake was read by
-- nobody. It is kept since when each former account was left, and of the one in use from when to when
-- another tenant had it. At once, whatever the size.
ALTER TABLE vindi_connections
    ADD COLUMN IF NOT EXISTS left_at jsonb NOT NULL DEFAULT '{}',  -- of those before, by account
    ADD COLUMN IF NOT EXISTS away_from timestamptz,
    ADD COLUMN IF NOT EXISTS away_until timestamptz;
