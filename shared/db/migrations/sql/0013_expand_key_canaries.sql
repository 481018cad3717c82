-- Why: a service under wrong SECRET_KEYS started, said that it was ready, and could open nothing. One
-- small value is kept under each key that seals; a service opens them all before it begins.
CREATE TABLE key_canaries (
    key_id     bytea PRIMARY KEY CHECK (length(key_id) = 4), -- as in what was made with it
    value      bytea NOT NULL,
    created_at timestamptz NOT NULL
);
