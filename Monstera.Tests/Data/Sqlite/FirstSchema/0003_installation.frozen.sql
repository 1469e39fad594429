-- The installation. Moves between kinds of storage, and restored backups, keep its id.
CREATE TABLE installation (
    one       INTEGER PRIMARY KEY CHECK (one = 1),
    id        BLOB    NOT NULL,
    state     INTEGER NOT NULL,     -- 1 is served. 2 receives a copy. 3 was moved elsewhere. Servers start on 1 alone.
    moved_to  TEXT,                 -- with state 3: where to, for people
    moved_at  INTEGER
);

INSERT INTO installation (one, id, state) VALUES (1, randomblob(16), 1);
