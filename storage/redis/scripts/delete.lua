#!lua flags=allow-oom
-- Deletes a group, also where there is no room for anything else, and leaves a tombstone.
--   ARGV 6 only when it was last written at this revision or before; '' = whenever
local store, reply = begin()
if not store then return reply end
local earlier = made_before(store)
if earlier then return replayed(store, earlier) end

local found = redis.call('HMGET', GROUP, 'head', 'partition', 'name-set')
local head = read_head(found[1])
if not head then
  local corrupt = lost(store)
  if corrupt then return corrupt end
end
if not head or (ARGV[6] ~= '' and head.revision > tonumber(ARGV[6])) then
  touch(store)
  return { 'unchanged', store.now }
end
local revision = store.revision + 1
local rows = {}
for _, row in pairs(stored_rows(GROUP, family_names(GROUP))) do rows[#rows + 1] = row end
local deltas = {}
add_claims(deltas, rows, -1)
local holders = holders_of(deltas)

redis.call('UNLINK', GROUP)
count_claims(deltas, holders)
count_group(found[2], found[3], -1)
redis.call('ZADD', TOMBSTONES, whole(revision), MEMBER)
store.groups = store.groups - 1
store.samples = store.samples - head.samples
commit(store, revision)
return applied(store, revision, false)
