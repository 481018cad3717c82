-- Why: a tenant that comes from another integration sees for a while what we would issue, before we do. In
-- shadow nothing has an `active_from` yet; `shadow_from` is since when sales are decided to be told only,
-- and stays when notas are issued. The code before issues nothing for a status it does not know.
ALTER TABLE tenants ADD COLUMN IF NOT EXISTS shadow_from timestamptz;

ALTER TABLE tenants
    DROP CONSTRAINT IF EXISTS tenants_status_check,
    ADD CONSTRAINT tenants_status_check
        CHECK (status IN ('setting_up', 'shadow', 'active', 'paused')) NOT VALID;

ALTER TABLE tenants
    DROP CONSTRAINT IF EXISTS tenants_check,
    ADD CONSTRAINT tenants_check
        CHECK (status IN ('setting_up', 'shadow') OR active_from IS NOT NULL) NOT VALID;

ALTER TABLE tenants
    DROP CONSTRAINT IF EXISTS tenants_shadow_check,
    ADD CONSTRAINT tenants_shadow_check
        CHECK (status <> 'shadow' OR (shadow_from IS NOT NULL AND active_from IS NULL)) NOT VALID;

ALTER TABLE tenants VALIDATE CONSTRAINT tenants_status_check;

ALTER TABLE tenants VALIDATE CONSTRAINT tenants_check;

ALTER TABLE tenants VALIDATE CONSTRAINT tenants_shadow_check;

-- Why: people look for the sales of a product, a plan or a method of payment; bills are sealed. Written with
-- each decision, so sales decided before have none until they are decided again.
ALTER TABLE sales
    ADD COLUMN IF NOT EXISTS products text,
    ADD COLUMN IF NOT EXISTS plan text,
    ADD COLUMN IF NOT EXISTS method text;

-- Together:

-- Why: one action for thousands of sales outlives the page that asked for it. A job names its sales as they
-- were shown; `done` of them were asked for, in the commits that did so, and those refused say why. `once_word`
-- is the form's own: sent twice it is one job.
CREATE TABLE bulk_jobs (
    tenant_id  text NOT NULL REFERENCES tenants,
    job_id     text NOT NULL,
    action     text NOT NULL CHECK (action IN ('retry', 'hold', 'release', 'issue', 'cancel')),
    reason     text NOT NULL,
    about      text NOT NULL DEFAULT '',
    asked_by   text NOT NULL,
    asked_at   timestamptz NOT NULL,
    once_word  text NOT NULL,
    bills      bigint[] NOT NULL,
    status     text NOT NULL DEFAULT 'queued'
               CHECK (status IN ('queued', 'running', 'completed', 'cancelled', 'failed')),
    done       int NOT NULL DEFAULT 0,
    accepted   int NOT NULL DEFAULT 0,
    failures   int NOT NULL DEFAULT 0,
    started_at timestamptz,
    turn_at    timestamptz NOT NULL,
    ended_at   timestamptz,
    PRIMARY KEY (tenant_id, job_id),
    UNIQUE (tenant_id, once_word),
    CHECK (done BETWEEN 0 AND cardinality(bills))
);

CREATE INDEX bulk_jobs_open ON bulk_jobs (turn_at) WHERE status IN ('queued', 'running');

CREATE TABLE bulk_refusals (
    tenant_id text NOT NULL,
    job_id    text NOT NULL,
    bill_id   bigint NOT NULL,
    code      text NOT NULL,
    why       text NOT NULL,
    PRIMARY KEY (tenant_id, job_id, bill_id),
    FOREIGN KEY (tenant_id, job_id) REFERENCES bulk_jobs ON DELETE CASCADE
);

-- Why: a list that somebody looks at every morning has a name. `query` is the list's own address, in which
-- what was searched for is sealed already.
CREATE TABLE saved_filters (
    tenant_id text NOT NULL REFERENCES tenants,
    name_key  text NOT NULL,
    name      text NOT NULL,
    query     text NOT NULL,
    saved_by  text NOT NULL,
    saved_at  timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, name_key)
);

DO $$
DECLARE
    one text;
BEGIN
    FOREACH one IN ARRAY ARRAY['bulk_jobs', 'bulk_refusals', 'saved_filters'] LOOP
        EXECUTE format('CREATE POLICY services ON %I USING (current_user <> %L)',
                       one, 'notaponte_panel');
        EXECUTE format('CREATE POLICY panel ON %I TO notaponte_panel'
                       ' USING (tenant_id = current_setting(%L, true))',
                       one, 'notaponte.tenant');
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', one);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO notaponte_panel', one);
    END LOOP;
END $$;
