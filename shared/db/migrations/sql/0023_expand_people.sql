-- Why: the panel lists what needs a look of a tenant with a million sales, few of which do.
CREATE INDEX CONCURRENTLY IF NOT EXISTS sales_with_attention
    ON sales (tenant_id, attention) WHERE attention IS NOT NULL;

-- Why: a nota is looked for by its number, which the customer has on paper.
CREATE INDEX CONCURRENTLY IF NOT EXISTS notas_by_number
    ON notas (tenant_id, number) WHERE number IS NOT NULL;

-- Why: people who sign in to the panel belong to no tenant: an accountant looks after several.
-- An address is sealed and found by its keyed word; a name is readable, as it stands in histories.
CREATE TABLE IF NOT EXISTS people (
    person_id     text PRIMARY KEY CHECK (person_id ~ '^p[a-z0-9]{10}$'),
    email_word    bytea NOT NULL UNIQUE,
    email         bytea NOT NULL,
    name          text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    password      text NOT NULL,
    staff         text CHECK (staff IN ('support', 'operator')),
    totp          bytea,
    totp_step     bigint NOT NULL DEFAULT 0,
    recovery      text[] NOT NULL DEFAULT '{}',
    created_at    timestamptz NOT NULL DEFAULT now(),
    password_at   timestamptz NOT NULL DEFAULT now()
);

-- Of a session the hash of its word is kept, and nothing that would let anybody in.
CREATE TABLE IF NOT EXISTS panel_sessions (
    token_hash bytea PRIMARY KEY CHECK (length(token_hash) = 32),
    person_id  text NOT NULL REFERENCES people ON DELETE CASCADE,
    created_at timestamptz NOT NULL,
    seen_at    timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    wants_code boolean NOT NULL DEFAULT false
);

CREATE INDEX IF NOT EXISTS panel_sessions_of_person ON panel_sessions (person_id);

-- Failed sign-ins of one source for one account, and of one source for all: who guesses is slowed
-- down, and nobody else. Both are keyed words.
CREATE TABLE IF NOT EXISTS sign_in_failures (
    source_word  bytea NOT NULL,
    account_word bytea NOT NULL,
    failures     int NOT NULL,
    last_at      timestamptz NOT NULL,
    PRIMARY KEY (source_word, account_word)
);

CREATE TABLE IF NOT EXISTS memberships (
    tenant_id text NOT NULL REFERENCES tenants,
    person_id text NOT NULL REFERENCES people ON DELETE CASCADE,
    role      text NOT NULL CHECK (role IN ('owner', 'finance', 'accountant')),
    added_at  timestamptz NOT NULL DEFAULT now(),
    added_by  text NOT NULL,
    PRIMARY KEY (tenant_id, person_id)
);

CREATE INDEX IF NOT EXISTS memberships_of_person
    ON memberships (person_id) WHERE person_id IS NOT NULL;

-- Links that let somebody in once: an invitation to a tenant ('-' for one that is made with it, or
-- for our own staff), or a new password for a person.
CREATE TABLE IF NOT EXISTS person_links (
    tenant_id  text NOT NULL,
    token_hash bytea NOT NULL CHECK (length(token_hash) = 32),
    kind       text NOT NULL CHECK (kind IN ('invitation', 'password')),
    role       text CHECK (role IN ('owner', 'finance', 'accountant', 'support', 'operator')),
    email      bytea,
    person_id  text REFERENCES people ON DELETE CASCADE,
    made_by    text NOT NULL,
    made_at    timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at    timestamptz,
    PRIMARY KEY (tenant_id, token_hash),
    CHECK ((kind = 'invitation') = (role IS NOT NULL)),
    CHECK ((kind = 'password') = (person_id IS NOT NULL))
);

-- Why: what the panel does for a person runs as a role that sees the tenant of the page and no
-- other, whatever a statement forgets. The role logs in nowhere; it is taken on for a transaction.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'notaponte_panel') THEN
        CREATE ROLE notaponte_panel NOLOGIN;
    END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
    NULL;
END $$;

-- Whoever may make roles and is no superuser (a managed server's owner) is a member of what it makes
-- from PostgreSQL 16 on, and may still not take it on: that is a right of its own there.
DO $$
DECLARE
    needed text := CASE WHEN current_setting('server_version_num')::int >= 160000
                        THEN 'SET' ELSE 'MEMBER' END;
BEGIN
    IF NOT pg_has_role(current_user, 'notaponte_panel', needed) THEN
        EXECUTE format('GRANT notaponte_panel TO %I', current_user);
    END IF;
END $$;

-- A table at a time, so that none is locked longer than its own change takes. Services are owners
-- or have the policy of their own; `panel` alone is for the role above.
DO $$
DECLARE
    one text;
BEGIN
    FOR one IN
        SELECT c.relname FROM pg_class c
          JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id'
         WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
           AND NOT c.relispartition AND NOT a.attisdropped
         ORDER BY 1
    LOOP
        EXECUTE format('DROP POLICY IF EXISTS services ON %I', one);
        EXECUTE format('DROP POLICY IF EXISTS panel ON %I', one);
        EXECUTE format('CREATE POLICY services ON %I USING (current_user <> %L)',
                       one, 'notaponte_panel');
        EXECUTE format('CREATE POLICY panel ON %I TO notaponte_panel'
                       ' USING (tenant_id = current_setting(%L, true))',
                       one, 'notaponte.tenant');
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', one);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO notaponte_panel', one);
        COMMIT;
    END LOOP;
END $$;

-- Together:

-- Links let people in: what a page of a tenant needs of them it asks through the front door.
REVOKE ALL ON person_links FROM notaponte_panel;
