-- Why: texts of refusals are kept by what came last of four instants. By one of them alone the sweep
-- read every text there is of every tenant, some times a day.
CREATE INDEX CONCURRENTLY IF NOT EXISTS notas_with_reason_since
    ON notas (tenant_id, (coalesce(denied_at, cancel_sent_at, changed_at, created_at)))
 WHERE reason IS NOT NULL;

DROP INDEX CONCURRENTLY IF EXISTS notas_with_reason;

-- Together:

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

-- Why: the owner's function takes the audit of a tenant whose day has come, and believes this table,
-- to which services write. So of all that is in it the day is what they cannot choose: they write
-- down one that is a week off at least, never move it, and bring back nothing that is over. The code
-- before is refused every new asking to leave, since its names columns that may no longer be changed:
-- in the panel always, elsewhere where services log in as `notaponte_app`.
DO $$
DECLARE
    spread boolean := false;
BEGIN
    IF to_regclass('pg_dist_partition') IS NOT NULL THEN
        EXECUTE 'SELECT EXISTS (SELECT FROM pg_dist_partition'
                ' WHERE logicalrelid = ''departures''::regclass)' INTO spread;
    END IF;
    IF NOT spread THEN  -- Citus takes no grant of columns: there policies alone stand guard
        REVOKE UPDATE ON departures FROM notaponte_services, notaponte_panel;
        GRANT UPDATE (state, ended_by, ended_at, gone, people, failures, turn_at) ON departures
            TO notaponte_services, notaponte_panel;
    END IF;
    DROP POLICY IF EXISTS notice ON departures;
    DROP POLICY IF EXISTS under_way ON departures;
    DROP POLICY IF EXISTS taken_back ON departures;
    CREATE POLICY notice ON departures AS RESTRICTIVE FOR INSERT
        TO notaponte_services, notaponte_panel
        WITH CHECK (state = 'waiting' AND delete_at >= now() + interval '7 days');
    CREATE POLICY under_way ON departures AS RESTRICTIVE FOR UPDATE
        TO notaponte_services, notaponte_panel
        USING (state IN ('waiting', 'deleting'))
        WITH CHECK (state <> 'deleting' OR delete_at <= now());
    CREATE POLICY taken_back ON departures AS RESTRICTIVE FOR DELETE
        TO notaponte_services, notaponte_panel
        USING (state = 'cancelled');
END $$;
