-- The signed head of the umbrella log: one row, once there was a first round.
CREATE TABLE umbrella_head (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    size INTEGER NOT NULL,
    root BLOB NOT NULL,
    checkpoint TEXT NOT NULL        -- signed note (C2SP tlog-checkpoint)
) STRICT;
