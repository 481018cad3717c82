-- Why: a process of the panel that is killed while it does a form left everybody waiting for two minutes,
-- as long as the slowest call of the API may take. Whoever does a form says every few seconds that it still
-- does; silence is what tells a death. Empty for calls of the API and in rows of the code before, which wait
-- as they did.
ALTER TABLE idempotency_keys ADD COLUMN IF NOT EXISTS alive_at timestamptz;
