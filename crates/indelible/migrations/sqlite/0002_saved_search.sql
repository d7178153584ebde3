-- Lists that people keep under a name. Personal settings: nothing about an entry, and no secret.
CREATE TABLE saved_search (
    id BLOB PRIMARY KEY,            -- UUIDv7; whoever is given it may open the search, if they may read its site
    owner TEXT NOT NULL,            -- name of the credential it was made with
    site TEXT,                      -- NULL: the list of all sites
    name TEXT NOT NULL,
    query TEXT NOT NULL,            -- parameters of the list, form-urlencoded
    created_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
-- For UNIQUE two NULLs differ, so the list of all sites counts as the empty id, which no site has.
CREATE UNIQUE INDEX saved_search_name ON saved_search (owner, IFNULL(site, ''), name);
