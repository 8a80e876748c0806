-- What this catalog is called in its bucket, so that another catalog's objects are never taken for
-- garbage.
CREATE TABLE catalog_identity (
    id TEXT NOT NULL PRIMARY KEY
);
