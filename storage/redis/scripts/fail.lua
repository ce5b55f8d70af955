#!lua
-- Records the failure of a push; makes the group when it is missing.
--   KEYS 8... groups of the guard
--   ARGV 6 partition, 7 name-set, 8 description, 9 guard as JSON: { nameSets, shapeRevisions }
local store, reply = begin()
if not store then return reply end
local head = read_head(redis.call('HGET', GROUP, 'head'))
local earlier = made_before(store, head)
if earlier then return replayed(store, earlier, head) end

local revision = store.revision + 1
if head then
  head.revision, head.failed = revision, store.time
  redis.call('HSET', GROUP, 'head', show_head(head))
else
  local refusal = lost(store) or uncovered(store, ARGV[6], ARGV[7], cjson.decode(ARGV[9]), 8)
  if refusal then return refusal end
  local name_sets = name_sets_with(ARGV[6], ARGV[7], 1)
  head = { revision = revision, shape_revision = revision, created = store.time, pushed = 0, failed = store.time,
    base = 0, inconsistent = false, mixed = false, samples = 0, families = 0, shape = '' }
  redis.call('HSET', GROUP, 'labels', ARGV[8], 'partition', ARGV[6], 'name-set', ARGV[7], 'head', show_head(head))
  put_counted(PARTITIONS, { [ARGV[6]] = name_sets })
  redis.call('ZREM', TOMBSTONES, MEMBER)
  store.groups = store.groups + 1
end
commit(store, revision)
return applied(store, revision, head.inconsistent)
