-- Which shard owns which rooms. Rooms are spread over 4,096 slots; a slot lives whole in one shard. The map is of the whole
-- installation and of no tenant. It tells nodes where to ask; who may write is decided by the fence in each shard, which
-- has the slot's epoch too: a node that comes with an old one is turned away there and reads the map again.

-- How shards are reached stands in the configuration, under the same name: no secrets here.
CREATE TABLE directory.shard (
    id     smallint  PRIMARY KEY CHECK (id >= 0),
    name   text      COLLATE "C" NOT NULL UNIQUE,
    state  smallint  NOT NULL                     -- 1 takes slots, 2 is being emptied, 3 is gone
);

INSERT INTO directory.shard (id, name, state) VALUES (0, 'main', 1);

CREATE TABLE directory.slot_map (
    slot   smallint  PRIMARY KEY CHECK (slot BETWEEN 0 AND 4095),
    shard  smallint  NOT NULL REFERENCES directory.shard (id),
    epoch  bigint    NOT NULL                     -- one more at each change of owner
);

INSERT INTO directory.slot_map (slot, shard, epoch) SELECT slot, 0, 1 FROM generate_series(0, 4095) AS slot;

-- One more at each change of the map. Changing it is taking this row's lock: changes come one after the other.
CREATE TABLE directory.slot_map_version (
    id       smallint  PRIMARY KEY CHECK (id = 1),
    version  bigint    NOT NULL
);

INSERT INTO directory.slot_map_version (id, version) VALUES (1, 1);

-- Journal of moves between shards: whoever takes one up goes on where it stands, and keeps nothing elsewhere.
CREATE TABLE directory.slot_move (
    id          uuid         PRIMARY KEY,
    slots       smallint[]   NOT NULL CHECK (cardinality(slots) > 0),
    from_shard  smallint     NOT NULL REFERENCES directory.shard (id),
    to_shard    smallint     NOT NULL REFERENCES directory.shard (id),
    step        smallint     NOT NULL,
    started_at  timestamptz  NOT NULL,
    updated_at  timestamptz  NOT NULL,
    CHECK (from_shard <> to_shard)
);

-- The slots of moves that are not finished: a slot is in one at most.
CREATE TABLE directory.slot_move_slot (
    slot  smallint  PRIMARY KEY CHECK (slot BETWEEN 0 AND 4095),
    move  uuid      NOT NULL REFERENCES directory.slot_move (id)
);

-- What the application's role may do, and no more: ids, tenants and names by which people sign in stay as they were given.
-- Run after each migration; a later one replaces it.
CREATE FUNCTION directory.grant_app(app name) RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog AS
$$
BEGIN
    EXECUTE format('GRANT USAGE ON SCHEMA directory TO %I', app);
    EXECUTE format('GRANT SELECT ON directory.schema_migration TO %I', app);
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

REVOKE ALL ON FUNCTION directory.grant_app(name) FROM PUBLIC;
