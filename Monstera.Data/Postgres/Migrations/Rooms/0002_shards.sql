-- Several shards. Which of them this database is, of which installation: so that connection strings that were swapped, or
-- that lead to the database of another installation, are noticed before anything is written. Written once, by the owner.
CREATE TABLE rooms.shard (
    one           boolean   PRIMARY KEY DEFAULT true CHECK (one),
    id            smallint  NOT NULL CHECK (id >= 0),
    installation  uuid      NOT NULL
);

-- States of a slot, in slot_owner: 1, owned: read and written here, at this epoch. 2, given away at this epoch: what is left
-- of it here is a copy, which nobody reads and only a move or its way back writes. No row: was never here, or was removed.

-- Erased texts lie in dead rows until vacuum frees them; in a table of which little changes it would otherwise not come for
-- years. Pages without dead rows are not read, so that often costs little.
ALTER TABLE rooms.event SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 50);

-- A move copies rooms of all tenants, and so do backups: the owner lists them, and then names the tenant as everybody does.
-- (rooms.room has such a policy already.)

CREATE OR REPLACE FUNCTION rooms.grant_app(app name) RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog AS
$$
BEGIN
    EXECUTE format('GRANT USAGE ON SCHEMA rooms TO %I', app);
    EXECUTE format('GRANT SELECT ON rooms.schema_migration, rooms.slot_owner, rooms.shard TO %I', app);
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
