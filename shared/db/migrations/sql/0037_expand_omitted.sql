-- Why: what a list of Vindi's never shows keeps nothing else from a backfill, which therefore has to
-- remember until its end that something was left out. At once whatever the table's size.
ALTER TABLE backfills
    ADD COLUMN omitted boolean NOT NULL DEFAULT false;  -- rows of a list never came
