-- Why: whoever works on a sale goes on with the trace of what made it due, in another process and
-- perhaps days later: then `traced_at` says that the new trace only names the old one. Both are NULL
-- where nothing is traced, and the code before leaves them so. A W3C traceparent has 55 characters.
ALTER TABLE outbox
    ADD COLUMN IF NOT EXISTS traceparent varchar(55),
    ADD COLUMN IF NOT EXISTS traced_at timestamptz;
