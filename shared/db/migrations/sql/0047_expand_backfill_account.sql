-- Why: a backfill went on in the middle of another account's list once its tenant had changed accounts,
-- and ended as complete. It remembers the account that it began with; none where that is not known.
ALTER TABLE backfills ADD COLUMN IF NOT EXISTS account text;
