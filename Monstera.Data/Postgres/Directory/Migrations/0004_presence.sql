-- What a user wants others to see: 0 what is so, 1 away, 2 invisible; and how often that was set.
ALTER TABLE directory.account
    ADD COLUMN presence smallint NOT NULL DEFAULT 0 CHECK (presence BETWEEN 0 AND 2),
    ADD COLUMN presence_version bigint NOT NULL DEFAULT 0;

CREATE OR REPLACE FUNCTION directory.grant_app(app name) RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog AS
$$
BEGIN
    EXECUTE format('GRANT USAGE ON SCHEMA directory TO %I', app);
    EXECUTE format('GRANT SELECT ON directory.schema_migration, directory.installation TO %I', app);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE (name, set_up, default_room) ON directory.tenant TO %I', app);
    EXECUTE format(
        'GRANT SELECT, INSERT, UPDATE (display_name, display_folded, password_hash, failures, locked_until, presence, presence_version) ON directory.account TO %I', app);
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
