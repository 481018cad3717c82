-- Why: where tenants are spread over nodes (Citus), what is asked of all of them before a day is made
-- is a query of its own, with a column, and comes by the one connection to each node that makes the
-- day.
CREATE OR REPLACE FUNCTION make_event_day(of_day date) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $body$
DECLARE
    one text := 'events_' || to_char(of_day, 'YYYYMMDD');
    since timestamptz := of_day::timestamp AT TIME ZONE 'UTC';
    until timestamptz := (of_day + 1)::timestamp AT TIME ZONE 'UTC';
BEGIN
    SET LOCAL citus.multi_shard_modify_mode = 'sequential';  -- means nothing to PostgreSQL alone
    EXECUTE format('CREATE TABLE public.%I (LIKE public.events INCLUDING ALL, CONSTRAINT %I'
                   ' CHECK (received_at >= %L AND received_at < %L))',
                   one, one || '_day', since, until);
    PERFORM 1 FROM public.events_default
      WHERE received_at >= since AND received_at < until LIMIT 1;
    IF FOUND THEN
        LOCK TABLE public.events_default IN ACCESS EXCLUSIVE MODE;
        EXECUTE format('INSERT INTO public.%I SELECT * FROM public.events_default'
                       ' WHERE received_at >= %L AND received_at < %L', one, since, until);
        DELETE FROM public.events_default WHERE received_at >= since AND received_at < until;
    END IF;
    EXECUTE format('ALTER TABLE public.events ATTACH PARTITION public.%I'
                   ' FOR VALUES FROM (%L) TO (%L)', one, since, until);
    EXECUTE format('ALTER TABLE public.%I DROP CONSTRAINT %I', one, one || '_day');
END $body$;
