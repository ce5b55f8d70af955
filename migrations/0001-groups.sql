-- The groups and the books that let a push be judged without looking at other groups.
-- storage/DESIGN.md explains each table; storage/group-store.ts the words.

-- One row: where the history stands.
CREATE TABLE meta (
  one      INTEGER PRIMARY KEY CHECK (one = 1),
  epoch    TEXT    NOT NULL,           -- random; another database has another one
  revision INTEGER NOT NULL DEFAULT 0, -- of the last write
  floor    INTEGER NOT NULL DEFAULT 0, -- highest revision of a trimmed tombstone
  groups   INTEGER NOT NULL DEFAULT 0, -- live ones
  samples  INTEGER NOT NULL DEFAULT 0
) STRICT;
INSERT INTO meta (one, epoch) VALUES (1, lower(hex(randomblob(8))));

-- A row a group. `live` = 0 is a tombstone, kept so that views learn of the deletion.
CREATE TABLE groups (
  id              INTEGER PRIMARY KEY,
  key             BLOB    NOT NULL UNIQUE,
  labels          TEXT    NOT NULL,            -- the grouping labels, for people
  partition       TEXT    NOT NULL,            -- the job
  name_set        TEXT    NOT NULL,            -- names of the grouping labels
  live            INTEGER NOT NULL,
  revision        INTEGER NOT NULL,
  shape_revision  INTEGER NOT NULL,
  shape           TEXT    NOT NULL DEFAULT '', -- digest over all families; '' after a merge
  created_time_us INTEGER NOT NULL,            -- all times: microseconds since 1970, 0 = never
  push_time_us    INTEGER NOT NULL DEFAULT 0,
  failure_time_us INTEGER NOT NULL DEFAULT 0,
  inconsistent    INTEGER NOT NULL DEFAULT 0,
  samples         INTEGER NOT NULL DEFAULT 0,
  families        TEXT    NOT NULL DEFAULT '[]', -- index into `exposition`: storage/sqlite/family-index.ts
  exposition      BLOB    NOT NULL DEFAULT x''   -- the families one behind the other, as text
) STRICT;
CREATE INDEX groups_by_revision ON groups (revision);
CREATE INDEX tombstones_by_revision ON groups (revision) WHERE live = 0;

-- How many (group, family) rows hold each meaning of a name.
CREATE TABLE claims (
  name    TEXT    NOT NULL,
  meaning TEXT    NOT NULL,
  holders INTEGER NOT NULL,
  PRIMARY KEY (name, meaning)
) STRICT, WITHOUT ROWID;

-- How many live groups of a partition have each set of grouping label names.
CREATE TABLE name_sets (
  partition TEXT    NOT NULL,
  name_set  TEXT    NOT NULL,
  groups    INTEGER NOT NULL,
  PRIMARY KEY (partition, name_set)
) STRICT, WITHOUT ROWID;

-- The last revision of each transaction and its nonce: two histories that share numbers differ here.
CREATE TABLE commits (
  revision INTEGER PRIMARY KEY,
  nonce    TEXT NOT NULL
) STRICT;
