-- Why: a month of a hundred thousand sales takes a while to become a workbook. It is made behind,
-- by whichever process has the lease, and whoever asked sees how far it is. One of a kind for each
-- month: asking again makes it afresh. It is forgotten after a day.
CREATE TABLE IF NOT EXISTS month_files (
    tenant_id   text NOT NULL REFERENCES tenants,
    month       date NOT NULL CHECK (extract(day FROM month) = 1),
    kind        text NOT NULL CHECK (kind IN ('csv-excel', 'csv-excel-notas', 'xlsx')),
    state       text NOT NULL DEFAULT 'queued'
                CHECK (state IN ('queued', 'working', 'ready', 'failed')),
    asked_by    text NOT NULL,
    asked_at    timestamptz NOT NULL,
    attempt     int NOT NULL DEFAULT 1,
    failures    int NOT NULL DEFAULT 0,
    lease_until timestamptz,
    rows_done   bigint NOT NULL DEFAULT 0,
    rows_total  bigint,
    bytes       bigint,
    ready_at    timestamptz,
    PRIMARY KEY (tenant_id, month, kind)
);

-- Whoever looks for work finds what is open, however many files lie ready.
CREATE INDEX IF NOT EXISTS month_files_open
    ON month_files (tenant_id, asked_at) WHERE state IN ('queued', 'working');

-- Pieces of an attempt: a worker that lost its lease writes beside the file, not into it.
CREATE TABLE IF NOT EXISTS month_file_pieces (
    tenant_id text NOT NULL,
    month     date NOT NULL,
    kind      text NOT NULL,
    attempt   int NOT NULL,
    place     int NOT NULL,
    piece     bytea NOT NULL,
    PRIMARY KEY (tenant_id, month, kind, attempt, place),
    FOREIGN KEY (tenant_id, month, kind) REFERENCES month_files ON DELETE CASCADE
);

-- Why: somebody may sign in by their company's own door (OpenID Connect). What that door calls
-- them is kept sealed, and found by its keyed word.
CREATE TABLE IF NOT EXISTS person_identities (
    identity_word bytea PRIMARY KEY,
    identity      bytea NOT NULL,
    person_id     text NOT NULL REFERENCES people ON DELETE CASCADE,
    made_at       timestamptz NOT NULL
);

CREATE INDEX IF NOT EXISTS person_identities_of_person ON person_identities (person_id);

-- Why: the panel shows the company as the issuer has it, with the end of its certificate, also
-- while the issuer does not answer. No personal data, no key.
ALTER TABLE issuer_connections ADD COLUMN IF NOT EXISTS company_facts jsonb;

ALTER TABLE issuer_connections ADD COLUMN IF NOT EXISTS checked_at timestamptz;

ALTER TABLE vindi_connections ADD COLUMN IF NOT EXISTS checked_at timestamptz;

-- Why: a status webhook can be tried, and a try is about no sale.
ALTER TABLE webhook_deliveries ALTER COLUMN bill_id DROP NOT NULL;

-- Why: "what happened between two instants" of one tenant, whatever it is about.
CREATE INDEX CONCURRENTLY IF NOT EXISTS timeline_by_time
    ON timeline (tenant_id, at, entry_id) WHERE at IS NOT NULL;

CREATE INDEX CONCURRENTLY IF NOT EXISTS audit_by_time
    ON audit (tenant_id, at, entry_id) WHERE at IS NOT NULL;

-- Together:

DO $$
DECLARE
    one text;
BEGIN
    FOREACH one IN ARRAY ARRAY['month_files', 'month_file_pieces'] LOOP
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
