-- Why: a person may have one sale issued without the buyer's CPF or CNPJ, with a reason, without
-- a rule that says so of all.
ALTER TABLE sales ADD COLUMN IF NOT EXISTS without_document boolean NOT NULL DEFAULT false;

-- Why: what is said of a refund names its day.
ALTER TABLE bills ADD COLUMN IF NOT EXISTS refunded_at timestamptz;

-- Why: an address that answers with somebody else's pages is told from an issuer that is away.
ALTER TABLE issuer_breakers ADD COLUMN IF NOT EXISTS cause text;
