-- Why: texts of refusals and answers that could not be read are kept for a while and no longer;
-- few rows have any, so these two stay small.
CREATE INDEX CONCURRENTLY IF NOT EXISTS notas_with_reason
    ON notas (tenant_id, denied_at) WHERE reason IS NOT NULL;

CREATE INDEX CONCURRENTLY IF NOT EXISTS sales_unread
    ON sales (tenant_id, updated_at) WHERE unread IS NOT NULL;

-- Together:

-- Why: a person may ask that what no law keeps of them is erased (LGPD, art. 18). The asking
-- outlives the work: it goes on batch by batch, and what arrives later is erased too. It names the
-- customer by Vindi's number alone; `who` is what to look for in texts, sealed, while it runs.
CREATE TABLE IF NOT EXISTS erasures (
    tenant_id     text NOT NULL,
    erasure_id    text NOT NULL,
    ticket        text NOT NULL CHECK (length(ticket) BETWEEN 1 AND 100),
    reason        text NOT NULL CHECK (length(reason) BETWEEN 1 AND 500),
    asked_by      text NOT NULL,
    asked_at      timestamptz NOT NULL,
    customers     bigint[] NOT NULL DEFAULT '{}',
    document_word bytea,
    bills         bigint[] NOT NULL DEFAULT '{}',
    who           bytea,
    state         text NOT NULL DEFAULT 'queued'
                  CHECK (state IN ('queued', 'running', 'completed')),
    phase         text NOT NULL DEFAULT 'sales'
                  CHECK (phase IN ('sales', 'bills', 'words', 'events', 'texts', 'rows')),
    after_bill    bigint NOT NULL DEFAULT 0,
    after_at      timestamptz,
    after_event   uuid,
    since         timestamptz,
    began_at      timestamptz,
    failures      int NOT NULL DEFAULT 0,
    turn_at       timestamptz NOT NULL,
    runs          int NOT NULL DEFAULT 0,
    erased        jsonb NOT NULL DEFAULT '{}',
    kept          jsonb NOT NULL DEFAULT '[]',
    completed_at  timestamptz,
    PRIMARY KEY (tenant_id, erasure_id)
);
CREATE INDEX IF NOT EXISTS erasures_turn ON erasures (turn_at);

-- Why: a company that leaves is disconnected at once and deleted after some days, until which it
-- may come back. The row outlives the tenant: it says when, by whom and how much, and nothing else.
CREATE TABLE IF NOT EXISTS departures (
    tenant_id  text PRIMARY KEY,
    reason     text NOT NULL CHECK (length(reason) BETWEEN 1 AND 500),
    asked_by   text NOT NULL,
    asked_at   timestamptz NOT NULL,
    delete_at  timestamptz NOT NULL,
    state      text NOT NULL CHECK (state IN ('waiting', 'cancelled', 'deleting', 'deleted')),
    ended_by   text,
    ended_at   timestamptz,
    gone       jsonb NOT NULL DEFAULT '{}',
    people     int NOT NULL DEFAULT 0,
    failures   int NOT NULL DEFAULT 0,
    turn_at    timestamptz NOT NULL,
    CHECK (delete_at >= asked_at)
);
CREATE INDEX IF NOT EXISTS departures_turn ON departures (turn_at)
    WHERE state IN ('waiting', 'deleting');

DO $$
DECLARE
    one text;
BEGIN
    FOREACH one IN ARRAY ARRAY['erasures', 'departures'] LOOP
        EXECUTE format('DROP POLICY IF EXISTS services ON %I', one);
        EXECUTE format('DROP POLICY IF EXISTS granted ON %I', one);
        EXECUTE format('DROP POLICY IF EXISTS panel ON %I', one);
        EXECUTE format('CREATE POLICY services ON %I USING (current_user <> %L)',
                       one, 'notaponte_panel');
        EXECUTE format('CREATE POLICY granted ON %I TO notaponte_services USING (true)', one);
        EXECUTE format('CREATE POLICY panel ON %I TO notaponte_panel'
                       ' USING (tenant_id = current_setting(%L, true))',
                       one, 'notaponte.tenant');
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', one);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO notaponte_panel', one);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO notaponte_services', one);
    END LOOP;
END $$;

-- Why: services add to the audit and cannot take from it. These two take from it as the owner, and
-- only what is over: of a tenant whose time to leave has come, or what is older than five years,
-- for which the law on taxes asks.
CREATE OR REPLACE FUNCTION forget_audit_of_departed(of_tenant text, most int) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $body$
DECLARE
    gone bigint;
BEGIN
    IF NOT EXISTS (SELECT FROM public.departures d WHERE d.tenant_id = of_tenant
                      AND d.state = 'deleting' AND d.delete_at <= now()) THEN
        RAISE EXCEPTION 'tenant % has not departed', of_tenant USING ERRCODE = 'check_violation';
    END IF;
    DELETE FROM public.audit a WHERE a.tenant_id = of_tenant AND a.entry_id IN (
        SELECT b.entry_id FROM public.audit b WHERE b.tenant_id = of_tenant
         ORDER BY b.entry_id LIMIT most);
    GET DIAGNOSTICS gone = ROW_COUNT;
    RETURN gone;
END $body$;

CREATE OR REPLACE FUNCTION forget_old_audit(of_tenant text, before timestamptz, most int)
RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $body$
DECLARE
    gone bigint;
BEGIN
    IF before > now() - interval '5 years' THEN
        RAISE EXCEPTION 'the audit is kept for five years' USING ERRCODE = 'check_violation';
    END IF;
    DELETE FROM public.audit a WHERE a.tenant_id = of_tenant AND a.entry_id IN (
        SELECT b.entry_id FROM public.audit b WHERE b.tenant_id = of_tenant AND b.at < before
         ORDER BY b.entry_id LIMIT most);
    GET DIAGNOSTICS gone = ROW_COUNT;
    RETURN gone;
END $body$;

REVOKE ALL ON FUNCTION forget_audit_of_departed(text, int),
                       forget_old_audit(text, timestamptz, int) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION forget_audit_of_departed(text, int),
                          forget_old_audit(text, timestamptz, int) TO notaponte_services;
