-- Made by `make schema` from the migrations; nobody edits it.

CREATE FUNCTION public.drop_event_day(of_day date) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
BEGIN
    EXECUTE format('DROP TABLE IF EXISTS public.%I', 'events_' || to_char(of_day, 'YYYYMMDD'));
END $$;

CREATE FUNCTION public.empty_event_day(of_day date) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
BEGIN
    EXECUTE format('TRUNCATE public.%I', 'events_' || to_char(of_day, 'YYYYMMDD'));
END $$;

CREATE FUNCTION public.forget_audit_of_departed(of_tenant text, most integer) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
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
END $$;

CREATE FUNCTION public.forget_old_audit(of_tenant text, before timestamp with time zone, most integer) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
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
END $$;

CREATE FUNCTION public.make_event_day(of_day date) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
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
END $$;

CREATE FUNCTION public.see_one_tenant(of_tenant text) RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
    SET LOCAL citus.propagate_set_commands = 'local';  -- a word without meaning to PostgreSQL alone
    EXECUTE format('SET LOCAL notaponte.tenant = %L', of_tenant);
    SET LOCAL ROLE notaponte_panel;
END $$;

CREATE TABLE public.accepted_notas (
    tenant_id text NOT NULL,
    issuer_id text NOT NULL,
    external_id text,
    number text,
    amount bigint,
    competencia date NOT NULL,
    created_on date NOT NULL,
    reason text NOT NULL,
    accepted_by text NOT NULL,
    accepted_at timestamp with time zone NOT NULL,
    CONSTRAINT accepted_notas_reason_check CHECK (((length(reason) >= 1) AND (length(reason) <= 500)))
);

CREATE TABLE public.audit (
    tenant_id text NOT NULL,
    entry_id bigint NOT NULL,
    at timestamp with time zone DEFAULT now() NOT NULL,
    actor text NOT NULL,
    action text NOT NULL,
    detail jsonb DEFAULT '{}'::jsonb NOT NULL
);

ALTER TABLE public.audit ALTER COLUMN entry_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.audit_entry_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.backfill_bills (
    tenant_id text NOT NULL,
    backfill_id text NOT NULL,
    bill_id bigint NOT NULL,
    month text NOT NULL,
    amount bigint NOT NULL,
    outcome text NOT NULL,
    code text,
    to_issue bigint DEFAULT 0 NOT NULL,
    customer_id bigint,
    charges bigint[] DEFAULT '{}'::bigint[] NOT NULL,
    refunds jsonb DEFAULT '{}'::jsonb NOT NULL,
    body bytea,
    read_at timestamp with time zone,
    taken_before boolean DEFAULT false NOT NULL,
    CONSTRAINT backfill_bills_check CHECK (((outcome = ANY (ARRAY['refunds'::text, 'customer'::text, 'ready'::text])) = (body IS NOT NULL))),
    CONSTRAINT backfill_bills_outcome_check CHECK ((outcome = ANY (ARRAY['refunds'::text, 'customer'::text, 'ready'::text, 'issue'::text, 'wait'::text, 'hold'::text, 'skip'::text, 'known'::text])))
)
WITH (autovacuum_vacuum_scale_factor='0.01', autovacuum_vacuum_cost_delay='0');

CREATE TABLE public.backfill_customers (
    tenant_id text NOT NULL,
    backfill_id text NOT NULL,
    customer_id bigint NOT NULL,
    body bytea,
    problem text,
    CONSTRAINT backfill_customers_check CHECK (((body IS NULL) = (problem IS NOT NULL)))
);

CREATE TABLE public.backfills (
    tenant_id text NOT NULL,
    backfill_id text NOT NULL,
    status text DEFAULT 'queued'::text NOT NULL,
    dry_run boolean NOT NULL,
    since date NOT NULL,
    until date,
    competencia text NOT NULL,
    rule jsonb,
    requested_by text NOT NULL,
    reason text NOT NULL,
    requested_at timestamp with time zone DEFAULT now() NOT NULL,
    started_at timestamp with time zone,
    finished_at timestamp with time zone,
    error text,
    attempt bigint DEFAULT 0 NOT NULL,
    lease_until timestamp with time zone,
    not_before timestamp with time zone,
    failures integer DEFAULT 0 NOT NULL,
    phase text DEFAULT 'bills'::text NOT NULL,
    anchor timestamp with time zone,
    page integer DEFAULT 1 NOT NULL,
    reading text DEFAULT 'brasilia'::text NOT NULL,
    rows_read bigint DEFAULT 0 NOT NULL,
    rows_left bigint,
    summary jsonb,
    seen bigint[] DEFAULT '{}'::bigint[] NOT NULL,
    list_total bigint,
    again integer DEFAULT 0 NOT NULL,
    omitted boolean DEFAULT false NOT NULL,
    account text,
    CONSTRAINT backfills_check CHECK (((until IS NULL) OR (until >= since))),
    CONSTRAINT backfills_check1 CHECK (((status = ANY (ARRAY['completed'::text, 'failed'::text, 'cancelled'::text])) = (finished_at IS NOT NULL))),
    CONSTRAINT backfills_competencia_check CHECK ((competencia = ANY (ARRAY['original'::text, 'today'::text]))),
    CONSTRAINT backfills_phase_check CHECK ((phase = ANY (ARRAY['bills'::text, 'late'::text, 'whole'::text, 'rest'::text]))),
    CONSTRAINT backfills_reading_check CHECK ((reading = ANY (ARRAY['brasilia'::text, 'utc'::text, 'plain'::text]))),
    CONSTRAINT backfills_status_check CHECK ((status = ANY (ARRAY['queued'::text, 'running'::text, 'completed'::text, 'failed'::text, 'cancelled'::text])))
);

CREATE TABLE public.bills (
    tenant_id text NOT NULL,
    bill_id bigint NOT NULL,
    status text NOT NULL,
    amount bigint NOT NULL,
    moment_amount bigint NOT NULL,
    customer_id bigint NOT NULL,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    created_moment timestamp with time zone,
    paid_moment timestamp with time zone,
    recorded_at timestamp with time zone,
    came_alive_at timestamp with time zone,
    refunds jsonb DEFAULT '{}'::jsonb NOT NULL,
    refunds_read_at timestamp with time zone,
    body bytea NOT NULL,
    read_at timestamp with time zone NOT NULL,
    charges_paid_at timestamp with time zone[] DEFAULT '{}'::timestamp with time zone[] NOT NULL,
    paid_seen_at timestamp with time zone,
    unpaid_seen_at timestamp with time zone,
    refunded_at timestamp with time zone
)
WITH (toast_tuple_target='8160');
ALTER TABLE ONLY public.bills ALTER COLUMN body SET STORAGE EXTERNAL;

CREATE TABLE public.bulk_jobs (
    tenant_id text NOT NULL,
    job_id text NOT NULL,
    action text NOT NULL,
    reason text NOT NULL,
    about text DEFAULT ''::text NOT NULL,
    asked_by text NOT NULL,
    asked_at timestamp with time zone NOT NULL,
    once_word text NOT NULL,
    bills bigint[] NOT NULL,
    status text DEFAULT 'queued'::text NOT NULL,
    done integer DEFAULT 0 NOT NULL,
    accepted integer DEFAULT 0 NOT NULL,
    failures integer DEFAULT 0 NOT NULL,
    started_at timestamp with time zone,
    turn_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone,
    CONSTRAINT bulk_jobs_action_check CHECK ((action = ANY (ARRAY['retry'::text, 'hold'::text, 'release'::text, 'issue'::text, 'cancel'::text]))),
    CONSTRAINT bulk_jobs_check CHECK (((done >= 0) AND (done <= cardinality(bills)))),
    CONSTRAINT bulk_jobs_status_check CHECK ((status = ANY (ARRAY['queued'::text, 'running'::text, 'completed'::text, 'cancelled'::text, 'failed'::text])))
);

CREATE TABLE public.bulk_refusals (
    tenant_id text NOT NULL,
    job_id text NOT NULL,
    bill_id bigint NOT NULL,
    code text NOT NULL,
    why text NOT NULL
);

CREATE TABLE public.closing_checks (
    tenant_id text NOT NULL,
    month date NOT NULL,
    status text DEFAULT 'queued'::text NOT NULL,
    requested_by text NOT NULL,
    requested_at timestamp with time zone DEFAULT now() NOT NULL,
    started_at timestamp with time zone,
    finished_at timestamp with time zone,
    error text,
    attempt bigint DEFAULT 0 NOT NULL,
    lease_until timestamp with time zone,
    not_before timestamp with time zone,
    failures integer DEFAULT 0 NOT NULL,
    phase text DEFAULT 'known'::text NOT NULL,
    cursor bigint DEFAULT 0 NOT NULL,
    bills_total bigint DEFAULT 0 NOT NULL,
    bills_read bigint DEFAULT 0 NOT NULL,
    differed bigint DEFAULT 0 NOT NULL,
    found bigint DEFAULT 0 NOT NULL,
    CONSTRAINT closing_checks_check CHECK (((status = ANY (ARRAY['completed'::text, 'failed'::text])) = (finished_at IS NOT NULL))),
    CONSTRAINT closing_checks_month_check CHECK ((EXTRACT(day FROM month) = (1)::numeric)),
    CONSTRAINT closing_checks_phase_check CHECK ((phase = ANY (ARRAY['known'::text, 'charges'::text, 'bills'::text]))),
    CONSTRAINT closing_checks_status_check CHECK ((status = ANY (ARRAY['queued'::text, 'running'::text, 'completed'::text, 'failed'::text])))
);

CREATE TABLE public.closing_locks (
    tenant_id text NOT NULL,
    month date NOT NULL,
    locked_at timestamp with time zone DEFAULT now() NOT NULL,
    locked_by text NOT NULL,
    reason text NOT NULL,
    forced boolean NOT NULL,
    figures jsonb NOT NULL,
    CONSTRAINT closing_locks_month_check CHECK ((EXTRACT(day FROM month) = (1)::numeric))
);

CREATE TABLE public.company_breakers (
    tenant_id text NOT NULL,
    cause text,
    state text DEFAULT 'closed'::text NOT NULL,
    since timestamp with time zone NOT NULL,
    failures integer DEFAULT 0 NOT NULL,
    failing_since timestamp with time zone,
    openings integer DEFAULT 0 NOT NULL,
    probe_at timestamp with time zone,
    slots integer DEFAULT 0 NOT NULL,
    taken integer DEFAULT 0 NOT NULL,
    round_until timestamp with time zone,
    CONSTRAINT company_breakers_state_check CHECK ((state = ANY (ARRAY['closed'::text, 'open'::text, 'restarting'::text])))
);

CREATE TABLE public.database_life (
    one boolean NOT NULL,
    system_identifier bigint NOT NULL,
    wal_timeline integer NOT NULL,
    seen_at timestamp with time zone NOT NULL,
    older_code_until timestamp with time zone,
    CONSTRAINT database_life_one_check CHECK (one)
);

CREATE TABLE public.departures (
    tenant_id text NOT NULL,
    reason text NOT NULL,
    asked_by text NOT NULL,
    asked_at timestamp with time zone NOT NULL,
    delete_at timestamp with time zone NOT NULL,
    state text NOT NULL,
    ended_by text,
    ended_at timestamp with time zone,
    gone jsonb DEFAULT '{}'::jsonb NOT NULL,
    people integer DEFAULT 0 NOT NULL,
    failures integer DEFAULT 0 NOT NULL,
    turn_at timestamp with time zone NOT NULL,
    CONSTRAINT departures_check CHECK ((delete_at >= asked_at)),
    CONSTRAINT departures_reason_check CHECK (((length(reason) >= 1) AND (length(reason) <= 500))),
    CONSTRAINT departures_state_check CHECK ((state = ANY (ARRAY['waiting'::text, 'cancelled'::text, 'deleting'::text, 'deleted'::text])))
);

CREATE TABLE public.emitters (
    emitter text NOT NULL,
    beats_at timestamp with time zone NOT NULL,
    knows_of timestamp with time zone,
    waits_for text[] DEFAULT '{}'::text[] NOT NULL
);

CREATE TABLE public.erasures (
    tenant_id text NOT NULL,
    erasure_id text NOT NULL,
    ticket text NOT NULL,
    reason text NOT NULL,
    asked_by text NOT NULL,
    asked_at timestamp with time zone NOT NULL,
    customers bigint[] DEFAULT '{}'::bigint[] NOT NULL,
    document_word bytea,
    bills bigint[] DEFAULT '{}'::bigint[] NOT NULL,
    who bytea,
    state text DEFAULT 'queued'::text NOT NULL,
    phase text DEFAULT 'sales'::text NOT NULL,
    after_bill bigint DEFAULT 0 NOT NULL,
    after_at timestamp with time zone,
    after_event uuid,
    since timestamp with time zone,
    began_at timestamp with time zone,
    failures integer DEFAULT 0 NOT NULL,
    turn_at timestamp with time zone NOT NULL,
    runs integer DEFAULT 0 NOT NULL,
    erased jsonb DEFAULT '{}'::jsonb NOT NULL,
    kept jsonb DEFAULT '[]'::jsonb NOT NULL,
    completed_at timestamp with time zone,
    CONSTRAINT erasures_phase_check CHECK ((phase = ANY (ARRAY['sales'::text, 'bills'::text, 'words'::text, 'events'::text, 'texts'::text, 'rows'::text]))),
    CONSTRAINT erasures_reason_check CHECK (((length(reason) >= 1) AND (length(reason) <= 500))),
    CONSTRAINT erasures_state_check CHECK ((state = ANY (ARRAY['queued'::text, 'running'::text, 'completed'::text]))),
    CONSTRAINT erasures_ticket_check CHECK (((length(ticket) >= 1) AND (length(ticket) <= 100)))
);

CREATE TABLE public.events (
    tenant_id text NOT NULL,
    received_at timestamp with time zone DEFAULT now() NOT NULL,
    event_id uuid DEFAULT gen_random_uuid() NOT NULL,
    source text NOT NULL,
    type text,
    bill_id bigint,
    event_at timestamp with time zone,
    flag text,
    headers jsonb DEFAULT '{}'::jsonb NOT NULL,
    body bytea NOT NULL,
    CONSTRAINT events_source_check CHECK ((source = ANY (ARRAY['vindi'::text, 'enotas'::text])))
)
PARTITION BY RANGE (received_at);

CREATE TABLE public.events_default (
    tenant_id text CONSTRAINT events_tenant_id_not_null NOT NULL,
    received_at timestamp with time zone DEFAULT now() CONSTRAINT events_received_at_not_null NOT NULL,
    event_id uuid DEFAULT gen_random_uuid() CONSTRAINT events_event_id_not_null NOT NULL,
    source text CONSTRAINT events_source_not_null NOT NULL,
    type text,
    bill_id bigint,
    event_at timestamp with time zone,
    flag text,
    headers jsonb DEFAULT '{}'::jsonb CONSTRAINT events_headers_not_null NOT NULL,
    body bytea CONSTRAINT events_body_not_null NOT NULL,
    CONSTRAINT events_source_check CHECK ((source = ANY (ARRAY['vindi'::text, 'enotas'::text])))
);

CREATE TABLE public.foreign_nota_marks (
    tenant_id text NOT NULL,
    company_id text NOT NULL,
    listed_to date,
    next_at timestamp with time zone DEFAULT now() NOT NULL,
    listed_from date,
    keeps_documents boolean DEFAULT false NOT NULL
);

CREATE TABLE public.foreign_notas (
    tenant_id text NOT NULL,
    issuer_id text NOT NULL,
    environment text NOT NULL,
    document_word bytea NOT NULL,
    amount bigint NOT NULL,
    competencia date NOT NULL,
    number text,
    valid boolean NOT NULL,
    document bytea
);

CREATE TABLE public.idempotency_keys (
    tenant_id text NOT NULL,
    actor text NOT NULL,
    key text NOT NULL,
    request_hash bytea NOT NULL,
    status smallint,
    response jsonb,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    alive_at timestamp with time zone
);

CREATE TABLE public.internal_tokens (
    name text NOT NULL,
    token_hash bytea NOT NULL,
    scope text NOT NULL,
    made_by text NOT NULL,
    made_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    revoked_at timestamp with time zone,
    used_at timestamp with time zone,
    CONSTRAINT internal_tokens_name_check CHECK ((name ~ '^[A-Za-z0-9._-]{1,40}$'::text)),
    CONSTRAINT internal_tokens_scope_check CHECK ((scope = ANY (ARRAY['read'::text, 'support'::text, 'operator'::text]))),
    CONSTRAINT internal_tokens_token_hash_check CHECK ((length(token_hash) = 32))
);

CREATE TABLE public.issuer_breakers (
    tenant_id text NOT NULL,
    scope text NOT NULL,
    state text DEFAULT 'closed'::text NOT NULL,
    since timestamp with time zone NOT NULL,
    failures integer DEFAULT 0 NOT NULL,
    failing_since timestamp with time zone,
    openings integer DEFAULT 0 NOT NULL,
    probe_at timestamp with time zone,
    slots integer DEFAULT 0 NOT NULL,
    taken integer DEFAULT 0 NOT NULL,
    round_until timestamp with time zone,
    cause text,
    CONSTRAINT issuer_breakers_scope_check CHECK ((scope = ANY (ARRAY['issuer'::text, 'city'::text, 'host'::text]))),
    CONSTRAINT issuer_breakers_state_check CHECK ((state = ANY (ARRAY['closed'::text, 'open'::text, 'restarting'::text])))
);

CREATE TABLE public.issuer_connections (
    tenant_id text NOT NULL,
    kind text NOT NULL,
    environment text NOT NULL,
    api_key bytea NOT NULL,
    key_hint text NOT NULL,
    key_word text NOT NULL,
    company_id text NOT NULL,
    company_name text NOT NULL,
    company_cnpj text,
    notification_header text,
    state text DEFAULT 'ok'::text NOT NULL,
    state_since timestamp with time zone DEFAULT now() NOT NULL,
    state_detail text DEFAULT ''::text NOT NULL,
    not_before timestamp with time zone,
    connected_at timestamp with time zone DEFAULT now() NOT NULL,
    company_city text,
    company_regime text,
    company_facts jsonb,
    checked_at timestamp with time zone,
    CONSTRAINT issuer_connections_environment_check CHECK ((environment = ANY (ARRAY['Homologacao'::text, 'Producao'::text]))),
    CONSTRAINT issuer_connections_key_hint_check CHECK ((length(key_hint) <= 4)),
    CONSTRAINT issuer_connections_kind_check CHECK ((kind = 'enotas'::text))
);

CREATE TABLE public.issuer_days (
    tenant_id text NOT NULL,
    company_id text NOT NULL,
    day date NOT NULL,
    read_at timestamp with time zone,
    wanted_at timestamp with time zone,
    urgent boolean DEFAULT false NOT NULL
);

CREATE TABLE public.issuer_lists (
    tenant_id text NOT NULL,
    lease_until timestamp with time zone,
    attempt bigint DEFAULT 0 NOT NULL,
    not_before timestamp with time zone,
    planned_at timestamp with time zone
);

CREATE TABLE public.issuer_notas (
    tenant_id text NOT NULL,
    company_id text NOT NULL,
    issuer_id text NOT NULL,
    external_id text,
    bill_id bigint,
    valid boolean NOT NULL,
    raw_status text NOT NULL,
    amount bigint,
    competencia date,
    number text,
    created_on date NOT NULL,
    changed_at timestamp with time zone,
    differs text,
    read_at timestamp with time zone NOT NULL
);

CREATE TABLE public.kept_figures (
    tenant_id text NOT NULL,
    name text NOT NULL,
    as_of timestamp with time zone NOT NULL,
    took_ms integer NOT NULL,
    body text NOT NULL,
    outdated_at timestamp with time zone,
    CONSTRAINT kept_figures_name_check CHECK (((length(name) >= 1) AND (length(name) <= 60)))
);

CREATE TABLE public.key_canaries (
    key_id bytea NOT NULL,
    value bytea NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT key_canaries_key_id_check CHECK ((length(key_id) = 4))
);

CREATE TABLE public.memberships (
    tenant_id text NOT NULL,
    person_id text NOT NULL,
    role text NOT NULL,
    added_at timestamp with time zone DEFAULT now() NOT NULL,
    added_by text NOT NULL,
    CONSTRAINT memberships_role_check CHECK ((role = ANY (ARRAY['owner'::text, 'finance'::text, 'accountant'::text])))
);

CREATE TABLE public.month_file_pieces (
    tenant_id text NOT NULL,
    month date NOT NULL,
    kind text NOT NULL,
    attempt integer NOT NULL,
    place integer NOT NULL,
    piece bytea NOT NULL
);

CREATE TABLE public.month_files (
    tenant_id text NOT NULL,
    month date NOT NULL,
    kind text NOT NULL,
    state text DEFAULT 'queued'::text NOT NULL,
    asked_by text NOT NULL,
    asked_at timestamp with time zone NOT NULL,
    attempt integer DEFAULT 1 NOT NULL,
    failures integer DEFAULT 0 NOT NULL,
    lease_until timestamp with time zone,
    rows_done bigint DEFAULT 0 NOT NULL,
    rows_total bigint,
    bytes bigint,
    ready_at timestamp with time zone,
    CONSTRAINT month_files_kind_check CHECK ((kind = ANY (ARRAY['csv-excel'::text, 'csv-excel-notas'::text, 'xlsx'::text]))),
    CONSTRAINT month_files_month_check CHECK ((EXTRACT(day FROM month) = (1)::numeric)),
    CONSTRAINT month_files_state_check CHECK ((state = ANY (ARRAY['queued'::text, 'working'::text, 'ready'::text, 'failed'::text])))
);

CREATE TABLE public.nota_connections (
    tenant_id text NOT NULL,
    connection_id integer NOT NULL,
    kind text NOT NULL,
    environment text NOT NULL,
    api_key bytea NOT NULL,
    key_hint text NOT NULL,
    key_word text NOT NULL,
    company_id text NOT NULL,
    company_name text NOT NULL,
    company_cnpj text,
    state text DEFAULT 'ok'::text NOT NULL,
    state_since timestamp with time zone DEFAULT now() NOT NULL,
    connected_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT nota_connections_connection_id_check CHECK ((connection_id >= 1)),
    CONSTRAINT nota_connections_environment_check CHECK ((environment = ANY (ARRAY['Homologacao'::text, 'Producao'::text]))),
    CONSTRAINT nota_connections_key_hint_check CHECK ((length(key_hint) <= 4)),
    CONSTRAINT nota_connections_kind_check CHECK ((kind = 'enotas'::text))
);

CREATE TABLE public.nota_days (
    tenant_id text NOT NULL,
    day date NOT NULL,
    notas integer DEFAULT 0 NOT NULL,
    amount bigint DEFAULT 0 NOT NULL,
    backfilled integer DEFAULT 0 NOT NULL,
    old integer DEFAULT 0 NOT NULL,
    old_freed integer DEFAULT 0 NOT NULL
)
WITH (fillfactor='70');

CREATE TABLE public.notas (
    tenant_id text NOT NULL,
    bill_id bigint NOT NULL,
    part smallint DEFAULT 0 NOT NULL,
    revision integer NOT NULL,
    external_id text NOT NULL,
    issuer_id text,
    status text NOT NULL,
    raw_status text,
    environment text NOT NULL,
    amount bigint NOT NULL,
    competencia date NOT NULL,
    request bytea NOT NULL,
    number text,
    verification_code text,
    has_pdf boolean DEFAULT false NOT NULL,
    has_xml boolean DEFAULT false NOT NULL,
    denial text,
    reason bytea,
    sends integer DEFAULT 1 NOT NULL,
    lookups integer DEFAULT 0 NOT NULL,
    look_up_at timestamp with time zone,
    resend boolean DEFAULT false NOT NULL,
    then_cancel text,
    changed_at timestamp with time zone,
    sent_at timestamp with time zone,
    issued_at timestamp with time zone,
    cancel_sent_at timestamp with time zone,
    cancelled_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    denied_at timestamp with time zone,
    denial_group text,
    resend_at timestamp with time zone,
    auto_sends integer DEFAULT 0 NOT NULL,
    connection_id integer,
    tied text,
    cancel_code text,
    cancel_tries integer DEFAULT 0 NOT NULL,
    cancel_again_at timestamp with time zone,
    denial_cause text,
    total bigint,
    wish text,
    round integer,
    substitutes integer,
    fiscal_class text,
    fiscal_sent_at timestamp with time zone,
    discount bigint,
    conditional_discount bigint,
    deductions bigint,
    iss bigint,
    pis_withheld bigint,
    cofins_withheld bigint,
    csll_withheld bigint,
    inss_withheld bigint,
    irrf_withheld bigint,
    rps_series text,
    rps_number bigint,
    tied_at timestamp with time zone,
    news_at timestamp with time zone,
    CONSTRAINT notas_external_id_check CHECK (((external_id ~ '^[A-Za-z0-9_-]+$'::text) AND (length(external_id) <= 50))),
    CONSTRAINT notas_fiscal_check CHECK ((LEAST(discount, conditional_discount, deductions, iss, pis_withheld, cofins_withheld, csll_withheld, inss_withheld, irrf_withheld) >= 0)),
    CONSTRAINT notas_revision_check CHECK ((revision >= 1)),
    CONSTRAINT notas_status_check CHECK ((status = ANY (ARRAY['sending'::text, 'uncertain'::text, 'pending'::text, 'issued'::text, 'denied'::text, 'cancelling'::text, 'cancelled'::text, 'cancel_refused'::text]))),
    CONSTRAINT notas_wish_check CHECK ((wish = ANY (ARRAY['cancel'::text, 'issue'::text, 'substitute'::text])))
);
ALTER TABLE ONLY public.notas ALTER COLUMN request SET STORAGE EXTERNAL;

CREATE TABLE public.outbox (
    tenant_id text NOT NULL,
    bill_id bigint NOT NULL,
    state text DEFAULT 'due'::text NOT NULL,
    lane smallint DEFAULT 0 NOT NULL,
    due_at timestamp with time zone NOT NULL,
    generation bigint DEFAULT 1 NOT NULL,
    bill_facts bigint DEFAULT 0 NOT NULL,
    bill_facts_read bigint DEFAULT 0 NOT NULL,
    heard_at timestamp with time zone,
    attempt bigint DEFAULT 0 NOT NULL,
    tries integer DEFAULT 0 NOT NULL,
    lease_until timestamp with time zone,
    leased_by text,
    origin text NOT NULL,
    issuer_facts bigint DEFAULT 0 NOT NULL,
    issuer_facts_read bigint DEFAULT 0 NOT NULL,
    traceparent character varying(55),
    traced_at timestamp with time zone,
    asked_facts bigint DEFAULT 0 NOT NULL,
    CONSTRAINT outbox_bill_id_check CHECK ((bill_id > 0)),
    CONSTRAINT outbox_check CHECK (((state = 'leased'::text) = (lease_until IS NOT NULL))),
    CONSTRAINT outbox_lane_check CHECK (((lane >= 0) AND (lane <= 2))),
    CONSTRAINT outbox_origin_check CHECK ((origin = ANY (ARRAY['webhook'::text, 'reconciler'::text, 'backfill'::text]))),
    CONSTRAINT outbox_state_check CHECK ((state = ANY (ARRAY['due'::text, 'leased'::text, 'settled'::text])))
)
WITH (fillfactor='70', autovacuum_vacuum_scale_factor='0.01', autovacuum_vacuum_cost_delay='0');

CREATE TABLE public.panel_sessions (
    token_hash bytea NOT NULL,
    person_id text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    seen_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    wants_code boolean DEFAULT false NOT NULL,
    CONSTRAINT panel_sessions_token_hash_check CHECK ((length(token_hash) = 32))
);

CREATE TABLE public.people (
    person_id text NOT NULL,
    email_word bytea NOT NULL,
    email bytea NOT NULL,
    name text NOT NULL,
    password text NOT NULL,
    staff text,
    totp bytea,
    totp_step bigint DEFAULT 0 NOT NULL,
    recovery text[] DEFAULT '{}'::text[] NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    password_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT people_name_check CHECK (((length(name) >= 1) AND (length(name) <= 200))),
    CONSTRAINT people_person_id_check CHECK ((person_id ~ '^p[a-z0-9]{10}$'::text)),
    CONSTRAINT people_staff_check CHECK ((staff = ANY (ARRAY['support'::text, 'operator'::text])))
);

CREATE TABLE public.person_identities (
    identity_word bytea NOT NULL,
    identity bytea NOT NULL,
    person_id text NOT NULL,
    made_at timestamp with time zone NOT NULL
);

CREATE TABLE public.person_links (
    tenant_id text NOT NULL,
    token_hash bytea NOT NULL,
    kind text NOT NULL,
    role text,
    email bytea,
    person_id text,
    made_by text NOT NULL,
    made_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    used_at timestamp with time zone,
    CONSTRAINT person_links_check CHECK (((kind = 'invitation'::text) = (role IS NOT NULL))),
    CONSTRAINT person_links_check1 CHECK (((kind = 'password'::text) = (person_id IS NOT NULL))),
    CONSTRAINT person_links_kind_check CHECK ((kind = ANY (ARRAY['invitation'::text, 'password'::text]))),
    CONSTRAINT person_links_role_check CHECK ((role = ANY (ARRAY['owner'::text, 'finance'::text, 'accountant'::text, 'support'::text, 'operator'::text]))),
    CONSTRAINT person_links_token_hash_check CHECK ((length(token_hash) = 32))
);

CREATE TABLE public.reconciler_passes (
    tenant_id text NOT NULL,
    next_pass_at timestamp with time zone NOT NULL,
    lease_until timestamp with time zone,
    leased_by text,
    attempt bigint DEFAULT 0 NOT NULL,
    failures integer DEFAULT 0 NOT NULL,
    bills_mark timestamp with time zone NOT NULL,
    charges_mark timestamp with time zone NOT NULL,
    refunds_mark timestamp with time zone NOT NULL,
    complete_at timestamp with time zone,
    error text,
    error_since timestamp with time zone,
    zone text DEFAULT 'unknown'::text NOT NULL,
    zone_at timestamp with time zone,
    plain_lanes text[] DEFAULT '{}'::text[] NOT NULL,
    plain_since timestamp with time zone,
    nightly_day date,
    weekly_day date,
    skew_seconds real,
    found bigint DEFAULT 0 NOT NULL,
    missed bigint DEFAULT 0 NOT NULL,
    silent_passes integer DEFAULT 0 NOT NULL,
    silent_since timestamp with time zone,
    silent_at timestamp with time zone,
    customers_mark timestamp with time zone DEFAULT now() NOT NULL,
    events_due jsonb DEFAULT '{}'::jsonb NOT NULL,
    complete_from timestamp with time zone,
    CONSTRAINT reconciler_passes_zone_check CHECK ((zone = ANY (ARRAY['unknown'::text, 'brasilia'::text, 'utc'::text])))
)
WITH (fillfactor='70');

CREATE TABLE public.refunds_pending (
    tenant_id text NOT NULL,
    transaction_id bigint NOT NULL,
    seen_at timestamp with time zone NOT NULL,
    look_at timestamp with time zone NOT NULL
);

CREATE TABLE public.refunds_seen (
    tenant_id text NOT NULL,
    transaction_id bigint NOT NULL,
    seen_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE public.restore_checks (
    tenant_id text NOT NULL,
    restore_id integer NOT NULL,
    company_id text NOT NULL,
    since_on date NOT NULL,
    until_on date NOT NULL,
    read_after timestamp with time zone NOT NULL,
    read_at timestamp with time zone,
    open_after timestamp with time zone,
    opened_at timestamp with time zone,
    waits_for bigint[] DEFAULT '{}'::bigint[] NOT NULL,
    lease_until timestamp with time zone
);

CREATE TABLE public.restore_finds (
    tenant_id text NOT NULL,
    external_id text NOT NULL,
    bill_id bigint NOT NULL,
    restore_id integer NOT NULL,
    found_at timestamp with time zone NOT NULL,
    woken_at timestamp with time zone,
    known_at timestamp with time zone
);

CREATE TABLE public.restores (
    restore_id integer NOT NULL,
    why text NOT NULL,
    since timestamp with time zone NOT NULL,
    noticed_at timestamp with time zone NOT NULL,
    read_after timestamp with time zone NOT NULL,
    CONSTRAINT restores_why_check CHECK ((why = ANY (ARRAY['timeline'::text, 'server'::text, 'older_copy'::text, 'told'::text])))
);

CREATE TABLE public.retention_walks (
    tenant_id text NOT NULL,
    what text NOT NULL,
    before timestamp with time zone NOT NULL,
    after_at timestamp with time zone DEFAULT '0001-01-02 00:00:00+00'::timestamp with time zone NOT NULL,
    after_bill bigint DEFAULT 0 NOT NULL,
    since timestamp with time zone DEFAULT '0001-01-02 00:00:00+00'::timestamp with time zone NOT NULL,
    began_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone,
    CONSTRAINT retention_walks_what_check CHECK ((what = ANY (ARRAY['sales'::text, 'bills'::text])))
);

CREATE TABLE public.rps_numbers (
    tenant_id text NOT NULL,
    connection_id integer NOT NULL,
    series text NOT NULL,
    number bigint NOT NULL,
    bill_id bigint NOT NULL,
    part smallint NOT NULL,
    revision integer NOT NULL,
    given_at timestamp with time zone NOT NULL,
    refused boolean DEFAULT false NOT NULL,
    CONSTRAINT rps_numbers_number_check CHECK ((number >= 1))
);

CREATE TABLE public.rps_series (
    tenant_id text NOT NULL,
    connection_id integer NOT NULL,
    series text NOT NULL,
    next_number bigint NOT NULL,
    set_by text NOT NULL,
    set_at timestamp with time zone NOT NULL,
    reason text NOT NULL,
    CONSTRAINT rps_series_next_number_check CHECK ((next_number >= 1)),
    CONSTRAINT rps_series_series_check CHECK ((series ~ '^[0-9A-Za-z]{1,5}$'::text))
);

CREATE TABLE public.rule_versions (
    tenant_id text NOT NULL,
    version integer NOT NULL,
    rule jsonb NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    created_by text NOT NULL,
    CONSTRAINT rule_versions_version_check CHECK ((version >= 1))
);

CREATE TABLE public.sale_parts (
    tenant_id text NOT NULL,
    bill_id bigint NOT NULL,
    part smallint NOT NULL,
    amount bigint NOT NULL,
    lines bigint[] NOT NULL,
    CONSTRAINT sale_parts_amount_check CHECK ((amount > 0)),
    CONSTRAINT sale_parts_part_check CHECK ((part >= 1))
);

CREATE TABLE public.sales (
    tenant_id text NOT NULL,
    bill_id bigint NOT NULL,
    status text NOT NULL,
    code text,
    detail text DEFAULT ''::text NOT NULL,
    attention text,
    amount bigint NOT NULL,
    moment_at timestamp with time zone,
    issue_at timestamp with time zone,
    competencia date,
    rule_version integer,
    rule_exception integer,
    origin text NOT NULL,
    customer_id bigint,
    customer_name text DEFAULT ''::text NOT NULL,
    document_word bytea,
    customer bytea,
    unread bytea,
    wish text,
    wish_at timestamp with time zone,
    backfill text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    backfill_id text,
    brake_free boolean DEFAULT false NOT NULL,
    amount_choice text,
    amount_about text DEFAULT ''::text NOT NULL,
    day_choice text,
    without_document boolean DEFAULT false NOT NULL,
    products text,
    plan text,
    method text,
    CONSTRAINT sales_amount_choice_check CHECK ((amount_choice ~ '^(lines|bill|[0-9]{1,15})$'::text)),
    CONSTRAINT sales_backfill_check CHECK ((backfill = ANY (ARRAY['original'::text, 'today'::text]))),
    CONSTRAINT sales_check CHECK (((status = ANY (ARRAY['held'::text, 'skipped'::text])) <= (code IS NOT NULL))),
    CONSTRAINT sales_day_choice_check CHECK ((day_choice = 'today'::text)),
    CONSTRAINT sales_origin_check CHECK ((origin = ANY (ARRAY['webhook'::text, 'reconciler'::text, 'backfill'::text]))),
    CONSTRAINT sales_status_check CHECK ((status = ANY (ARRAY['waiting_payment'::text, 'in_guarantee'::text, 'queued'::text, 'issuing'::text, 'uncertain'::text, 'issued'::text, 'denied'::text, 'held'::text, 'skipped'::text, 'cancelling'::text, 'cancelled'::text, 'cancel_refused'::text]))),
    CONSTRAINT sales_wish_check CHECK ((wish = ANY (ARRAY['hold'::text, 'issue'::text, 'cancel'::text])))
)
WITH (toast_tuple_target='8160');
ALTER TABLE ONLY public.sales ALTER COLUMN customer SET STORAGE EXTERNAL;

CREATE TABLE public.saved_filters (
    tenant_id text NOT NULL,
    name_key text NOT NULL,
    name text NOT NULL,
    query text NOT NULL,
    saved_by text NOT NULL,
    saved_at timestamp with time zone NOT NULL
);

CREATE TABLE public.sign_in_failures (
    source_word bytea NOT NULL,
    account_word bytea NOT NULL,
    failures integer NOT NULL,
    last_at timestamp with time zone NOT NULL
);

CREATE TABLE public.status_webhooks (
    tenant_id text NOT NULL,
    url text NOT NULL,
    secret bytea NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    failures integer DEFAULT 0 NOT NULL,
    failing_since timestamp with time zone,
    rest_until timestamp with time zone
);

CREATE TABLE public.tenant_brakes (
    tenant_id text NOT NULL,
    notas_a_day integer,
    amount_a_day bigint,
    amount_a_nota bigint,
    unusual boolean DEFAULT true NOT NULL,
    code text,
    braked_at timestamp with time zone,
    detail text DEFAULT ''::text NOT NULL,
    free_notas integer DEFAULT 0 NOT NULL,
    free_amount bigint DEFAULT 0 NOT NULL,
    free_day date,
    old_days integer DEFAULT 10,
    free_old integer DEFAULT 0 NOT NULL,
    CONSTRAINT tenant_brakes_amount_a_day_check CHECK ((amount_a_day > 0)),
    CONSTRAINT tenant_brakes_amount_a_nota_check CHECK ((amount_a_nota > 0)),
    CONSTRAINT tenant_brakes_notas_a_day_check CHECK ((notas_a_day > 0)),
    CONSTRAINT tenant_brakes_old_days_check CHECK (((old_days >= 1) AND (old_days <= 365)))
);

CREATE TABLE public.tenants (
    tenant_id text NOT NULL,
    name text NOT NULL,
    plan text NOT NULL,
    timezone text NOT NULL,
    status text DEFAULT 'setting_up'::text NOT NULL,
    active_from timestamp with time zone,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    shadow_from timestamp with time zone,
    CONSTRAINT tenants_check CHECK (((status = ANY (ARRAY['setting_up'::text, 'shadow'::text])) OR (active_from IS NOT NULL))),
    CONSTRAINT tenants_plan_check CHECK ((plan = ANY (ARRAY['basic'::text, 'pro'::text]))),
    CONSTRAINT tenants_shadow_check CHECK (((status <> 'shadow'::text) OR ((shadow_from IS NOT NULL) AND (active_from IS NULL)))),
    CONSTRAINT tenants_status_check CHECK ((status = ANY (ARRAY['setting_up'::text, 'shadow'::text, 'active'::text, 'paused'::text]))),
    CONSTRAINT tenants_tenant_id_check CHECK ((tenant_id ~ '^t[a-z0-9]{10}$'::text))
);

CREATE TABLE public.timeline (
    tenant_id text NOT NULL,
    bill_id bigint NOT NULL,
    entry_id bigint NOT NULL,
    at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    what text NOT NULL,
    why text DEFAULT ''::text NOT NULL,
    by text NOT NULL
);

ALTER TABLE public.timeline ALTER COLUMN entry_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.timeline_entry_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.unknown_denials (
    tenant_id text NOT NULL,
    denial_group text NOT NULL,
    reason bytea,
    bill_id bigint NOT NULL,
    count bigint DEFAULT 0 NOT NULL,
    first_at timestamp with time zone NOT NULL,
    last_at timestamp with time zone NOT NULL
);

CREATE TABLE public.vindi_connections (
    tenant_id text NOT NULL,
    environment text NOT NULL,
    api_key bytea NOT NULL,
    key_hint text NOT NULL,
    merchant_name text NOT NULL,
    registry_code text,
    state text DEFAULT 'ok'::text NOT NULL,
    state_since timestamp with time zone DEFAULT now() NOT NULL,
    state_detail text DEFAULT ''::text NOT NULL,
    not_before timestamp with time zone,
    connected_at timestamp with time zone DEFAULT now() NOT NULL,
    merchant_id bigint,
    checked_at timestamp with time zone,
    line_from timestamp with time zone,
    lines jsonb DEFAULT '{}'::jsonb NOT NULL,
    left_at jsonb DEFAULT '{}'::jsonb NOT NULL,
    away_from timestamp with time zone,
    away_until timestamp with time zone,
    CONSTRAINT vindi_connections_environment_check CHECK ((environment = ANY (ARRAY['production'::text, 'sandbox'::text]))),
    CONSTRAINT vindi_connections_key_hint_check CHECK ((length(key_hint) <= 4))
);

CREATE TABLE public.vindi_oddities (
    tenant_id text NOT NULL,
    oddity text NOT NULL,
    since timestamp with time zone NOT NULL,
    seen_at timestamp with time zone NOT NULL
);

CREATE TABLE public.webhook_deliveries (
    tenant_id text NOT NULL,
    delivery_id bigint NOT NULL,
    message_id uuid DEFAULT gen_random_uuid() NOT NULL,
    bill_id bigint,
    type text NOT NULL,
    payload jsonb NOT NULL,
    state text DEFAULT 'pending'::text NOT NULL,
    tries integer DEFAULT 0 NOT NULL,
    next_at timestamp with time zone DEFAULT now() NOT NULL,
    last_status smallint,
    last_error text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    delivered_at timestamp with time zone,
    asked_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT webhook_deliveries_state_check CHECK ((state = ANY (ARRAY['pending'::text, 'delivered'::text, 'failed'::text, 'given_up'::text])))
);

ALTER TABLE public.webhook_deliveries ALTER COLUMN delivery_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.webhook_deliveries_delivery_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.webhook_rejections (
    tenant_id text NOT NULL,
    since timestamp with time zone NOT NULL,
    rejected_at timestamp with time zone NOT NULL,
    rejections bigint NOT NULL,
    CONSTRAINT webhook_rejections_rejections_check CHECK ((rejections > 0))
);

CREATE TABLE public.webhook_secrets (
    tenant_id text NOT NULL,
    source text NOT NULL,
    secret_hash bytea NOT NULL,
    sealed bytea,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    expires_at timestamp with time zone,
    revoked boolean DEFAULT false NOT NULL,
    CONSTRAINT webhook_secrets_secret_hash_check CHECK ((length(secret_hash) = 32)),
    CONSTRAINT webhook_secrets_source_check CHECK ((source = ANY (ARRAY['vindi'::text, 'enotas'::text])))
);

ALTER TABLE ONLY public.events ATTACH PARTITION public.events_default DEFAULT;

ALTER TABLE ONLY public.accepted_notas
    ADD CONSTRAINT accepted_notas_pkey PRIMARY KEY (tenant_id, issuer_id);

ALTER TABLE ONLY public.audit
    ADD CONSTRAINT audit_pkey PRIMARY KEY (tenant_id, entry_id);

ALTER TABLE ONLY public.backfill_bills
    ADD CONSTRAINT backfill_bills_pkey PRIMARY KEY (tenant_id, backfill_id, bill_id);

ALTER TABLE ONLY public.backfill_customers
    ADD CONSTRAINT backfill_customers_pkey PRIMARY KEY (tenant_id, backfill_id, customer_id);

ALTER TABLE ONLY public.backfills
    ADD CONSTRAINT backfills_pkey PRIMARY KEY (tenant_id, backfill_id);

ALTER TABLE ONLY public.bills
    ADD CONSTRAINT bills_pkey PRIMARY KEY (tenant_id, bill_id);

ALTER TABLE ONLY public.bulk_jobs
    ADD CONSTRAINT bulk_jobs_pkey PRIMARY KEY (tenant_id, job_id);

ALTER TABLE ONLY public.bulk_jobs
    ADD CONSTRAINT bulk_jobs_tenant_id_once_word_key UNIQUE (tenant_id, once_word);

ALTER TABLE ONLY public.bulk_refusals
    ADD CONSTRAINT bulk_refusals_pkey PRIMARY KEY (tenant_id, job_id, bill_id);

ALTER TABLE ONLY public.closing_checks
    ADD CONSTRAINT closing_checks_pkey PRIMARY KEY (tenant_id, month);

ALTER TABLE ONLY public.closing_locks
    ADD CONSTRAINT closing_locks_pkey PRIMARY KEY (tenant_id, month);

ALTER TABLE ONLY public.company_breakers
    ADD CONSTRAINT company_breakers_pkey PRIMARY KEY (tenant_id);

ALTER TABLE ONLY public.database_life
    ADD CONSTRAINT database_life_pkey PRIMARY KEY (one);

ALTER TABLE ONLY public.departures
    ADD CONSTRAINT departures_pkey PRIMARY KEY (tenant_id);

ALTER TABLE ONLY public.emitters
    ADD CONSTRAINT emitters_pkey PRIMARY KEY (emitter);

ALTER TABLE ONLY public.erasures
    ADD CONSTRAINT erasures_pkey PRIMARY KEY (tenant_id, erasure_id);

ALTER TABLE ONLY public.events
    ADD CONSTRAINT events_pkey PRIMARY KEY (tenant_id, received_at, event_id);

ALTER TABLE ONLY public.events_default
    ADD CONSTRAINT events_default_pkey PRIMARY KEY (tenant_id, received_at, event_id);

ALTER TABLE ONLY public.foreign_nota_marks
    ADD CONSTRAINT foreign_nota_marks_pkey PRIMARY KEY (tenant_id);

ALTER TABLE ONLY public.foreign_notas
    ADD CONSTRAINT foreign_notas_pkey PRIMARY KEY (tenant_id, issuer_id);

ALTER TABLE ONLY public.idempotency_keys
    ADD CONSTRAINT idempotency_keys_pkey PRIMARY KEY (tenant_id, actor, key);

ALTER TABLE ONLY public.internal_tokens
    ADD CONSTRAINT internal_tokens_pkey PRIMARY KEY (name);

ALTER TABLE ONLY public.issuer_breakers
    ADD CONSTRAINT issuer_breakers_pkey PRIMARY KEY (tenant_id, scope);

ALTER TABLE ONLY public.issuer_connections
    ADD CONSTRAINT issuer_connections_pkey PRIMARY KEY (tenant_id);

ALTER TABLE ONLY public.issuer_days
    ADD CONSTRAINT issuer_days_pkey PRIMARY KEY (tenant_id, company_id, day);

ALTER TABLE ONLY public.issuer_lists
    ADD CONSTRAINT issuer_lists_pkey PRIMARY KEY (tenant_id);

ALTER TABLE ONLY public.issuer_notas
    ADD CONSTRAINT issuer_notas_pkey PRIMARY KEY (tenant_id, issuer_id);

ALTER TABLE ONLY public.kept_figures
    ADD CONSTRAINT kept_figures_pkey PRIMARY KEY (tenant_id, name);

ALTER TABLE ONLY public.key_canaries
    ADD CONSTRAINT key_canaries_pkey PRIMARY KEY (key_id);

ALTER TABLE ONLY public.memberships
    ADD CONSTRAINT memberships_pkey PRIMARY KEY (tenant_id, person_id);

ALTER TABLE ONLY public.month_file_pieces
    ADD CONSTRAINT month_file_pieces_pkey PRIMARY KEY (tenant_id, month, kind, attempt, place);

ALTER TABLE ONLY public.month_files
    ADD CONSTRAINT month_files_pkey PRIMARY KEY (tenant_id, month, kind);

ALTER TABLE ONLY public.nota_connections
    ADD CONSTRAINT nota_connections_pkey PRIMARY KEY (tenant_id, connection_id);

ALTER TABLE ONLY public.nota_days
    ADD CONSTRAINT nota_days_pkey PRIMARY KEY (tenant_id, day);

ALTER TABLE ONLY public.notas
    ADD CONSTRAINT notas_pkey PRIMARY KEY (tenant_id, bill_id, part, revision);

ALTER TABLE ONLY public.outbox
    ADD CONSTRAINT outbox_pkey PRIMARY KEY (tenant_id, bill_id);

ALTER TABLE ONLY public.panel_sessions
    ADD CONSTRAINT panel_sessions_pkey PRIMARY KEY (token_hash);

ALTER TABLE ONLY public.people
    ADD CONSTRAINT people_email_word_key UNIQUE (email_word);

ALTER TABLE ONLY public.people
    ADD CONSTRAINT people_pkey PRIMARY KEY (person_id);

ALTER TABLE ONLY public.person_identities
    ADD CONSTRAINT person_identities_pkey PRIMARY KEY (identity_word);

ALTER TABLE ONLY public.person_links
    ADD CONSTRAINT person_links_pkey PRIMARY KEY (tenant_id, token_hash);

ALTER TABLE ONLY public.reconciler_passes
    ADD CONSTRAINT reconciler_passes_pkey PRIMARY KEY (tenant_id);

ALTER TABLE ONLY public.refunds_pending
    ADD CONSTRAINT refunds_pending_pkey PRIMARY KEY (tenant_id, transaction_id);

ALTER TABLE ONLY public.refunds_seen
    ADD CONSTRAINT refunds_seen_pkey PRIMARY KEY (tenant_id, transaction_id);

ALTER TABLE ONLY public.restore_checks
    ADD CONSTRAINT restore_checks_pkey PRIMARY KEY (tenant_id, restore_id, company_id);

ALTER TABLE ONLY public.restore_finds
    ADD CONSTRAINT restore_finds_pkey PRIMARY KEY (tenant_id, external_id);

ALTER TABLE ONLY public.restores
    ADD CONSTRAINT restores_pkey PRIMARY KEY (restore_id);

ALTER TABLE ONLY public.retention_walks
    ADD CONSTRAINT retention_walks_pkey PRIMARY KEY (tenant_id, what);

ALTER TABLE ONLY public.rps_numbers
    ADD CONSTRAINT rps_numbers_pkey PRIMARY KEY (tenant_id, connection_id, series, number);

ALTER TABLE ONLY public.rps_series
    ADD CONSTRAINT rps_series_pkey PRIMARY KEY (tenant_id, connection_id, series);

ALTER TABLE ONLY public.rule_versions
    ADD CONSTRAINT rule_versions_pkey PRIMARY KEY (tenant_id, version);

ALTER TABLE ONLY public.sale_parts
    ADD CONSTRAINT sale_parts_pkey PRIMARY KEY (tenant_id, bill_id, part);

ALTER TABLE ONLY public.sales
    ADD CONSTRAINT sales_pkey PRIMARY KEY (tenant_id, bill_id);

ALTER TABLE ONLY public.saved_filters
    ADD CONSTRAINT saved_filters_pkey PRIMARY KEY (tenant_id, name_key);

ALTER TABLE ONLY public.sign_in_failures
    ADD CONSTRAINT sign_in_failures_pkey PRIMARY KEY (source_word, account_word);

ALTER TABLE ONLY public.status_webhooks
    ADD CONSTRAINT status_webhooks_pkey PRIMARY KEY (tenant_id);

ALTER TABLE ONLY public.tenant_brakes
    ADD CONSTRAINT tenant_brakes_pkey PRIMARY KEY (tenant_id);

ALTER TABLE ONLY public.tenants
    ADD CONSTRAINT tenants_pkey PRIMARY KEY (tenant_id);

ALTER TABLE ONLY public.timeline
    ADD CONSTRAINT timeline_pkey PRIMARY KEY (tenant_id, bill_id, entry_id);

ALTER TABLE ONLY public.unknown_denials
    ADD CONSTRAINT unknown_denials_pkey PRIMARY KEY (tenant_id, denial_group);

ALTER TABLE ONLY public.vindi_connections
    ADD CONSTRAINT vindi_connections_pkey PRIMARY KEY (tenant_id);

ALTER TABLE ONLY public.vindi_oddities
    ADD CONSTRAINT vindi_oddities_pkey PRIMARY KEY (tenant_id, oddity);

ALTER TABLE ONLY public.webhook_deliveries
    ADD CONSTRAINT webhook_deliveries_pkey PRIMARY KEY (tenant_id, delivery_id);

ALTER TABLE ONLY public.webhook_rejections
    ADD CONSTRAINT webhook_rejections_pkey PRIMARY KEY (tenant_id);

ALTER TABLE ONLY public.webhook_secrets
    ADD CONSTRAINT webhook_secrets_pkey PRIMARY KEY (tenant_id, source, secret_hash);

CREATE INDEX accepted_notas_of_month ON public.accepted_notas USING btree (tenant_id, competencia) WHERE (competencia IS NOT NULL);

CREATE INDEX audit_by_time ON public.audit USING btree (tenant_id, at, entry_id) WHERE (at IS NOT NULL);

CREATE INDEX backfill_bills_customer ON public.backfill_bills USING btree (tenant_id, backfill_id, customer_id) WHERE (outcome = 'customer'::text);

CREATE INDEX backfill_bills_ready ON public.backfill_bills USING btree (tenant_id, backfill_id, bill_id) WHERE (outcome = 'ready'::text);

CREATE INDEX backfill_bills_refunds ON public.backfill_bills USING btree (tenant_id, backfill_id, bill_id) WHERE (outcome = 'refunds'::text);

CREATE INDEX backfills_newest ON public.backfills USING btree (tenant_id, requested_at, backfill_id);

CREATE UNIQUE INDEX backfills_one_open ON public.backfills USING btree (tenant_id) WHERE (status = ANY (ARRAY['queued'::text, 'running'::text]));

CREATE INDEX bills_by_created ON public.bills USING btree (tenant_id, created_at) WHERE (created_at IS NOT NULL);

CREATE INDEX bills_by_created_moment ON public.bills USING btree (tenant_id, created_moment) WHERE (created_moment IS NOT NULL);

CREATE INDEX bills_open ON public.bills USING btree (tenant_id, read_at) WHERE (status = ANY (ARRAY['review'::text, 'scheduled'::text, 'pending'::text]));

CREATE INDEX bills_paid_in ON public.bills USING btree (tenant_id, paid_moment) INCLUDE (bill_id, status, charges_paid_at) WHERE (paid_moment IS NOT NULL);

CREATE INDEX bills_paid_oddly ON public.bills USING btree (tenant_id) WHERE ((charges_paid_at <> '{}'::timestamp with time zone[]) AND (charges_paid_at IS DISTINCT FROM ARRAY[paid_moment]));

CREATE INDEX bills_summed ON public.bills USING btree (tenant_id, bill_id) INCLUDE (moment_amount, read_at, status, paid_moment, created_moment);

CREATE INDEX bulk_jobs_open ON public.bulk_jobs USING btree (turn_at) WHERE (status = ANY (ARRAY['queued'::text, 'running'::text]));

CREATE INDEX closing_checks_open ON public.closing_checks USING btree (requested_at) WHERE (status = ANY (ARRAY['queued'::text, 'running'::text]));

CREATE INDEX departures_turn ON public.departures USING btree (turn_at) WHERE (state = ANY (ARRAY['waiting'::text, 'deleting'::text]));

CREATE INDEX erasures_turn ON public.erasures USING btree (turn_at);

CREATE INDEX events_of_bill ON ONLY public.events USING btree (tenant_id, bill_id) WHERE (bill_id IS NOT NULL);

CREATE INDEX events_default_tenant_id_bill_id_idx ON public.events_default USING btree (tenant_id, bill_id) WHERE (bill_id IS NOT NULL);

CREATE INDEX foreign_notas_alike ON public.foreign_notas USING btree (tenant_id, document_word, amount) WHERE valid;

CREATE UNIQUE INDEX internal_tokens_hash ON public.internal_tokens USING btree (token_hash);

CREATE INDEX issuer_connections_by_company ON public.issuer_connections USING btree (lower(company_id));

CREATE INDEX issuer_days_wanted ON public.issuer_days USING btree (tenant_id, company_id, day) WHERE (wanted_at IS NOT NULL);

CREATE INDEX issuer_notas_of_others ON public.issuer_notas USING btree (tenant_id, competencia) WHERE ((bill_id IS NULL) AND valid);

CREATE INDEX issuer_notas_of_sale ON public.issuer_notas USING btree (tenant_id, bill_id) WHERE (bill_id IS NOT NULL);

CREATE INDEX memberships_of_person ON public.memberships USING btree (person_id) WHERE (person_id IS NOT NULL);

CREATE INDEX month_files_open ON public.month_files USING btree (tenant_id, asked_at) WHERE (state = ANY (ARRAY['queued'::text, 'working'::text]));

CREATE UNIQUE INDEX nota_connections_one ON public.nota_connections USING btree (tenant_id, kind, lower(company_id), environment);

CREATE UNIQUE INDEX notas_by_external_id ON public.notas USING btree (tenant_id, external_id) WHERE (external_id IS NOT NULL);

CREATE INDEX notas_by_number ON public.notas USING btree (tenant_id, number) WHERE (number IS NOT NULL);

CREATE INDEX notas_cancelled ON public.notas USING btree (tenant_id, cancelled_at) WHERE ((status = 'cancelled'::text) AND (environment = 'Producao'::text));

CREATE INDEX notas_denied ON public.notas USING btree (tenant_id, denial_group, bill_id) WHERE (status = 'denied'::text);

CREATE INDEX notas_filed ON public.notas USING btree (tenant_id, competencia, bill_id) WHERE ((status = ANY (ARRAY['issued'::text, 'cancelling'::text, 'cancel_refused'::text, 'cancelled'::text])) AND (environment = 'Producao'::text));

CREATE INDEX notas_in_force ON public.notas USING btree (tenant_id, bill_id) INCLUDE (amount, environment) WHERE (status = ANY (ARRAY['issued'::text, 'cancelling'::text, 'cancel_refused'::text]));

CREATE UNIQUE INDEX notas_one_live_of_a_kind ON public.notas USING btree (tenant_id, bill_id, part, ((substitutes IS NOT NULL))) WHERE (status <> 'cancelled'::text);

CREATE INDEX notas_with_reason_since ON public.notas USING btree (tenant_id, COALESCE(denied_at, cancel_sent_at, changed_at, created_at)) WHERE (reason IS NOT NULL);

CREATE INDEX outbox_due ON public.outbox USING btree (tenant_id, lane, due_at) WHERE (state = 'due'::text);

CREATE INDEX outbox_leases ON public.outbox USING btree (tenant_id, lease_until) WHERE (state = 'leased'::text);

CREATE INDEX panel_sessions_of_person ON public.panel_sessions USING btree (person_id);

CREATE INDEX person_identities_of_person ON public.person_identities USING btree (person_id);

CREATE INDEX reconciler_passes_due ON public.reconciler_passes USING btree (next_pass_at);

CREATE INDEX restore_checks_unread ON public.restore_checks USING btree (tenant_id, company_id) WHERE (read_at IS NULL);

CREATE INDEX restore_finds_unknown ON public.restore_finds USING btree (tenant_id, bill_id) WHERE (known_at IS NULL);

CREATE UNIQUE INDEX rps_numbers_one_of_a_nota ON public.rps_numbers USING btree (tenant_id, bill_id, part, revision, connection_id, series) WHERE (NOT refused);

CREATE INDEX sales_by_attention ON public.sales USING btree (tenant_id, attention, bill_id) WHERE (attention IS NOT NULL);

CREATE INDEX sales_by_code ON public.sales USING btree (tenant_id, code, bill_id) WHERE (code IS NOT NULL);

CREATE INDEX sales_by_document ON public.sales USING btree (tenant_id, document_word) WHERE (document_word IS NOT NULL);

CREATE INDEX sales_by_status ON public.sales USING btree (tenant_id, status, bill_id) WHERE (status IS NOT NULL);

CREATE INDEX sales_of_month ON public.sales USING btree (tenant_id, moment_at, bill_id) INCLUDE (status, code, attention, amount, amount_choice) WHERE (moment_at IS NOT NULL);

CREATE INDEX sales_unread ON public.sales USING btree (tenant_id, updated_at) WHERE (unread IS NOT NULL);

CREATE INDEX sales_waiting_for_data ON public.sales USING btree (tenant_id, customer_id) WHERE (((status = 'held'::text) AND ((code ~~ 'customer\_%'::text) OR (code ~~ 'denied\_%'::text))) OR ((status = 'denied'::text) AND (code = ANY (ARRAY['denied_city'::text, 'denied_document'::text, 'denied_address'::text, 'denied_contact'::text]))));

CREATE INDEX timeline_by_time ON public.timeline USING btree (tenant_id, at, entry_id) WHERE (at IS NOT NULL);

CREATE INDEX vindi_connections_by_merchant ON public.vindi_connections USING btree (merchant_id) WHERE (merchant_id IS NOT NULL);

CREATE INDEX webhook_deliveries_due ON public.webhook_deliveries USING btree (tenant_id, next_at) WHERE (state = 'pending'::text);

ALTER INDEX public.events_pkey ATTACH PARTITION public.events_default_pkey;

ALTER INDEX public.events_of_bill ATTACH PARTITION public.events_default_tenant_id_bill_id_idx;

ALTER TABLE ONLY public.accepted_notas
    ADD CONSTRAINT accepted_notas_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.tenants(tenant_id);

ALTER TABLE ONLY public.backfills
    ADD CONSTRAINT backfills_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.tenants(tenant_id);

ALTER TABLE ONLY public.bulk_jobs
    ADD CONSTRAINT bulk_jobs_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.tenants(tenant_id);

ALTER TABLE ONLY public.bulk_refusals
    ADD CONSTRAINT bulk_refusals_tenant_id_job_id_fkey FOREIGN KEY (tenant_id, job_id) REFERENCES public.bulk_jobs(tenant_id, job_id) ON DELETE CASCADE;

ALTER TABLE ONLY public.closing_checks
    ADD CONSTRAINT closing_checks_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.tenants(tenant_id);

ALTER TABLE ONLY public.closing_locks
    ADD CONSTRAINT closing_locks_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.tenants(tenant_id);

ALTER TABLE ONLY public.foreign_nota_marks
    ADD CONSTRAINT foreign_nota_marks_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.tenants(tenant_id);

ALTER TABLE ONLY public.foreign_notas
    ADD CONSTRAINT foreign_notas_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.tenants(tenant_id);

ALTER TABLE ONLY public.issuer_connections
    ADD CONSTRAINT issuer_connections_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.tenants(tenant_id);

ALTER TABLE ONLY public.issuer_days
    ADD CONSTRAINT issuer_days_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.tenants(tenant_id);

ALTER TABLE ONLY public.issuer_lists
    ADD CONSTRAINT issuer_lists_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.tenants(tenant_id);

ALTER TABLE ONLY public.issuer_notas
    ADD CONSTRAINT issuer_notas_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.tenants(tenant_id);

ALTER TABLE ONLY public.memberships
    ADD CONSTRAINT memberships_person_id_fkey FOREIGN KEY (person_id) REFERENCES public.people(person_id) ON DELETE CASCADE;

ALTER TABLE ONLY public.memberships
    ADD CONSTRAINT memberships_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.tenants(tenant_id);

ALTER TABLE ONLY public.month_file_pieces
    ADD CONSTRAINT month_file_pieces_tenant_id_month_kind_fkey FOREIGN KEY (tenant_id, month, kind) REFERENCES public.month_files(tenant_id, month, kind) ON DELETE CASCADE;

ALTER TABLE ONLY public.month_files
    ADD CONSTRAINT month_files_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.tenants(tenant_id);

ALTER TABLE ONLY public.nota_connections
    ADD CONSTRAINT nota_connections_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.tenants(tenant_id);

ALTER TABLE ONLY public.notas
    ADD CONSTRAINT notas_tenant_id_bill_id_fkey FOREIGN KEY (tenant_id, bill_id) REFERENCES public.sales(tenant_id, bill_id);

ALTER TABLE ONLY public.panel_sessions
    ADD CONSTRAINT panel_sessions_person_id_fkey FOREIGN KEY (person_id) REFERENCES public.people(person_id) ON DELETE CASCADE;

ALTER TABLE ONLY public.person_identities
    ADD CONSTRAINT person_identities_person_id_fkey FOREIGN KEY (person_id) REFERENCES public.people(person_id) ON DELETE CASCADE;

ALTER TABLE ONLY public.person_links
    ADD CONSTRAINT person_links_person_id_fkey FOREIGN KEY (person_id) REFERENCES public.people(person_id) ON DELETE CASCADE;

ALTER TABLE ONLY public.reconciler_passes
    ADD CONSTRAINT reconciler_passes_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.tenants(tenant_id);

ALTER TABLE ONLY public.retention_walks
    ADD CONSTRAINT retention_walks_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.tenants(tenant_id);

ALTER TABLE ONLY public.rps_numbers
    ADD CONSTRAINT rps_numbers_tenant_id_connection_id_series_fkey FOREIGN KEY (tenant_id, connection_id, series) REFERENCES public.rps_series(tenant_id, connection_id, series);

ALTER TABLE ONLY public.rps_series
    ADD CONSTRAINT rps_series_tenant_id_connection_id_fkey FOREIGN KEY (tenant_id, connection_id) REFERENCES public.nota_connections(tenant_id, connection_id);

ALTER TABLE ONLY public.rps_series
    ADD CONSTRAINT rps_series_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.tenants(tenant_id);

ALTER TABLE ONLY public.rule_versions
    ADD CONSTRAINT rule_versions_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.tenants(tenant_id);

ALTER TABLE ONLY public.sale_parts
    ADD CONSTRAINT sale_parts_tenant_id_bill_id_fkey FOREIGN KEY (tenant_id, bill_id) REFERENCES public.sales(tenant_id, bill_id);

ALTER TABLE ONLY public.sales
    ADD CONSTRAINT sales_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.tenants(tenant_id);

ALTER TABLE ONLY public.saved_filters
    ADD CONSTRAINT saved_filters_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.tenants(tenant_id);

ALTER TABLE ONLY public.status_webhooks
    ADD CONSTRAINT status_webhooks_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.tenants(tenant_id);

ALTER TABLE ONLY public.tenant_brakes
    ADD CONSTRAINT tenant_brakes_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.tenants(tenant_id);

ALTER TABLE ONLY public.vindi_connections
    ADD CONSTRAINT vindi_connections_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.tenants(tenant_id);

ALTER TABLE ONLY public.vindi_oddities
    ADD CONSTRAINT vindi_oddities_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.tenants(tenant_id);

ALTER TABLE ONLY public.webhook_deliveries
    ADD CONSTRAINT webhook_deliveries_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.tenants(tenant_id);

ALTER TABLE ONLY public.webhook_rejections
    ADD CONSTRAINT webhook_rejections_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.tenants(tenant_id);

ALTER TABLE ONLY public.webhook_secrets
    ADD CONSTRAINT webhook_secrets_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.tenants(tenant_id);

ALTER TABLE public.accepted_notas ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.audit ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.backfill_bills ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.backfill_customers ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.backfills ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.bills ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.bulk_jobs ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.bulk_refusals ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.closing_checks ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.closing_locks ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.company_breakers ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.departures ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.erasures ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.events ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.foreign_nota_marks ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.foreign_notas ENABLE ROW LEVEL SECURITY;

CREATE POLICY granted ON public.accepted_notas TO notaponte_services USING (true);

CREATE POLICY granted ON public.audit TO notaponte_services USING (true);

CREATE POLICY granted ON public.backfill_bills TO notaponte_services USING (true);

CREATE POLICY granted ON public.backfill_customers TO notaponte_services USING (true);

CREATE POLICY granted ON public.backfills TO notaponte_services USING (true);

CREATE POLICY granted ON public.bills TO notaponte_services USING (true);

CREATE POLICY granted ON public.bulk_jobs TO notaponte_services USING (true);

CREATE POLICY granted ON public.bulk_refusals TO notaponte_services USING (true);

CREATE POLICY granted ON public.closing_checks TO notaponte_services USING (true);

CREATE POLICY granted ON public.closing_locks TO notaponte_services USING (true);

CREATE POLICY granted ON public.company_breakers TO notaponte_services USING (true);

CREATE POLICY granted ON public.departures TO notaponte_services USING (true);

CREATE POLICY granted ON public.erasures TO notaponte_services USING (true);

CREATE POLICY granted ON public.events TO notaponte_services USING (true);

CREATE POLICY granted ON public.foreign_nota_marks TO notaponte_services USING (true);

CREATE POLICY granted ON public.foreign_notas TO notaponte_services USING (true);

CREATE POLICY granted ON public.idempotency_keys TO notaponte_services USING (true);

CREATE POLICY granted ON public.issuer_breakers TO notaponte_services USING (true);

CREATE POLICY granted ON public.issuer_connections TO notaponte_services USING (true);

CREATE POLICY granted ON public.issuer_days TO notaponte_services USING (true);

CREATE POLICY granted ON public.issuer_lists TO notaponte_services USING (true);

CREATE POLICY granted ON public.issuer_notas TO notaponte_services USING (true);

CREATE POLICY granted ON public.kept_figures TO notaponte_services USING (true);

CREATE POLICY granted ON public.memberships TO notaponte_services USING (true);

CREATE POLICY granted ON public.month_file_pieces TO notaponte_services USING (true);

CREATE POLICY granted ON public.month_files TO notaponte_services USING (true);

CREATE POLICY granted ON public.nota_connections TO notaponte_services USING (true);

CREATE POLICY granted ON public.nota_days TO notaponte_services USING (true);

CREATE POLICY granted ON public.notas TO notaponte_services USING (true);

CREATE POLICY granted ON public.outbox TO notaponte_services USING (true);

CREATE POLICY granted ON public.person_links TO notaponte_services USING (true);

CREATE POLICY granted ON public.reconciler_passes TO notaponte_services USING (true);

CREATE POLICY granted ON public.refunds_pending TO notaponte_services USING (true);

CREATE POLICY granted ON public.refunds_seen TO notaponte_services USING (true);

CREATE POLICY granted ON public.restore_checks TO notaponte_services USING (true);

CREATE POLICY granted ON public.restore_finds TO notaponte_services USING (true);

CREATE POLICY granted ON public.retention_walks TO notaponte_services USING (true);

CREATE POLICY granted ON public.rps_numbers TO notaponte_services USING (true);

CREATE POLICY granted ON public.rps_series TO notaponte_services USING (true);

CREATE POLICY granted ON public.rule_versions TO notaponte_services USING (true);

CREATE POLICY granted ON public.sale_parts TO notaponte_services USING (true);

CREATE POLICY granted ON public.sales TO notaponte_services USING (true);

CREATE POLICY granted ON public.saved_filters TO notaponte_services USING (true);

CREATE POLICY granted ON public.status_webhooks TO notaponte_services USING (true);

CREATE POLICY granted ON public.tenant_brakes TO notaponte_services USING (true);

CREATE POLICY granted ON public.tenants TO notaponte_services USING (true);

CREATE POLICY granted ON public.timeline TO notaponte_services USING (true);

CREATE POLICY granted ON public.unknown_denials TO notaponte_services USING (true);

CREATE POLICY granted ON public.vindi_connections TO notaponte_services USING (true);

CREATE POLICY granted ON public.vindi_oddities TO notaponte_services USING (true);

CREATE POLICY granted ON public.webhook_deliveries TO notaponte_services USING (true);

CREATE POLICY granted ON public.webhook_rejections TO notaponte_services USING (true);

CREATE POLICY granted ON public.webhook_secrets TO notaponte_services USING (true);

ALTER TABLE public.idempotency_keys ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.issuer_breakers ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.issuer_connections ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.issuer_days ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.issuer_lists ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.issuer_notas ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.kept_figures ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.memberships ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.month_file_pieces ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.month_files ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.nota_connections ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.nota_days ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.notas ENABLE ROW LEVEL SECURITY;

CREATE POLICY notice ON public.departures AS RESTRICTIVE FOR INSERT TO notaponte_panel, notaponte_services WITH CHECK (((state = 'waiting'::text) AND (delete_at >= (now() + '7 days'::interval))));

ALTER TABLE public.outbox ENABLE ROW LEVEL SECURITY;

CREATE POLICY panel ON public.accepted_notas TO notaponte_panel USING ((tenant_id = current_setting('notaponte.tenant'::text, true)));

CREATE POLICY panel ON public.audit TO notaponte_panel USING ((tenant_id = current_setting('notaponte.tenant'::text, true)));

CREATE POLICY panel ON public.backfill_bills TO notaponte_panel USING ((tenant_id = current_setting('notaponte.tenant'::text, true)));

CREATE POLICY panel ON public.backfill_customers TO notaponte_panel USING ((tenant_id = current_setting('notaponte.tenant'::text, true)));

CREATE POLICY panel ON public.backfills TO notaponte_panel USING ((tenant_id = current_setting('notaponte.tenant'::text, true)));

CREATE POLICY panel ON public.bills TO notaponte_panel USING ((tenant_id = current_setting('notaponte.tenant'::text, true)));

CREATE POLICY panel ON public.bulk_jobs TO notaponte_panel USING ((tenant_id = current_setting('notaponte.tenant'::text, true)));

CREATE POLICY panel ON public.bulk_refusals TO notaponte_panel USING ((tenant_id = current_setting('notaponte.tenant'::text, true)));

CREATE POLICY panel ON public.closing_checks TO notaponte_panel USING ((tenant_id = current_setting('notaponte.tenant'::text, true)));

CREATE POLICY panel ON public.closing_locks TO notaponte_panel USING ((tenant_id = current_setting('notaponte.tenant'::text, true)));

CREATE POLICY panel ON public.company_breakers TO notaponte_panel USING ((tenant_id = current_setting('notaponte.tenant'::text, true)));

CREATE POLICY panel ON public.departures TO notaponte_panel USING ((tenant_id = current_setting('notaponte.tenant'::text, true)));

CREATE POLICY panel ON public.erasures TO notaponte_panel USING ((tenant_id = current_setting('notaponte.tenant'::text, true)));

CREATE POLICY panel ON public.events TO notaponte_panel USING ((tenant_id = current_setting('notaponte.tenant'::text, true)));

CREATE POLICY panel ON public.foreign_nota_marks TO notaponte_panel USING ((tenant_id = current_setting('notaponte.tenant'::text, true)));

CREATE POLICY panel ON public.foreign_notas TO notaponte_panel USING ((tenant_id = current_setting('notaponte.tenant'::text, true)));

CREATE POLICY panel ON public.idempotency_keys TO notaponte_panel USING ((tenant_id = current_setting('notaponte.tenant'::text, true)));

CREATE POLICY panel ON public.issuer_breakers TO notaponte_panel USING ((tenant_id = current_setting('notaponte.tenant'::text, true)));

CREATE POLICY panel ON public.issuer_connections TO notaponte_panel USING ((tenant_id = current_setting('notaponte.tenant'::text, true)));

CREATE POLICY panel ON public.issuer_days TO notaponte_panel USING ((tenant_id = current_setting('notaponte.tenant'::text, true)));

CREATE POLICY panel ON public.issuer_lists TO notaponte_panel USING ((tenant_id = current_setting('notaponte.tenant'::text, true)));

CREATE POLICY panel ON public.issuer_notas TO notaponte_panel USING ((tenant_id = current_setting('notaponte.tenant'::text, true)));

CREATE POLICY panel ON public.kept_figures TO notaponte_panel USING ((tenant_id = current_setting('notaponte.tenant'::text, true)));

CREATE POLICY panel ON public.memberships TO notaponte_panel USING ((tenant_id = current_setting('notaponte.tenant'::text, true)));

CREATE POLICY panel ON public.month_file_pieces TO notaponte_panel USING ((tenant_id = current_setting('notaponte.tenant'::text, true)));

CREATE POLICY panel ON public.month_files TO notaponte_panel USING ((tenant_id = current_setting('notaponte.tenant'::text, true)));

CREATE POLICY panel ON public.nota_connections TO notaponte_panel USING ((tenant_id = current_setting('notaponte.tenant'::text, true)));

CREATE POLICY panel ON public.nota_days TO notaponte_panel USING ((tenant_id = current_setting('notaponte.tenant'::text, true)));

CREATE POLICY panel ON public.notas TO notaponte_panel USING ((tenant_id = current_setting('notaponte.tenant'::text, true)));

CREATE POLICY panel ON public.outbox TO notaponte_panel USING ((tenant_id = current_setting('notaponte.tenant'::text, true)));

CREATE POLICY panel ON public.person_links TO notaponte_panel USING ((tenant_id = current_setting('notaponte.tenant'::text, true)));

CREATE POLICY panel ON public.reconciler_passes TO notaponte_panel USING ((tenant_id = current_setting('notaponte.tenant'::text, true)));

CREATE POLICY panel ON public.refunds_pending TO notaponte_panel USING ((tenant_id = current_setting('notaponte.tenant'::text, true)));

CREATE POLICY panel ON public.refunds_seen TO notaponte_panel USING ((tenant_id = current_setting('notaponte.tenant'::text, true)));

CREATE POLICY panel ON public.restore_checks TO notaponte_panel USING ((tenant_id = current_setting('notaponte.tenant'::text, true)));

CREATE POLICY panel ON public.restore_finds TO notaponte_panel USING ((tenant_id = current_setting('notaponte.tenant'::text, true)));

CREATE POLICY panel ON public.retention_walks TO notaponte_panel USING ((tenant_id = current_setting('notaponte.tenant'::text, true)));

CREATE POLICY panel ON public.rps_numbers TO notaponte_panel USING ((tenant_id = current_setting('notaponte.tenant'::text, true)));

CREATE POLICY panel ON public.rps_series TO notaponte_panel USING ((tenant_id = current_setting('notaponte.tenant'::text, true)));

CREATE POLICY panel ON public.rule_versions TO notaponte_panel USING ((tenant_id = current_setting('notaponte.tenant'::text, true)));

CREATE POLICY panel ON public.sale_parts TO notaponte_panel USING ((tenant_id = current_setting('notaponte.tenant'::text, true)));

CREATE POLICY panel ON public.sales TO notaponte_panel USING ((tenant_id = current_setting('notaponte.tenant'::text, true)));

CREATE POLICY panel ON public.saved_filters TO notaponte_panel USING ((tenant_id = current_setting('notaponte.tenant'::text, true)));

CREATE POLICY panel ON public.status_webhooks TO notaponte_panel USING ((tenant_id = current_setting('notaponte.tenant'::text, true)));

CREATE POLICY panel ON public.tenant_brakes TO notaponte_panel USING ((tenant_id = current_setting('notaponte.tenant'::text, true)));

CREATE POLICY panel ON public.tenants TO notaponte_panel USING ((tenant_id = current_setting('notaponte.tenant'::text, true)));

CREATE POLICY panel ON public.timeline TO notaponte_panel USING ((tenant_id = current_setting('notaponte.tenant'::text, true)));

CREATE POLICY panel ON public.unknown_denials TO notaponte_panel USING ((tenant_id = current_setting('notaponte.tenant'::text, true)));

CREATE POLICY panel ON public.vindi_connections TO notaponte_panel USING ((tenant_id = current_setting('notaponte.tenant'::text, true)));

CREATE POLICY panel ON public.vindi_oddities TO notaponte_panel USING ((tenant_id = current_setting('notaponte.tenant'::text, true)));

CREATE POLICY panel ON public.webhook_deliveries TO notaponte_panel USING ((tenant_id = current_setting('notaponte.tenant'::text, true)));

CREATE POLICY panel ON public.webhook_rejections TO notaponte_panel USING ((tenant_id = current_setting('notaponte.tenant'::text, true)));

CREATE POLICY panel ON public.webhook_secrets TO notaponte_panel USING ((tenant_id = current_setting('notaponte.tenant'::text, true)));

ALTER TABLE public.person_links ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.reconciler_passes ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.refunds_pending ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.refunds_seen ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.restore_checks ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.restore_finds ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.retention_walks ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.rps_numbers ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.rps_series ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.rule_versions ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.sale_parts ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.sales ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.saved_filters ENABLE ROW LEVEL SECURITY;

CREATE POLICY services ON public.accepted_notas USING ((CURRENT_USER <> 'notaponte_panel'::name));

CREATE POLICY services ON public.audit USING ((CURRENT_USER <> 'notaponte_panel'::name));

CREATE POLICY services ON public.backfill_bills USING ((CURRENT_USER <> 'notaponte_panel'::name));

CREATE POLICY services ON public.backfill_customers USING ((CURRENT_USER <> 'notaponte_panel'::name));

CREATE POLICY services ON public.backfills USING ((CURRENT_USER <> 'notaponte_panel'::name));

CREATE POLICY services ON public.bills USING ((CURRENT_USER <> 'notaponte_panel'::name));

CREATE POLICY services ON public.bulk_jobs USING ((CURRENT_USER <> 'notaponte_panel'::name));

CREATE POLICY services ON public.bulk_refusals USING ((CURRENT_USER <> 'notaponte_panel'::name));

CREATE POLICY services ON public.closing_checks USING ((CURRENT_USER <> 'notaponte_panel'::name));

CREATE POLICY services ON public.closing_locks USING ((CURRENT_USER <> 'notaponte_panel'::name));

CREATE POLICY services ON public.company_breakers USING ((CURRENT_USER <> 'notaponte_panel'::name));

CREATE POLICY services ON public.departures USING ((CURRENT_USER <> 'notaponte_panel'::name));

CREATE POLICY services ON public.erasures USING ((CURRENT_USER <> 'notaponte_panel'::name));

CREATE POLICY services ON public.events USING ((CURRENT_USER <> 'notaponte_panel'::name));

CREATE POLICY services ON public.foreign_nota_marks USING ((CURRENT_USER <> 'notaponte_panel'::name));

CREATE POLICY services ON public.foreign_notas USING ((CURRENT_USER <> 'notaponte_panel'::name));

CREATE POLICY services ON public.idempotency_keys USING ((CURRENT_USER <> 'notaponte_panel'::name));

CREATE POLICY services ON public.issuer_breakers USING ((CURRENT_USER <> 'notaponte_panel'::name));

CREATE POLICY services ON public.issuer_connections USING ((CURRENT_USER <> 'notaponte_panel'::name));

CREATE POLICY services ON public.issuer_days USING ((CURRENT_USER <> 'notaponte_panel'::name));

CREATE POLICY services ON public.issuer_lists USING ((CURRENT_USER <> 'notaponte_panel'::name));

CREATE POLICY services ON public.issuer_notas USING ((CURRENT_USER <> 'notaponte_panel'::name));

CREATE POLICY services ON public.kept_figures USING ((CURRENT_USER <> 'notaponte_panel'::name));

CREATE POLICY services ON public.memberships USING ((CURRENT_USER <> 'notaponte_panel'::name));

CREATE POLICY services ON public.month_file_pieces USING ((CURRENT_USER <> 'notaponte_panel'::name));

CREATE POLICY services ON public.month_files USING ((CURRENT_USER <> 'notaponte_panel'::name));

CREATE POLICY services ON public.nota_connections USING ((CURRENT_USER <> 'notaponte_panel'::name));

CREATE POLICY services ON public.nota_days USING ((CURRENT_USER <> 'notaponte_panel'::name));

CREATE POLICY services ON public.notas USING ((CURRENT_USER <> 'notaponte_panel'::name));

CREATE POLICY services ON public.outbox USING ((CURRENT_USER <> 'notaponte_panel'::name));

CREATE POLICY services ON public.person_links USING ((CURRENT_USER <> 'notaponte_panel'::name));

CREATE POLICY services ON public.reconciler_passes USING ((CURRENT_USER <> 'notaponte_panel'::name));

CREATE POLICY services ON public.refunds_pending USING ((CURRENT_USER <> 'notaponte_panel'::name));

CREATE POLICY services ON public.refunds_seen USING ((CURRENT_USER <> 'notaponte_panel'::name));

CREATE POLICY services ON public.restore_checks USING ((CURRENT_USER <> 'notaponte_panel'::name));

CREATE POLICY services ON public.restore_finds USING ((CURRENT_USER <> 'notaponte_panel'::name));

CREATE POLICY services ON public.retention_walks USING ((CURRENT_USER <> 'notaponte_panel'::name));

CREATE POLICY services ON public.rps_numbers USING ((CURRENT_USER <> 'notaponte_panel'::name));

CREATE POLICY services ON public.rps_series USING ((CURRENT_USER <> 'notaponte_panel'::name));

CREATE POLICY services ON public.rule_versions USING ((CURRENT_USER <> 'notaponte_panel'::name));

CREATE POLICY services ON public.sale_parts USING ((CURRENT_USER <> 'notaponte_panel'::name));

CREATE POLICY services ON public.sales USING ((CURRENT_USER <> 'notaponte_panel'::name));

CREATE POLICY services ON public.saved_filters USING ((CURRENT_USER <> 'notaponte_panel'::name));

CREATE POLICY services ON public.status_webhooks USING ((CURRENT_USER <> 'notaponte_panel'::name));

CREATE POLICY services ON public.tenant_brakes USING ((CURRENT_USER <> 'notaponte_panel'::name));

CREATE POLICY services ON public.tenants USING ((CURRENT_USER <> 'notaponte_panel'::name));

CREATE POLICY services ON public.timeline USING ((CURRENT_USER <> 'notaponte_panel'::name));

CREATE POLICY services ON public.unknown_denials USING ((CURRENT_USER <> 'notaponte_panel'::name));

CREATE POLICY services ON public.vindi_connections USING ((CURRENT_USER <> 'notaponte_panel'::name));

CREATE POLICY services ON public.vindi_oddities USING ((CURRENT_USER <> 'notaponte_panel'::name));

CREATE POLICY services ON public.webhook_deliveries USING ((CURRENT_USER <> 'notaponte_panel'::name));

CREATE POLICY services ON public.webhook_rejections USING ((CURRENT_USER <> 'notaponte_panel'::name));

CREATE POLICY services ON public.webhook_secrets USING ((CURRENT_USER <> 'notaponte_panel'::name));

ALTER TABLE public.status_webhooks ENABLE ROW LEVEL SECURITY;

CREATE POLICY taken_back ON public.departures AS RESTRICTIVE FOR DELETE TO notaponte_panel, notaponte_services USING ((state = 'cancelled'::text));

ALTER TABLE public.tenant_brakes ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.tenants ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.timeline ENABLE ROW LEVEL SECURITY;

CREATE POLICY under_way ON public.departures AS RESTRICTIVE FOR UPDATE TO notaponte_panel, notaponte_services USING ((state = ANY (ARRAY['waiting'::text, 'deleting'::text]))) WITH CHECK (((state <> 'deleting'::text) OR (delete_at <= now())));

ALTER TABLE public.unknown_denials ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.vindi_connections ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.vindi_oddities ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.webhook_deliveries ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.webhook_rejections ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.webhook_secrets ENABLE ROW LEVEL SECURITY;
