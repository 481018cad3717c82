-- Why: a database that was restored, or a replica that took over, lacks what was written last. Notas
-- that were issued then are unknown to it, and would be asked for again. So it remembers which life
-- of which server it belongs to: another one than remembered means that it is an older copy.
CREATE TABLE IF NOT EXISTS database_life (
    one               boolean PRIMARY KEY CHECK (one),
    system_identifier bigint NOT NULL,
    wal_timeline      int NOT NULL,
    seen_at           timestamptz NOT NULL
);

-- Each time that was noticed. What was written from `since` on may be missing; readings of issuers'
-- lists count from `read_after` on, when nothing that left before can still be under way.
CREATE TABLE IF NOT EXISTS restores (
    restore_id int PRIMARY KEY,
    why        text NOT NULL CHECK (why IN ('timeline', 'server', 'older_copy', 'told')),
    since      timestamptz NOT NULL,
    noticed_at timestamptz NOT NULL,
    read_after timestamptz NOT NULL
);

-- A company's list that is to be read for it, before anything more is issued there.
CREATE TABLE IF NOT EXISTS restore_checks (
    tenant_id  text NOT NULL,
    restore_id int NOT NULL,
    company_id text NOT NULL,
    since_on   date NOT NULL,
    until_on   date NOT NULL,
    read_after timestamptz NOT NULL,
    read_at    timestamptz,
    PRIMARY KEY (tenant_id, restore_id, company_id)
);

CREATE INDEX IF NOT EXISTS restore_checks_unread
    ON restore_checks (tenant_id, company_id) WHERE read_at IS NULL;

-- Notas of ours that such a list has and we knew nothing of.
CREATE TABLE IF NOT EXISTS restore_finds (
    tenant_id   text NOT NULL,
    external_id text NOT NULL,
    bill_id     bigint NOT NULL,
    restore_id  int NOT NULL,
    found_at    timestamptz NOT NULL,
    woken_at    timestamptz,
    known_at    timestamptz,
    PRIMARY KEY (tenant_id, external_id)
);

CREATE INDEX IF NOT EXISTS restore_finds_unknown
    ON restore_finds (tenant_id, bill_id) WHERE known_at IS NULL;

DO $$
DECLARE
    one text;
BEGIN
    FOREACH one IN ARRAY ARRAY['restore_checks', 'restore_finds'] LOOP
        EXECUTE format('DROP POLICY IF EXISTS services ON %I', one);
        EXECUTE format('DROP POLICY IF EXISTS panel ON %I', one);
        EXECUTE format('CREATE POLICY services ON %I USING (current_user <> %L)',
                       one, 'notaponte_panel');
        EXECUTE format('CREATE POLICY panel ON %I TO notaponte_panel'
                       ' USING (tenant_id = current_setting(%L, true))',
                       one, 'notaponte.tenant');
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', one);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO notaponte_panel', one);
    END LOOP;
END $$;

-- Whoever connects a company has to know whether there was a restore.
GRANT SELECT ON restores TO notaponte_panel;
