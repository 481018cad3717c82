-- Why: after a failover what may have left under the lost rows has half a minute to arrive before
-- anything of before is issued. Emitters that live through it know what of theirs is answered: each
-- says here that it lives, which restore it minds, and for which sales requests of before are still
-- open (TENANT/BILL). Once all have said so no other sale waits any more.
CREATE TABLE IF NOT EXISTS emitters (
    emitter   text PRIMARY KEY,
    beats_at  timestamptz NOT NULL,
    knows_of  timestamptz,
    waits_for text[] NOT NULL DEFAULT '{}'
);

-- Emitters of before this migration say nothing of themselves, and cannot be seen: for as long as
-- they may still be replaced nobody's word is taken.
ALTER TABLE database_life ADD COLUMN IF NOT EXISTS older_code_until timestamptz;
UPDATE database_life SET older_code_until = now() + interval '1 hour';

-- A list may be read from `open_after` on, where that is known; then the company issues again, but
-- for the sales of which something may still arrive: those wait for a reading of after `read_after`.
ALTER TABLE restore_checks
    ADD COLUMN IF NOT EXISTS open_after timestamptz,
    ADD COLUMN IF NOT EXISTS opened_at timestamptz,
    ADD COLUMN IF NOT EXISTS waits_for bigint[] NOT NULL DEFAULT '{}',
    ADD COLUMN IF NOT EXISTS lease_until timestamptz;  -- one reader of a list at a time
