#!lua flags=allow-oom
-- The books, to be compared with the groups.
--   KEYS 1 store, 2 claims, 3 partitions
--   Reply: books, time, head, groups, samples, claims (name, list, ...), partitions (partition, list, ...)
local found = redis.call('HMGET', KEYS[1], 'revision', 'groups', 'samples')
return { 'books', now_us(), tonumber(found[1] or 0), tonumber(found[2] or 0), tonumber(found[3] or 0),
  redis.call('HGETALL', KEYS[2]), redis.call('HGETALL', KEYS[3]) }
