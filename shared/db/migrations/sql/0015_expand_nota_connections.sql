-- Why: a nota belongs to the company and the environment it was asked for in (design D18). It is
-- looked up, followed, cancelled and fetched there, also after the tenant went on to another one,
-- so a connection that was left stays readable with the last key we know of it.

-- NULL: asked for before this was kept, or by code that does not know of it: the oldest connection
-- of its environment (shared.db.sales.notas_store). So not every row has to be written anew.
ALTER TABLE notas ADD COLUMN IF NOT EXISTS connection_id integer;

-- Together:

-- Who went live before has sales that look issued and were only tests: they are owed still, and a
-- person says which of them. A worker that has one looks again before it writes; and rows are
-- locked in the order in which workers lock them: outbox, notas, sales.
UPDATE outbox o SET generation = o.generation + 1
  FROM issuer_connections c
 WHERE c.tenant_id = o.tenant_id AND c.environment = 'Producao' AND o.state <> 'settled'
   AND EXISTS (SELECT FROM notas n
                WHERE n.tenant_id = o.tenant_id AND n.bill_id = o.bill_id
                  AND n.environment = 'Homologacao' AND n.status <> 'cancelled');

CREATE TABLE nota_connections (
    tenant_id     text NOT NULL REFERENCES tenants,
    connection_id integer NOT NULL CHECK (connection_id >= 1),
    kind          text NOT NULL CHECK (kind IN ('enotas')),
    environment   text NOT NULL CHECK (environment IN ('Homologacao', 'Producao')),
    api_key       bytea NOT NULL,            -- sealed
    key_hint      text NOT NULL CHECK (length(key_hint) <= 4),
    key_word      text NOT NULL,
    company_id    text NOT NULL,
    company_name  text NOT NULL,
    company_cnpj  text,
    state         text NOT NULL DEFAULT 'ok',  -- of a former one: why it cannot be asked
    state_since   timestamptz NOT NULL DEFAULT now(),
    connected_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, connection_id)
);

-- Issuers' ids of companies are the same whichever way their letters are written.
CREATE UNIQUE INDEX nota_connections_one ON nota_connections
    (tenant_id, kind, lower(company_id), environment);

-- Of the notas so far only the environment is known. They were born at the company that is
-- connected now: under its key, which is that of both environments.
INSERT INTO nota_connections (tenant_id, connection_id, kind, environment, api_key, key_hint,
                              key_word, company_id, company_name, company_cnpj, connected_at)
SELECT c.tenant_id, row_number() OVER (PARTITION BY c.tenant_id
                                       ORDER BY (e.environment = c.environment) DESC),
       c.kind, e.environment, c.api_key, c.key_hint, c.key_word, c.company_id, c.company_name,
       c.company_cnpj, c.connected_at
  FROM issuer_connections c
  JOIN (SELECT tenant_id, environment FROM issuer_connections
         UNION SELECT DISTINCT tenant_id, environment FROM notas) e ON e.tenant_id = c.tenant_id;

-- What may be sent again, or is still under way, is bound to it in writing.
UPDATE notas n SET connection_id = k.connection_id
  FROM nota_connections k
 WHERE k.tenant_id = n.tenant_id AND k.environment = n.environment
   AND (n.status IN ('sending', 'uncertain', 'pending', 'denied', 'cancelling')
        OR n.status = 'cancelled' AND n.raw_status = 'never_arrived');

-- A denied one stays as it is, but beside one that was issued.
UPDATE notas n SET status = 'cancelled', raw_status = 'issued_as_test', resend = false,
       resend_at = NULL, look_up_at = NULL
  FROM issuer_connections c
 WHERE c.tenant_id = n.tenant_id AND c.environment = 'Producao'
   AND n.environment = 'Homologacao' AND n.status <> 'cancelled'
   AND EXISTS (SELECT FROM notas o
                WHERE o.tenant_id = n.tenant_id AND o.bill_id = n.bill_id
                  AND o.environment = 'Homologacao'
                  AND o.status NOT IN ('cancelled', 'denied'));

-- Nothing was called so before, so these are all; but for those that have a real nota since.
UPDATE sales s SET status = 'held', code = 'issued_as_test', detail = '', attention = NULL,
       updated_at = now()
  FROM issuer_connections c
 WHERE c.tenant_id = s.tenant_id AND c.environment = 'Producao'
   AND EXISTS (SELECT FROM notas n
                WHERE n.tenant_id = s.tenant_id AND n.bill_id = s.bill_id
                  AND n.raw_status = 'issued_as_test')
   AND NOT EXISTS (SELECT FROM notas r
                    WHERE r.tenant_id = s.tenant_id AND r.bill_id = s.bill_id
                      AND r.environment = 'Producao' AND r.status <> 'cancelled');

INSERT INTO timeline (tenant_id, bill_id, what, why, by)
SELECT tenant_id, bill_id, 'held', 'issued_as_test: a nota foi emitida em homologação', 'migration'
  FROM sales WHERE code = 'issued_as_test';

-- What was sent on a day is the history that its brakes compare with, and tests are not counted.
UPDATE nota_days d
   SET notas = greatest(d.notas - t.notas, 0), amount = greatest(d.amount - t.amount, 0),
       backfilled = greatest(d.backfilled - t.backfilled, 0)
  FROM (SELECT n.tenant_id, (n.created_at AT TIME ZONE z.timezone)::date AS day,
               count(*) AS notas, sum(n.amount)::bigint AS amount,
               count(*) FILTER (WHERE s.backfill IS NOT NULL) AS backfilled
          FROM notas n
          JOIN tenants z ON z.tenant_id = n.tenant_id
          JOIN sales s ON s.tenant_id = n.tenant_id AND s.bill_id = n.bill_id
         WHERE n.environment = 'Homologacao' AND n.created_at > now() - interval '40 days'
         GROUP BY n.tenant_id, day) t
 WHERE d.tenant_id = t.tenant_id AND d.day = t.day;

-- Whose account it is: one budget for it, and a word of warning, whichever tenants read it.
ALTER TABLE vindi_connections ADD COLUMN merchant_id bigint;
CREATE INDEX vindi_connections_by_merchant ON vindi_connections (merchant_id)
    WHERE merchant_id IS NOT NULL;
CREATE INDEX issuer_connections_by_company ON issuer_connections (lower(company_id));
