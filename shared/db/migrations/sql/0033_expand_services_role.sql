-- Why: whoever gets a statement of their own into a service must not be able to change a table's
-- shape, switch off its guards, read files or run programs. Services log in as a member of this role.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'notaponte_services') THEN
        CREATE ROLE notaponte_services NOLOGIN;
    END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
    NULL;
END $$;

-- Services take the panel's role on for a page; from PostgreSQL 16 on that is a right of its own.
DO $$
DECLARE
    needed text := CASE WHEN current_setting('server_version_num')::int >= 160000
                        THEN 'SET' ELSE 'MEMBER' END;
BEGIN
    IF NOT pg_has_role('notaponte_services', 'notaponte_panel', needed) THEN
        GRANT notaponte_panel TO notaponte_services;
    END IF;
END $$;

-- What is made later, partitions among it, is theirs to use as soon as it is there.
ALTER DEFAULT PRIVILEGES IN SCHEMA public
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO notaponte_services;

ALTER DEFAULT PRIVILEGES IN SCHEMA public
    GRANT USAGE ON SEQUENCES TO notaponte_services;

-- A table at a time, so that none is locked longer than its own change takes. The policy says `true`
-- and nothing else: the planner drops it, and with it all that a guard costs a hot statement.
DO $$
DECLARE
    one record;
BEGIN
    FOR one IN
        SELECT c.relname, c.relrowsecurity AS guarded FROM pg_class c
         WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
           AND c.relname <> 'alembic_version'
           AND pg_has_role(c.relowner, 'MEMBER')
         ORDER BY 1
    LOOP
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO notaponte_services',
                       one.relname);
        IF one.guarded THEN
            EXECUTE format('DROP POLICY IF EXISTS granted ON %I', one.relname);
            EXECUTE format('CREATE POLICY granted ON %I TO notaponte_services USING (true)',
                           one.relname);
        END IF;
        COMMIT;
    END LOOP;
END $$;

-- Together:

GRANT SELECT ON alembic_version TO notaponte_services;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO notaponte_services;

-- What was done is told once: services add to the audit and read it.
REVOKE UPDATE, DELETE ON audit FROM notaponte_services, notaponte_panel;

-- Why: days of the raw events come and go while services run, and whoever makes or drops a partition
-- owns the table. These three do that and nothing else, for a day, as the owner.
CREATE OR REPLACE FUNCTION make_event_day(of_day date) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $body$
DECLARE
    one text := 'events_' || to_char(of_day, 'YYYYMMDD');
    since timestamptz := of_day::timestamp AT TIME ZONE 'UTC';
    until timestamptz := (of_day + 1)::timestamp AT TIME ZONE 'UTC';
BEGIN
    EXECUTE format('CREATE TABLE public.%I (LIKE public.events INCLUDING ALL, CONSTRAINT %I'
                   ' CHECK (received_at >= %L AND received_at < %L))',
                   one, one || '_day', since, until);
    IF EXISTS (SELECT FROM public.events_default
                WHERE received_at >= since AND received_at < until) THEN
        LOCK TABLE public.events_default IN ACCESS EXCLUSIVE MODE;
        EXECUTE format('INSERT INTO public.%I SELECT * FROM public.events_default'
                       ' WHERE received_at >= %L AND received_at < %L', one, since, until);
        DELETE FROM public.events_default WHERE received_at >= since AND received_at < until;
    END IF;
    EXECUTE format('ALTER TABLE public.events ATTACH PARTITION public.%I'
                   ' FOR VALUES FROM (%L) TO (%L)', one, since, until);
    EXECUTE format('ALTER TABLE public.%I DROP CONSTRAINT %I', one, one || '_day');
END $body$;

CREATE OR REPLACE FUNCTION empty_event_day(of_day date) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $body$
BEGIN
    EXECUTE format('TRUNCATE public.%I', 'events_' || to_char(of_day, 'YYYYMMDD'));
END $body$;

CREATE OR REPLACE FUNCTION drop_event_day(of_day date) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $body$
BEGIN
    EXECUTE format('DROP TABLE IF EXISTS public.%I', 'events_' || to_char(of_day, 'YYYYMMDD'));
END $body$;

REVOKE ALL ON FUNCTION make_event_day(date), empty_event_day(date), drop_event_day(date) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION make_event_day(date), empty_event_day(date), drop_event_day(date)
    TO notaponte_services;
