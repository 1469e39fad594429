-- The rooms of one shard. What every dialect must keep stands at the head of Sqlite/Migrations/0001_rooms.sql; this is how
-- PostgreSQL keeps it, where many servers write at once. docs/decisions/0004-postgresql.md has the reasons at length.
--
--   * A room's writers take turns by locking its row in room, in the order of room ids. The head is the log's last row, read
--     by a statement after the lock: with each statement seeing what was committed before it, that is everything.
--   * Every table that a tenant owns carries the tenant, and shows only the rows of those tenants that the transaction has
--     named in monstera.tenants (row level security). This is the second wall: every query names the tenant as well.
--   * Ids are uuid, ordered as their text. Times are UTC, to the millisecond.
--   * A plain message writes one row of event with its entries in two indexes, and nothing else.

-- The tenants of this transaction; none when it named none. In a policy it stands in a sub-select, so that it is read once
-- for each statement and not for each row.
CREATE FUNCTION rooms.tenants() RETURNS uuid[] LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog AS
$$ SELECT nullif(current_setting('monstera.tenants', true), '')::uuid[] $$;

-- Which slots (Monstera.Data.Rooms.Slot) this database may write, and since which epoch. A slot without a row is somebody
-- else's. A writer first takes the slot's advisory lock, shared, and looks here in a statement after it; who moves a slot
-- takes the lock alone, so that no writer has looked before and writes after. Of no tenant.
CREATE TABLE rooms.slot_owner (
    slot   smallint PRIMARY KEY CHECK (slot BETWEEN 0 AND 4095),
    epoch  bigint   NOT NULL,
    state  smallint NOT NULL               -- 1: owned and written. 2: frozen, on its way elsewhere.
);

-- Without sharding one database owns them all.
INSERT INTO rooms.slot_owner (slot, epoch, state) SELECT slot, 1, 1 FROM generate_series(0, 4095) AS slot;

-- Drawn before the rows are written, so that room and events are written in one go. Has gaps; of no meaning outside.
CREATE SEQUENCE rooms.room_key;

CREATE TABLE rooms.room (
    room_key     bigint      PRIMARY KEY,
    id           uuid        NOT NULL,
    tenant       uuid        NOT NULL,
    slot         smallint    NOT NULL,
    kind         smallint    NOT NULL,
    name         text,
    name_folded  text        COLLATE "C",  -- NFKC, lower case: what is searched and sorted by, by code point
    name_seq     bigint      NOT NULL,     -- the event that gave the name, the topic
    topic        text,
    topic_seq    bigint      NOT NULL,
    epoch        bigint      NOT NULL,
    members      integer     NOT NULL,
    created_at   timestamptz NOT NULL,
    CONSTRAINT room_id UNIQUE (id)         -- over all tenants; who loses a race for an id learns it from this name
);

-- The room directory of a tenant, in its order (kind 1: public).
CREATE INDEX room_public ON rooms.room (tenant, name_folded, id) WHERE kind = 1;

-- What a move of a slot copies.
CREATE INDEX room_slot ON rooms.room (slot, room_key);

-- Immutable, but for the text that a deletion erases: a message.created or message.edited (types 20, 21) without text was
-- erased. Texts are never copied elsewhere.
CREATE TABLE rooms.event (
    room_key   bigint      NOT NULL,
    seq        bigint      NOT NULL,
    tenant     uuid        NOT NULL,
    type       smallint    NOT NULL,
    sender     uuid        NOT NULL,
    at         timestamptz NOT NULL,
    client_id  uuid,
    target     bigint,
    reply_to   bigint,
    subject    uuid,                       -- the member that a member.* event is about
    role       smallint,
    kind       smallint,
    text       text,
    emoji      text,
    name       text,
    topic      text,
    PRIMARY KEY (room_key, seq)
);

-- Recognises a retry, for ever. The client id comes first: those of our clients grow with time, so that new entries of all
-- rooms go to the same few pages.
CREATE UNIQUE INDEX event_client ON rooms.event (client_id, room_key, sender) WHERE client_id IS NOT NULL;

-- The edits of a message, whose texts a deletion erases.
CREATE INDEX event_edit ON rooms.event (room_key, target) WHERE type = 21;

-- What happened to a member last.
CREATE INDEX event_subject ON rooms.event (room_key, subject, seq) WHERE subject IS NOT NULL;

CREATE TABLE rooms.member (
    room_key    bigint      NOT NULL,
    user_id     uuid        NOT NULL,
    tenant      uuid        NOT NULL,
    role        smallint    NOT NULL,
    joined_seq  bigint      NOT NULL,
    joined_at   timestamptz NOT NULL,
    PRIMARY KEY (room_key, user_id)
);

CREATE INDEX member_owner ON rooms.member (room_key) WHERE role = 3;

-- Messages that were edited, deleted, pinned or reacted to. A message without a row is as it was sent.
CREATE TABLE rooms.message_state (
    room_key     bigint  NOT NULL,
    seq          bigint  NOT NULL,
    tenant       uuid    NOT NULL,
    rev          bigint  NOT NULL,         -- the last event about the message
    edited_seq   bigint,                   -- the last message.edited: it has the present text
    deleted_seq  bigint,
    pinned       boolean NOT NULL,
    pin_seq      bigint,                   -- the last message.pinned or message.unpinned
    PRIMARY KEY (room_key, seq)
);

CREATE INDEX message_pinned ON rooms.message_state (room_key, pin_seq) WHERE pinned;

-- The last thing that a user did with an emoji on a message: put it (present) or took it back.
CREATE TABLE rooms.reaction (
    room_key  bigint  NOT NULL,
    target    bigint  NOT NULL,
    user_id   uuid    NOT NULL,
    emoji     text    NOT NULL COLLATE "C",
    tenant    uuid    NOT NULL,
    seq       bigint  NOT NULL,
    present   boolean NOT NULL,
    PRIMARY KEY (room_key, target, user_id, emoji)
);

CREATE INDEX reaction_order ON rooms.reaction (room_key, target, emoji, seq) WHERE present;

-- Counted as it changes, so that no read counts. first_seq: since when the emoji is there without a break.
CREATE TABLE rooms.reaction_emoji (
    room_key   bigint  NOT NULL,
    target     bigint  NOT NULL,
    emoji      text    NOT NULL COLLATE "C",
    tenant     uuid    NOT NULL,
    first_seq  bigint  NOT NULL,
    users      integer NOT NULL,
    PRIMARY KEY (room_key, target, emoji)
);

-- Memberships that began or ended, on their way to the directory. Whoever inserts holds the outbox's advisory lock from
-- before the id is drawn until the commit, so that ids come to light in their order: a reader who saw an id has seen all
-- before it, and may acknowledge "up to here" without losing what was not yet there.
CREATE TABLE rooms.membership_outbox (
    id       bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant   uuid        NOT NULL,
    user_id  uuid        NOT NULL,
    room     uuid        NOT NULL,
    seq      bigint      NOT NULL,
    member   boolean     NOT NULL,
    at       timestamptz NOT NULL
);

-- The wall between tenants. FORCE: it holds for the owner too.
DO $$
DECLARE
    owned text;
BEGIN
    FOREACH owned IN ARRAY ARRAY['room', 'event', 'member', 'message_state', 'reaction', 'reaction_emoji', 'membership_outbox'] LOOP
        EXECUTE format('ALTER TABLE rooms.%I ENABLE ROW LEVEL SECURITY', owned);
        EXECUTE format('ALTER TABLE rooms.%I FORCE ROW LEVEL SECURITY', owned);
        EXECUTE format('CREATE POLICY tenants ON rooms.%I USING (tenant = ANY ((SELECT rooms.tenants())::uuid[]))', owned);
    END LOOP;
END
$$;

-- Two things must be known of all tenants: which room ids are taken, and what waits in the outbox. The owner may see these
-- rows, and lends its eyes through three functions that do nothing else; the application is not the owner.
CREATE POLICY owner_reads ON rooms.room FOR SELECT TO CURRENT_USER USING (true);
CREATE POLICY owner_reads ON rooms.membership_outbox FOR SELECT TO CURRENT_USER USING (true);
CREATE POLICY owner_forgets ON rooms.membership_outbox FOR DELETE TO CURRENT_USER USING (true);

-- Those of the ids that rooms of other tenants have. Says no more than trying to create the room would.
CREATE FUNCTION rooms.taken(ids uuid[]) RETURNS SETOF uuid LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS
$$ SELECT r.id FROM rooms.room r WHERE r.id = ANY (ids) AND r.tenant <> ALL (rooms.tenants()) $$;

CREATE FUNCTION rooms.read_outbox(most integer) RETURNS SETOF rooms.membership_outbox
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS
$$ SELECT * FROM rooms.membership_outbox ORDER BY id LIMIT most $$;

CREATE FUNCTION rooms.acknowledge_outbox(last bigint) RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS
$$ DELETE FROM rooms.membership_outbox WHERE id <= last $$;

REVOKE ALL ON FUNCTION rooms.taken(uuid[]), rooms.read_outbox(integer), rooms.acknowledge_outbox(bigint) FROM PUBLIC;

-- What the application's role may do, and no more: the log is appended to, and only a text is ever changed in it; the tenant,
-- the keys and the ids of a row stay as they are. Run after each migration; a later one replaces it.
CREATE FUNCTION rooms.grant_app(app name) RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog AS
$$
BEGIN
    EXECUTE format('GRANT USAGE ON SCHEMA rooms TO %I', app);
    EXECUTE format('GRANT SELECT ON rooms.schema_migration, rooms.slot_owner TO %I', app);
    EXECUTE format('GRANT USAGE ON SEQUENCE rooms.room_key TO %I', app);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE (name, name_folded, name_seq, topic, topic_seq, members) ON rooms.room TO %I', app);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE (text) ON rooms.event TO %I', app);
    EXECUTE format('GRANT SELECT, INSERT, DELETE, UPDATE (role, joined_seq, joined_at) ON rooms.member TO %I', app);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE (rev, edited_seq, deleted_seq, pinned, pin_seq) ON rooms.message_state TO %I', app);
    EXECUTE format('GRANT SELECT, INSERT, DELETE, UPDATE (seq, present) ON rooms.reaction TO %I', app);
    EXECUTE format('GRANT SELECT, INSERT, DELETE, UPDATE (first_seq, users) ON rooms.reaction_emoji TO %I', app);
    EXECUTE format('GRANT INSERT ON rooms.membership_outbox TO %I', app);
    EXECUTE format('GRANT EXECUTE ON FUNCTION rooms.taken(uuid[]), rooms.read_outbox(integer), rooms.acknowledge_outbox(bigint) TO %I', app);
END
$$;

REVOKE ALL ON FUNCTION rooms.grant_app(name) FROM PUBLIC;
