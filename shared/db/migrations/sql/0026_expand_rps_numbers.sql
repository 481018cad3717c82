-- Why: some companies number their RPS themselves. A number is handed out in the transaction that
-- writes the nota's intent, stays with that nota however often it is sent, and is never given to
-- another one: the primary key says so. Numbers are a company's in an environment, so they hang on
-- the connection; where the running number starts is a person's word.

ALTER TABLE notas
    ADD COLUMN IF NOT EXISTS rps_series text,
    ADD COLUMN IF NOT EXISTS rps_number bigint;

CREATE TABLE IF NOT EXISTS rps_series (
    tenant_id     text NOT NULL REFERENCES tenants,
    connection_id integer NOT NULL,
    series        text NOT NULL CHECK (series ~ '^[0-9A-Za-z]{1,5}$'),
    next_number   bigint NOT NULL CHECK (next_number >= 1),
    set_by        text NOT NULL,
    set_at        timestamptz NOT NULL,
    reason        text NOT NULL,
    PRIMARY KEY (tenant_id, connection_id, series),
    FOREIGN KEY (tenant_id, connection_id) REFERENCES nota_connections (tenant_id, connection_id)
);

-- `refused`: the city said that it was used, and a person that the nota does not exist; the nota
-- has another one since.
CREATE TABLE IF NOT EXISTS rps_numbers (
    tenant_id     text NOT NULL,
    connection_id integer NOT NULL,
    series        text NOT NULL,
    number        bigint NOT NULL CHECK (number >= 1),
    bill_id       bigint NOT NULL,
    part          smallint NOT NULL,
    revision      integer NOT NULL,
    given_at      timestamptz NOT NULL,
    refused       boolean NOT NULL DEFAULT false,
    PRIMARY KEY (tenant_id, connection_id, series, number),
    FOREIGN KEY (tenant_id, connection_id, series)
        REFERENCES rps_series (tenant_id, connection_id, series)
);

CREATE UNIQUE INDEX IF NOT EXISTS rps_numbers_one_of_a_nota
    ON rps_numbers (tenant_id, bill_id, part, revision, connection_id, series) WHERE NOT refused;

DO $$
DECLARE
    one text;
BEGIN
    FOREACH one IN ARRAY ARRAY['rps_series', 'rps_numbers'] LOOP
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
