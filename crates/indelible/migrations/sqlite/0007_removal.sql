-- What is left of a block's entries. 0: entries. 1: nothing but leaves and claimed times. 2: leaves. Lists, which go by
-- time, pass over what has nothing to show.
ALTER TABLE block ADD COLUMN expired INTEGER NOT NULL DEFAULT 0;
DROP INDEX block_newest;
DROP INDEX block_oldest;
CREATE INDEX block_newest ON block (log, occurred_max_us, first) WHERE expired = 0;
CREATE INDEX block_oldest ON block (log, occurred_min_us, first) WHERE expired = 0;

-- Removals that were carried out: by these the search index follows, and the entry is found that tells of one. What a
-- row leads to is looked at before it is believed.
CREATE TABLE removal (
    number INTEGER PRIMARY KEY,     -- counts the removals of the installation
    log INTEGER NOT NULL,
    reason INTEGER NOT NULL,        -- index of the entry that tells of it
    erasure INTEGER NOT NULL,       -- 1: an erasure, 0: an expiry
    first INTEGER NOT NULL,         -- the lowest and the highest index among the entries
    last INTEGER NOT NULL,
    ranges BLOB NOT NULL            -- which entries: zstd over first and end (u64, little-endian) of each run of them
) STRICT;
CREATE INDEX removal_of ON removal (log, first, last);
CREATE INDEX removal_erasure ON removal (number) WHERE erasure = 1;
