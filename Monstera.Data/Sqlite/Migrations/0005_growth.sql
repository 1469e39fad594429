-- How busy the installation was, for the growth advisor: hours of nodes, and days of the whole. Nothing of any tenant.
CREATE TABLE growth_sample (
    span    INTEGER NOT NULL,     -- 1 an hour of a node. 2 a day of the installation.
    at      INTEGER NOT NULL,     -- its beginning
    node    TEXT    NOT NULL,     -- empty for the installation
    sample  TEXT    NOT NULL,     -- JSON
    PRIMARY KEY (span, at, node)
) WITHOUT ROWID;
