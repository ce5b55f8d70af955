-- What a fleet has in common is kept once, and the history is a row a transaction: a push then writes one row of
-- `groups` and one of `commits`. `layout_id` is a function of migrate.ts: the digest of a text.

-- Names, shapes and claims of all families of a group: `[[name, samples, shape, claim name, meaning, …], …]`.
-- The id is the digest of `families`, so it never comes to mean something else.
CREATE TABLE layouts (
  id       TEXT    NOT NULL PRIMARY KEY,
  families TEXT    NOT NULL,
  groups   INTEGER NOT NULL -- live ones that have it
) STRICT, WITHOUT ROWID;

CREATE TABLE new_groups (
  id               INTEGER PRIMARY KEY,
  key              BLOB    NOT NULL UNIQUE,
  labels           TEXT    NOT NULL,             -- the grouping labels, for people
  partition        TEXT    NOT NULL,             -- the job
  name_set         TEXT    NOT NULL,             -- names of the grouping labels
  live             INTEGER NOT NULL,
  revision         INTEGER NOT NULL,
  shape_revision   INTEGER NOT NULL,
  created_time_us  INTEGER NOT NULL,             -- all times: microseconds since 1970, 0 = never
  push_time_us     INTEGER NOT NULL DEFAULT 0,
  failure_time_us  INTEGER NOT NULL DEFAULT 0,
  inconsistent     INTEGER NOT NULL DEFAULT 0,
  layout           TEXT    NOT NULL DEFAULT '',  -- '' for tombstones
  lengths          TEXT    NOT NULL DEFAULT '[]', -- bytes of each family in `exposition`
  pushed_before_us TEXT    NOT NULL DEFAULT '',  -- each family's push before push_time_us; '' = all with it
  exposition       BLOB    NOT NULL DEFAULT x''  -- the families one behind the other, as text
) STRICT;

-- The old index of a row was `[[name, bytes, samples, shape, µs before push_time_us, claim name, meaning, …], …]`.
CREATE TEMP TABLE converted AS
SELECT id,
       (SELECT json_group_array(json_remove(value, '$[4]', '$[1]') ORDER BY key) FROM json_each(g.families)) AS families
  FROM groups AS g WHERE live = 1;
INSERT INTO layouts (id, families, groups)
SELECT layout_id(families), families, count(*) FROM converted GROUP BY families;
DROP TABLE converted;

INSERT INTO new_groups
SELECT id, key, labels, partition, name_set, live, revision, shape_revision, created_time_us, push_time_us,
       failure_time_us, inconsistent,
       iif(live = 0, '', (SELECT layout_id(json_group_array(json_remove(value, '$[4]', '$[1]') ORDER BY key))
                            FROM json_each(g.families))),
       (SELECT json_group_array(json_extract(value, '$[1]') ORDER BY key) FROM json_each(g.families)),
       iif(EXISTS (SELECT 1 FROM json_each(g.families) WHERE json_extract(value, '$[4]') <> 0),
           (SELECT json_group_array(json_extract(value, '$[4]') ORDER BY key) FROM json_each(g.families)), ''),
       exposition
  FROM groups AS g;

-- A row a transaction: where it took the store, and the groups it wrote, a revision each, the last one last.
CREATE TABLE new_commits (
  revision INTEGER PRIMARY KEY, -- of the last write
  nonce    TEXT    NOT NULL,    -- two histories that share numbers differ here
  groups   INTEGER NOT NULL,    -- live ones
  samples  INTEGER NOT NULL,
  written  TEXT    NOT NULL     -- JSON array of groups.id
) STRICT;
INSERT INTO new_commits
SELECT c.revision, c.nonce, m.groups, m.samples, '[]' FROM commits AS c JOIN meta AS m ON m.revision = c.revision;

CREATE TABLE new_meta (
  one   INTEGER PRIMARY KEY CHECK (one = 1),
  epoch TEXT    NOT NULL,          -- random; another database has another one
  floor INTEGER NOT NULL DEFAULT 0 -- highest revision of a trimmed tombstone
) STRICT;
INSERT INTO new_meta SELECT one, epoch, floor FROM meta;

DROP TABLE meta;
DROP TABLE groups;
DROP TABLE commits;
ALTER TABLE new_meta RENAME TO meta;
ALTER TABLE new_groups RENAME TO groups;
ALTER TABLE new_commits RENAME TO commits;
CREATE INDEX tombstones_by_revision ON groups (revision) WHERE live = 0;
