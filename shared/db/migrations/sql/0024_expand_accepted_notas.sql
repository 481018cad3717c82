-- Why: a company that also issues elsewhere has notas at its issuer that nobody asked us for. A
-- person accepts them, with a reason, as they are: one that says something else later is asked
-- about again. Those not accepted are differences of the month's closing.
CREATE TABLE IF NOT EXISTS accepted_notas (
    tenant_id   text NOT NULL REFERENCES tenants,
    issuer_id   text NOT NULL,
    external_id text,
    number      text,
    amount      bigint,
    competencia date NOT NULL,
    created_on  date NOT NULL,
    reason      text NOT NULL CHECK (length(reason) BETWEEN 1 AND 500),
    accepted_by text NOT NULL,
    accepted_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, issuer_id)
);

CREATE INDEX IF NOT EXISTS accepted_notas_of_month
    ON accepted_notas (tenant_id, competencia) WHERE competencia IS NOT NULL;

-- Together:

DROP POLICY IF EXISTS services ON accepted_notas;
DROP POLICY IF EXISTS panel ON accepted_notas;
CREATE POLICY services ON accepted_notas USING (current_user <> 'notaponte_panel');
CREATE POLICY panel ON accepted_notas TO notaponte_panel
    USING (tenant_id = current_setting('notaponte.tenant', true));
ALTER TABLE accepted_notas ENABLE ROW LEVEL SECURITY;
GRANT SELECT, INSERT, UPDATE, DELETE ON accepted_notas TO notaponte_panel;
