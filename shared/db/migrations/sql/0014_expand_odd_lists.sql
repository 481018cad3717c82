-- Why: some accounts answer lists oddly: without saying how long they are, with pages that repeat,
-- without honouring a list of ids. They are read otherwise, slower, and their health says so.
CREATE TABLE vindi_oddities (
    tenant_id text NOT NULL REFERENCES tenants,
    oddity    text NOT NULL,                     -- one of our stable words
    since     timestamptz NOT NULL,              -- the first of this row of sightings
    seen_at   timestamptz NOT NULL,              -- one of the last ten minutes' sightings, or the last
    PRIMARY KEY (tenant_id, oddity)
);
