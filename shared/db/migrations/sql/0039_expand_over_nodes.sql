-- Why: where tenants are spread over nodes (Citus), a setting reaches the nodes only as a SET LOCAL
-- statement, never through set_config(), and each of them is reached as the role that one has just
-- then. Row-level security is looked after there, so a page saw nothing.
CREATE OR REPLACE FUNCTION see_one_tenant(of_tenant text) RETURNS void
LANGUAGE plpgsql AS $body$
BEGIN
    SET LOCAL citus.propagate_set_commands = 'local';  -- a word without meaning to PostgreSQL alone
    EXECUTE format('SET LOCAL notaponte.tenant = %L', of_tenant);
    SET LOCAL ROLE notaponte_panel;
END $body$;

-- Why: what two roles change of one tenant's rows in one transaction is refused there too. So the
-- owner, who alone may delete from the audit, also tells of it.
CREATE OR REPLACE FUNCTION forget_old_audit(of_tenant text, before timestamptz, most integer)
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
    IF gone > 0 THEN
        INSERT INTO public.audit (tenant_id, actor, action, detail)
        VALUES (of_tenant, 'reconciler', 'retention_swept',
                jsonb_build_object('what', 'audit', 'rows', gone));
    END IF;
    RETURN gone;
END $body$;
