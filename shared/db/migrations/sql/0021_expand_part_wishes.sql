-- Why: a person takes back, or wants anew, one nota of a divided sale; the others stand. The wish is
-- the nota's: 'cancel' stays with a cancelled one as the word that it is left out, 'issue' on a
-- cancelled one is the word that another is owed in its place. A nota issued anew alone has a new
-- revision and begins no new round of its sale; null: its revision is its round.
ALTER TABLE notas
    ADD COLUMN IF NOT EXISTS wish text,
    ADD COLUMN IF NOT EXISTS round integer;

-- First for what is written from now on, so that nobody waits while all rows are looked at.
ALTER TABLE notas
    DROP CONSTRAINT IF EXISTS notas_wish_check,
    ADD CONSTRAINT notas_wish_check CHECK (wish IN ('cancel', 'issue')) NOT VALID;

-- Together:

ALTER TABLE notas VALIDATE CONSTRAINT notas_wish_check;
