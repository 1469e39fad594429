-- The installation: one directory and its shards. Moves between kinds of storage, and restored backups, keep its id.
CREATE TABLE directory.installation (
    one       boolean      PRIMARY KEY DEFAULT true CHECK (one),
    id        uuid         NOT NULL,
    state     smallint     NOT NULL,    -- 1 is served. 2 receives a copy. 3 was moved elsewhere. Servers start on 1 alone.
    moved_to  text,                     -- with state 3: where to, for people
    moved_at  timestamptz
);

INSERT INTO directory.installation (id, state) VALUES (gen_random_uuid(), 1);

-- Commands that copy all tenants list them, and then name them as everybody does. As the owner, for whom alone this is.
CREATE POLICY owner_reads ON directory.tenant FOR SELECT TO CURRENT_USER USING (true);

-- For how long a move keeps its way back open once the slots have changed their owner: from updated_at of that step.
ALTER TABLE directory.slot_move ADD COLUMN soak_seconds integer NOT NULL DEFAULT 0 CHECK (soak_seconds >= 0);

CREATE OR REPLACE FUNCTION directory.grant_app(app name) RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog AS
$$
BEGIN
    EXECUTE format('GRANT USAGE ON SCHEMA directory TO %I', app);
    EXECUTE format('GRANT SELECT ON directory.schema_migration, directory.installation TO %I', app);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE (name, set_up, default_room) ON directory.tenant TO %I', app);
    EXECUTE format(
        'GRANT SELECT, INSERT, UPDATE (display_name, display_folded, password_hash, failures, locked_until) ON directory.account TO %I', app);
    EXECUTE format('GRANT SELECT, INSERT, DELETE, UPDATE (last_seen_at, expires_at) ON directory.session TO %I', app);
    EXECUTE format('GRANT SELECT, INSERT, DELETE, UPDATE (uses_left) ON directory.invite TO %I', app);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE (seq, member, joined_at, read_seq) ON directory.user_room TO %I', app);
    EXECUTE format('GRANT SELECT, UPDATE (beats) ON directory.heartbeat TO %I', app);
    EXECUTE format('GRANT EXECUTE ON FUNCTION directory.remove_expired(timestamptz) TO %I', app);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE (state) ON directory.shard TO %I', app);
    EXECUTE format('GRANT SELECT, UPDATE (shard, epoch) ON directory.slot_map TO %I', app);
    EXECUTE format('GRANT SELECT, UPDATE (version) ON directory.slot_map_version TO %I', app);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE (step, updated_at) ON directory.slot_move TO %I', app);
    EXECUTE format('GRANT SELECT, INSERT, DELETE ON directory.slot_move_slot TO %I', app);
END
$$;
