-- The umbrella log: the heads of all sites' logs, in the order in which they were taken in. What lies beyond the
-- umbrella's published head (head store) was staged and never published; the next round writes over it.
CREATE TABLE umbrella_leaf (
    position INTEGER PRIMARY KEY,
    log INTEGER NOT NULL,
    size INTEGER NOT NULL,
    root BLOB NOT NULL
) STRICT;
CREATE INDEX umbrella_leaf_covering ON umbrella_leaf (log, size, position);

-- Its tiles, the widest version of each.
CREATE TABLE umbrella_tile (
    level INTEGER NOT NULL,
    number INTEGER NOT NULL,
    hashes BLOB NOT NULL,
    UNIQUE (level, number)
) STRICT;
