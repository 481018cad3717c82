-- Why: sales of some days are found among those of years, and a closing's month with them.
CREATE INDEX CONCURRENTLY IF NOT EXISTS sales_by_moment
    ON sales (tenant_id, moment_at, bill_id) WHERE moment_at IS NOT NULL;

-- Why: those of one cause are listed a page at a time; what goes on by itself has no code.
CREATE INDEX CONCURRENTLY IF NOT EXISTS sales_by_code
    ON sales (tenant_id, code, bill_id) WHERE code IS NOT NULL;

CREATE INDEX CONCURRENTLY IF NOT EXISTS sales_by_attention
    ON sales (tenant_id, attention, bill_id) WHERE attention IS NOT NULL;

DROP INDEX CONCURRENTLY IF EXISTS sales_with_attention;

-- Together:

-- Why: figures over very many sales take longer to add up than a page may take. They are kept with
-- the instant they are of, and shown with it. Nothing is decided by them, and each is added up anew
-- from what it is about, so losing a row, or all of them, costs a second.
CREATE TABLE IF NOT EXISTS kept_figures (
    tenant_id   text NOT NULL,
    name        text NOT NULL CHECK (length(name) BETWEEN 1 AND 60),
    as_of       timestamptz NOT NULL,
    took_ms     int NOT NULL,
    body        text NOT NULL,
    outdated_at timestamptz,
    PRIMARY KEY (tenant_id, name)
);

DROP POLICY IF EXISTS services ON kept_figures;
DROP POLICY IF EXISTS panel ON kept_figures;
CREATE POLICY services ON kept_figures USING (current_user <> 'notaponte_panel');
CREATE POLICY panel ON kept_figures TO notaponte_panel
    USING (tenant_id = current_setting('notaponte.tenant', true));
ALTER TABLE kept_figures ENABLE ROW LEVEL SECURITY;
GRANT SELECT, INSERT, UPDATE, DELETE ON kept_figures TO notaponte_panel;
