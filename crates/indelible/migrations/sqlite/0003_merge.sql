-- Which tiles' blocks were merged. A walk over a log's blocks goes on with those that there were when it began,
-- so that what a merge replaced is described here.
CREATE TABLE merge (
    log INTEGER NOT NULL,
    number INTEGER NOT NULL,        -- counts the merges of a log, from 1
    tile INTEGER NOT NULL,          -- the entries from 256 times this on
    parts BLOB NOT NULL,            -- the blocks that were replaced: counts and times
    PRIMARY KEY (log, number),
    UNIQUE (log, tile)
) STRICT, WITHOUT ROWID;
