#!lua flags=allow-oom
-- The books, to be compared with the groups.
--   KEYS 1 store, 2 claims, 3 partitions
--   Reply: books, time, epoch, head, groups, samples, claims (name, list, ...), partitions (partition, list, ...); or: absent, time
local now = now_us()
local found = redis.call('HMGET', KEYS[1], 'epoch', 'revision', 'groups', 'samples')
if not found[1] then return { 'absent', now } end
return { 'books', now, found[1], tonumber(found[2]), tonumber(found[3]), tonumber(found[4]), redis.call('HGETALL', KEYS[2]),
  redis.call('HGETALL', KEYS[3]) }
