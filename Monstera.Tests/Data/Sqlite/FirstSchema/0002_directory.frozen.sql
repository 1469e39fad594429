-- The directory: what belongs to people. Its tables know nothing of the shard's (0001), nor those of these, although
-- they share a file here: with several shards they do not, and nothing may hang on it.
--
-- Every row carries its tenant, and every query names it, but for the lookup of a session by its secret token.

CREATE TABLE tenant (
    id            BLOB    PRIMARY KEY,
    key           TEXT    NOT NULL UNIQUE,
    name          TEXT    NOT NULL,
    set_up        INTEGER NOT NULL,
    default_room  BLOB
) WITHOUT ROWID;

CREATE TABLE user (
    id              BLOB    PRIMARY KEY,
    tenant          BLOB    NOT NULL REFERENCES tenant (id),
    user_name       TEXT    NOT NULL,    -- folded already (NFKC, lower case)
    display_name    TEXT    NOT NULL,
    display_folded  TEXT    NOT NULL,
    role            INTEGER NOT NULL,
    created_at      INTEGER NOT NULL,
    password_hash   TEXT,
    failures        INTEGER NOT NULL DEFAULT 0,
    locked_until    INTEGER,
    subject         TEXT,                -- what a host product calls the user
    UNIQUE (tenant, user_name)
) WITHOUT ROWID;

CREATE UNIQUE INDEX user_subject ON user (tenant, subject) WHERE subject IS NOT NULL;

CREATE TABLE session (
    id            BLOB    PRIMARY KEY,
    tenant        BLOB    NOT NULL,
    user          BLOB    NOT NULL REFERENCES user (id),
    token_hash    BLOB    NOT NULL UNIQUE,
    created_at    INTEGER NOT NULL,
    last_seen_at  INTEGER NOT NULL,
    expires_at    INTEGER NOT NULL,
    client        TEXT
) WITHOUT ROWID;

CREATE INDEX session_user ON session (user);
CREATE INDEX session_expiry ON session (expires_at);

CREATE TABLE invite (
    id          BLOB    PRIMARY KEY,
    tenant      BLOB    NOT NULL REFERENCES tenant (id),
    code        TEXT    NOT NULL,
    created_by  BLOB    NOT NULL,
    created_at  INTEGER NOT NULL,
    expires_at  INTEGER NOT NULL,
    uses_left   INTEGER NOT NULL,
    UNIQUE (tenant, code)
) WITHOUT ROWID;

-- Who is in which room, as the shards told it. Memberships that ended stay (member = 0): what came late is known to be
-- late, and somebody who comes back finds the read marker.
CREATE TABLE user_room (
    tenant      BLOB    NOT NULL,
    user        BLOB    NOT NULL,
    room        BLOB    NOT NULL,
    seq         INTEGER NOT NULL,        -- the change that counts
    member      INTEGER NOT NULL,
    joined_at   INTEGER NOT NULL,
    read_seq    INTEGER NOT NULL,
    PRIMARY KEY (tenant, user, room)
) WITHOUT ROWID;

-- Written by the health check, to prove that writing works.
CREATE TABLE heartbeat (
    id     INTEGER PRIMARY KEY CHECK (id = 1),
    beats  INTEGER NOT NULL
);

INSERT INTO heartbeat (id, beats) VALUES (1, 0);
