-- Why: what time ends is walked through by key, and a tenant with hundreds of thousands of old sales
-- must not be walked through from its first one again at each batch.
CREATE TABLE IF NOT EXISTS retention_walks (
    tenant_id  text NOT NULL REFERENCES tenants (tenant_id),
    what       text NOT NULL CHECK (what IN ('sales', 'bills')),
    before     timestamptz NOT NULL,                       -- what is older is walked through
    after_at   timestamptz NOT NULL DEFAULT '0001-01-02Z',  -- how far it is
    after_bill bigint NOT NULL DEFAULT 0,
    since      timestamptz NOT NULL DEFAULT '0001-01-02Z',  -- when the walk before it began
    began_at   timestamptz NOT NULL,
    ended_at   timestamptz,                                -- none while it goes on
    PRIMARY KEY (tenant_id, what)
);

DO $$
BEGIN
    DROP POLICY IF EXISTS services ON retention_walks;
    DROP POLICY IF EXISTS granted ON retention_walks;
    DROP POLICY IF EXISTS panel ON retention_walks;
    CREATE POLICY services ON retention_walks USING (current_user <> 'notaponte_panel');
    CREATE POLICY granted ON retention_walks TO notaponte_services USING (true);
    CREATE POLICY panel ON retention_walks TO notaponte_panel
        USING (tenant_id = current_setting('notaponte.tenant', true));
    ALTER TABLE retention_walks ENABLE ROW LEVEL SECURITY;
    GRANT SELECT, INSERT, UPDATE, DELETE ON retention_walks TO notaponte_panel;
    GRANT SELECT, INSERT, UPDATE, DELETE ON retention_walks TO notaponte_services;
END $$;
