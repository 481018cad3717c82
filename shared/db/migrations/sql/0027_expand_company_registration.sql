-- Why: a buyer of another city may not keep ISS back, and a MEI says no rate: where the company is
-- and how it is taxed tell what would surely be refused. Null: its registration does not say, or it
-- was connected by the code before.
ALTER TABLE issuer_connections
    ADD COLUMN IF NOT EXISTS company_city text,
    ADD COLUMN IF NOT EXISTS company_regime text;
