-- Why: a person takes back, or wants anew, one nota of a divided sale; the others stand. The wish is
-- the nota's: 'cancel' stays with a cancelled one as the word that it is left out, 'issue' on a
-- cancelled one is the word that another is owed in its place, 'substitute' on a valid one that
-- another is to take its place. A nota issued anew alone has a new revision and begins no new round
-- of its sale; null: its revision is its round.
ALTER TABLE notas
    ADD COLUMN IF NOT EXISTS wish text,
    ADD COLUMN IF NOT EXISTS round integer,
    ADD COLUMN IF NOT EXISTS substitutes integer;

-- First for what is written from now on, so that nobody waits while all rows are looked at.
ALTER TABLE notas
    DROP CONSTRAINT IF EXISTS notas_wish_check,
    ADD CONSTRAINT notas_wish_check CHECK (wish IN ('cancel', 'issue', 'substitute')) NOT VALID;

-- Why: a nota that is to take the place of another (its revision in `substitutes`) is asked for while
-- that one still stands. One of each kind may live, and never two that are none.
-- First for a try that ended half way.
DROP INDEX CONCURRENTLY IF EXISTS notas_one_live_of_a_kind;

CREATE UNIQUE INDEX CONCURRENTLY notas_one_live_of_a_kind
    ON notas (tenant_id, bill_id, part, (substitutes IS NOT NULL)) WHERE status <> 'cancelled';

-- Together:

DROP INDEX notas_one_live;

ALTER TABLE notas VALIDATE CONSTRAINT notas_wish_check;
