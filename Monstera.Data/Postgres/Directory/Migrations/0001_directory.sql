-- The directory: what belongs to people, and which shard owns which rooms. Its tables know nothing of the rooms' (schema
-- rooms), nor those of these, although they may share a database: with several shards they do not.
--
-- What every dialect must keep (Sqlite/Migrations/0002_directory.sql says the same in SQLite's types):
--   * Every row of a person carries its tenant, and every query names it, but for the three look-ups below.
--   * Text that is compared or sorted is so by code point (COLLATE "C"), never by the database's language.
--   * Times are whole milliseconds, UTC.
--
-- A word of SQL that is none of ours: "user" is whoever is connected, so that SELECT user FROM session would answer
-- without an error. The table of users is account, and what refers to it is user_id.
--
-- The wall between tenants. The first is in the queries. Row level security is the second, for the query that forgets:
-- a transaction says whose rows it is about (monstera.tenants, an array of ids) and sees no others; one that says
-- nothing sees nothing. Settings are local to a transaction, so that they pass a pooler that shares connections between
-- transactions.
--
-- Three things start without a tenant:
--   * A session by its token. monstera.session_token (hex of the hash) shows the one session that has it, and the query
--     goes on with the tenant found there. To see a row, one must know a secret of 256 bits.
--   * A tenant by its key. monstera.tenant_key shows the row of that tenant and nothing else of it.
--   * The removal of what has expired, of all tenants. No setting may show everything to whoever sets it, so this is a
--     function that runs as the owner, for whom alone the policy for it is, and that gives back no row.
--
-- Unique keys and references hold for all rows, also those that one may not see. So that nobody learns of another
-- tenant's rows by running into them, each of them begins with the tenant; but for a session's token, a secret, and a
-- tenant's key.

CREATE FUNCTION directory.tenants() RETURNS uuid[] LANGUAGE sql STABLE PARALLEL SAFE
    RETURN nullif(current_setting('monstera.tenants', true), '')::uuid[];

CREATE TABLE directory.tenant (
    id            uuid     PRIMARY KEY,
    key           text     COLLATE "C" NOT NULL UNIQUE,
    name          text     NOT NULL,
    set_up        boolean  NOT NULL,
    default_room  uuid
);

CREATE TABLE directory.account (
    tenant          uuid         NOT NULL REFERENCES directory.tenant (id),
    id              uuid         NOT NULL,
    user_name       text         COLLATE "C" NOT NULL,    -- folded already (NFKC, lower case)
    display_name    text         NOT NULL,
    display_folded  text         COLLATE "C" NOT NULL,
    role            smallint     NOT NULL,
    created_at      timestamptz  NOT NULL,
    password_hash   text,
    failures        integer      NOT NULL DEFAULT 0,
    locked_until    timestamptz,
    subject         text         COLLATE "C",             -- what a host product calls the user
    PRIMARY KEY (tenant, id),
    CONSTRAINT account_user_name UNIQUE (tenant, user_name)
) WITH (fillfactor = 90);

CREATE UNIQUE INDEX account_subject ON directory.account (tenant, subject) WHERE subject IS NOT NULL;

CREATE TABLE directory.session (
    tenant        uuid         NOT NULL,
    id            uuid         NOT NULL,
    user_id       uuid         NOT NULL,
    token_hash    bytea        NOT NULL CHECK (octet_length(token_hash) = 32),
    created_at    timestamptz  NOT NULL,
    last_seen_at  timestamptz  NOT NULL,
    expires_at    timestamptz  NOT NULL,
    client        text,
    PRIMARY KEY (tenant, id),
    CONSTRAINT session_token UNIQUE (token_hash),
    FOREIGN KEY (tenant, user_id) REFERENCES directory.account (tenant, id)
) WITH (fillfactor = 90);

CREATE INDEX session_account ON directory.session (tenant, user_id);
CREATE INDEX session_expiry ON directory.session (expires_at);

CREATE TABLE directory.invite (
    tenant      uuid         NOT NULL REFERENCES directory.tenant (id),
    id          uuid         NOT NULL,
    code        text         COLLATE "C" NOT NULL,
    created_by  uuid         NOT NULL,
    created_at  timestamptz  NOT NULL,
    expires_at  timestamptz  NOT NULL,
    uses_left   integer      NOT NULL CHECK (uses_left >= 0),
    PRIMARY KEY (tenant, id),
    CONSTRAINT invite_code UNIQUE (tenant, code)
);

CREATE INDEX invite_expiry ON directory.invite (expires_at);

-- Who is in which room, as the shards told it. Memberships that ended stay (member = false): what came late is known to be
-- late, and somebody who comes back finds the read marker. Marking as read changes no index, and finds room on its page.
CREATE TABLE directory.user_room (
    tenant     uuid         NOT NULL,
    user_id    uuid         NOT NULL,
    room       uuid         NOT NULL,
    seq        bigint       NOT NULL,        -- the change that counts
    member     boolean      NOT NULL,
    joined_at  timestamptz  NOT NULL,
    read_seq   bigint       NOT NULL,
    PRIMARY KEY (tenant, user_id, room)
) WITH (fillfactor = 90);

-- Written by the health check, to prove that writing works.
CREATE TABLE directory.heartbeat (
    id     smallint  PRIMARY KEY CHECK (id = 1),
    beats  bigint    NOT NULL
) WITH (fillfactor = 10);

INSERT INTO directory.heartbeat (id, beats) VALUES (1, 0);

-- FORCE: it holds for the owner too. The sub-select is evaluated once for a query rather than for each row.
ALTER TABLE directory.tenant ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenants ON directory.tenant USING (id = ANY ((SELECT directory.tenants())::uuid[]));
CREATE POLICY by_key ON directory.tenant FOR SELECT USING (key = (SELECT current_setting('monstera.tenant_key', true)));

DO $$
DECLARE
    owned text;
BEGIN
    FOREACH owned IN ARRAY ARRAY['account', 'session', 'invite', 'user_room'] LOOP
        EXECUTE format('ALTER TABLE directory.%I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', owned);
        EXECUTE format('CREATE POLICY tenants ON directory.%I USING (tenant = ANY ((SELECT directory.tenants())::uuid[]))', owned);
    END LOOP;
END
$$;

CREATE POLICY by_token ON directory.session FOR SELECT
    USING (token_hash = (SELECT decode(current_setting('monstera.session_token', true), 'hex')));

-- A row is deleted by whoever may also read it.
CREATE POLICY owner_reads ON directory.session FOR SELECT TO CURRENT_USER USING (true);
CREATE POLICY owner_sweeps ON directory.session FOR DELETE TO CURRENT_USER USING (true);
CREATE POLICY owner_reads ON directory.invite FOR SELECT TO CURRENT_USER USING (true);
CREATE POLICY owner_sweeps ON directory.invite FOR DELETE TO CURRENT_USER USING (true);

-- Sessions and invitations of all tenants that have expired by the time given. One server at a time: two that delete the
-- same rows in different orders would wait for each other.
CREATE FUNCTION directory.remove_expired(expired_by timestamptz) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS
$$
    SELECT pg_advisory_xact_lock(hashtextextended('monstera.directory.remove_expired', 0));
    DELETE FROM directory.session WHERE expires_at <= expired_by;
    DELETE FROM directory.invite WHERE expires_at <= expired_by;
$$;

REVOKE ALL ON FUNCTION directory.remove_expired(timestamptz) FROM PUBLIC;
