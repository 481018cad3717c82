-- Why: the catalogue of refusals says for each code who acts, what helps and what may happen by itself;
-- a denial keeps the row it is, so that this is shown wherever the sale is. null: only the class is known.
ALTER TABLE notas ADD COLUMN IF NOT EXISTS denial_cause text;

-- Why: dating a nota today moves it into another month. A person says so for that one wish, and no other
-- wish moves a nota that was denied for something else.
ALTER TABLE sales ADD COLUMN IF NOT EXISTS day_choice text;

ALTER TABLE sales
    DROP CONSTRAINT IF EXISTS sales_day_choice_check,
    ADD CONSTRAINT sales_day_choice_check CHECK (day_choice = 'today') NOT VALID;

ALTER TABLE sales VALIDATE CONSTRAINT sales_day_choice_check;

-- Together:

-- Why: an expired certificate, an unpaid account or a company that may not issue refuses every sale of the
-- company: a state of its own, with the columns of issuer_breakers. Not a row of that table: the code
-- before knows no such scope, and reads all of a tenant's.
CREATE TABLE company_breakers (
    tenant_id     text PRIMARY KEY,
    cause         text,
    state         text NOT NULL DEFAULT 'closed' CHECK (state IN ('closed', 'open', 'restarting')),
    since         timestamptz NOT NULL,
    failures      int NOT NULL DEFAULT 0,
    failing_since timestamptz,
    openings      int NOT NULL DEFAULT 0,
    probe_at      timestamptz,
    slots         int NOT NULL DEFAULT 0,
    taken         int NOT NULL DEFAULT 0,
    round_until   timestamptz
);

-- Why: texts that the catalogue does not know are kept and counted, so that it can grow, also after their
-- notas were sent again. One row a tenant and cause; the text is sealed, as the city may name a customer.
CREATE TABLE unknown_denials (
    tenant_id    text NOT NULL,
    denial_group text NOT NULL,
    reason       bytea,
    bill_id      bigint NOT NULL,
    count        bigint NOT NULL DEFAULT 0,
    first_at     timestamptz NOT NULL,
    last_at      timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, denial_group)
);
