-- The rooms of one shard. The log (event) is the truth; member, message_state, reaction and reaction_emoji are projected
-- from it in the same transaction.
--
-- What every dialect must keep:
--   * A room's seqs are 1, 2, 3 … without a gap. The head is the log's last row: it is stored nowhere else and can
--     therefore never disagree with the log. Rows of event are never removed.
--   * Only the room row carries the tenant. All other rows are reached through room_key, and a room_key is only ever
--     got from a room row whose tenant was checked.
--   * Ids are 16 bytes, big endian, so that their order is that of their text. Times are milliseconds since 1970, UTC.
--   * A plain message writes one row of event with its entries in event_seq and event_client, and nothing else.

CREATE TABLE room (
    room_key     INTEGER PRIMARY KEY,
    id           BLOB    NOT NULL UNIQUE,
    tenant       BLOB    NOT NULL,
    kind         INTEGER NOT NULL,
    name         TEXT,
    name_folded  TEXT,                   -- NFKC, lower case: what is searched and sorted by
    name_seq     INTEGER NOT NULL,       -- the event that gave the name, the topic
    topic        TEXT,
    topic_seq    INTEGER NOT NULL,
    epoch        INTEGER NOT NULL,
    members      INTEGER NOT NULL,
    created_at   INTEGER NOT NULL
);

-- The room directory of a tenant, in its order (kind 1: public).
CREATE INDEX room_public ON room (tenant, name_folded, id) WHERE kind = 1;

-- Immutable, but for the text that a deletion erases: a message.created or message.edited (types 20, 21) without text
-- was erased. Texts are never copied elsewhere, so that erasing here is erasing.
--
-- Rows of all rooms stand in the order of their coming (id: SQLite's rowid), and event_seq finds them by room. Clustering
-- by (room_key, seq) was tried instead: each room then dirties a page of its own, pages split half empty, and, what
-- decides it, splitting moves rows and leaves stale copies of them in the pages, where secure_delete does not look. Rows
-- that are only ever appended never move, so that a text is erased by overwriting the one place where it stands.
CREATE TABLE event (
    id         INTEGER PRIMARY KEY,
    room_key   INTEGER NOT NULL,
    seq        INTEGER NOT NULL,
    type       INTEGER NOT NULL,
    sender     BLOB    NOT NULL,
    at         INTEGER NOT NULL,
    client_id  BLOB,
    target     INTEGER,
    reply_to   INTEGER,
    text       TEXT,
    emoji      TEXT,
    subject    BLOB,                     -- the member that a member.* event is about
    role       INTEGER,
    kind       INTEGER,
    name       TEXT,
    topic      TEXT
);

CREATE UNIQUE INDEX event_seq ON event (room_key, seq);

-- Recognises a retry, for ever. The client id comes first: those of our clients grow with time, so that new entries of
-- all rooms go to the same few pages; with room_key first each room would dirty a page of its own.
CREATE UNIQUE INDEX event_client ON event (client_id, room_key, sender) WHERE client_id IS NOT NULL;

-- The edits of a message, whose texts a deletion erases.
CREATE INDEX event_edit ON event (room_key, target) WHERE type = 21;

-- What happened to a member last: the event that made it so, for drafts that have nothing to change.
CREATE INDEX event_subject ON event (room_key, subject, seq) WHERE subject IS NOT NULL;

CREATE TABLE member (
    room_key    INTEGER NOT NULL,
    user        BLOB    NOT NULL,
    role        INTEGER NOT NULL,
    joined_seq  INTEGER NOT NULL,
    joined_at   INTEGER NOT NULL,
    PRIMARY KEY (room_key, user)
) WITHOUT ROWID;

CREATE INDEX member_owner ON member (room_key) WHERE role = 3;

-- Messages that were edited, deleted, pinned or reacted to. A message without a row is as it was sent.
CREATE TABLE message_state (
    room_key     INTEGER NOT NULL,
    seq          INTEGER NOT NULL,
    rev          INTEGER NOT NULL,       -- the last event about the message
    edited_seq   INTEGER,                -- the last message.edited: it has the present text
    deleted_seq  INTEGER,
    pinned       INTEGER NOT NULL DEFAULT 0,
    pin_seq      INTEGER,                -- the last message.pinned or message.unpinned
    PRIMARY KEY (room_key, seq)
) WITHOUT ROWID;

CREATE INDEX message_pinned ON message_state (room_key, pin_seq) WHERE pinned = 1;

-- The last thing that a user did with an emoji on a message: put it (present) or took it back.
CREATE TABLE reaction (
    room_key  INTEGER NOT NULL,
    target    INTEGER NOT NULL,
    user      BLOB    NOT NULL,
    emoji     TEXT    NOT NULL,
    seq       INTEGER NOT NULL,
    present   INTEGER NOT NULL,
    PRIMARY KEY (room_key, target, user, emoji)
) WITHOUT ROWID;

CREATE INDEX reaction_order ON reaction (room_key, target, emoji, seq) WHERE present = 1;

-- Counted as it changes, so that no read counts. first_seq: since when the emoji is there without a break.
CREATE TABLE reaction_emoji (
    room_key   INTEGER NOT NULL,
    target     INTEGER NOT NULL,
    emoji      TEXT    NOT NULL,
    first_seq  INTEGER NOT NULL,
    users      INTEGER NOT NULL,
    PRIMARY KEY (room_key, target, emoji)
) WITHOUT ROWID;

-- Memberships that began or ended, on their way to the directory. AUTOINCREMENT: an id is never used twice, also after
-- the rows were acknowledged and removed.
CREATE TABLE membership_outbox (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant  BLOB    NOT NULL,
    user    BLOB    NOT NULL,
    room    BLOB    NOT NULL,
    seq     INTEGER NOT NULL,
    member  INTEGER NOT NULL,
    at      INTEGER NOT NULL
);
