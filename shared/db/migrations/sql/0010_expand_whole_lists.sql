-- Why: a list may repeat rows and leave out others while it is read page by page, so a backfill
-- remembers which rows of its list it has seen, and reads the list again if some never came.
ALTER TABLE backfills
    ADD COLUMN seen bigint[] NOT NULL DEFAULT '{}',  -- of the list being read: id, second of creation, id …
    ADD COLUMN list_total bigint,                    -- rows it had at first, by Vindi's count
    ADD COLUMN again integer NOT NULL DEFAULT 0;     -- how often it was begun anew

-- Why: a sale found just after it happened says nothing of the webhook until its event has had
-- time to come. So it is judged by a later pass: when its event was due, by bill.
ALTER TABLE reconciler_passes ADD COLUMN events_due jsonb NOT NULL DEFAULT '{}';
