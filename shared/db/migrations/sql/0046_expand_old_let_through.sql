-- Why: after one click on five old notas ten, twenty and forty of the days that followed left without
-- anybody's look, since each day's own count explained twice as many the next. Only what a person let
-- through doubles from now on, so it is counted by itself. None of the days before: they explain as
-- many again. At once, whatever the size.
ALTER TABLE nota_days ADD COLUMN IF NOT EXISTS old_freed integer NOT NULL DEFAULT 0;
