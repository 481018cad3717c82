-- At once whatever its size; code from before neither reads nor writes it.
ALTER TABLE backfills
    ADD COLUMN omitted boolean NOT NULL DEFAULT false;  -- rows of a list never came
