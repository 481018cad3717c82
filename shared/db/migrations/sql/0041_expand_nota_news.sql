-- Why: after news of a nota it is asked about within seconds, again and again, and what its issuer
-- says with an instant before the one we keep is settled within minutes: both need to know since
-- when. At once whatever the table's size.
ALTER TABLE notas
    ADD COLUMN tied_at timestamptz,  -- since when the issuer says what `tied` has
    ADD COLUMN news_at timestamptz;  -- when its last news was looked up, and nothing new was shown
