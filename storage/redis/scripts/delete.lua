#!lua flags=allow-oom
-- Deletes a group, also where there is no room for anything else, and leaves a tombstone. One whose data something else removed is
-- deleted too, and as its claims are not known any more, the books are counted anew from what is there.
--   ARGV 6 only when it was last written at this revision or before; '' = whenever, 7 prefix of the keys of groups
local store, reply = begin()
if not store then return reply end
local found = redis.call('HMGET', GROUP, 'head', 'partition', 'name-set')
local head = read_head(found[1])
local earlier = made_before(store, head)
if earlier then return replayed(store, earlier, nil) end

local revision = store.revision + 1

-- Counts all groups but this one, all at once: nobody else is served meanwhile.
local function recount()
  local claims, partitions = {}, {}
  local groups, samples = 0, 0
  for _, member in ipairs(redis.call('ZRANGE', CHANGES, 0, -1)) do
    local key = ARGV[7] .. member
    local place = redis.call('HMGET', key, 'head', 'partition', 'name-set')
    local one = read_head(place[1])
    if one and member ~= MEMBER then
      groups, samples = groups + 1, samples + one.samples
      partitions[place[2]] = partitions[place[2]] or {}
      bump(partitions[place[2]], place[3], 1)
      local rows = {}
      for _, row in pairs(stored_rows(key, family_names(key))) do rows[#rows + 1] = row end
      add_claims(claims, rows, 1)
    end
  end
  local held = {}
  for name, meanings in pairs(claims) do
    held[name] = {}
    for meaning, count in pairs(meanings) do bump(held[name], meaning, count) end
  end
  for key, lists in pairs({ [CLAIMS] = held, [PARTITIONS] = partitions }) do
    for _, field in ipairs(redis.call('HKEYS', key)) do lists[field] = lists[field] or {} end
    put_counted(key, lists)
  end
  store.groups, store.samples = groups, samples
end

if head then
  if ARGV[6] ~= '' and head.revision > tonumber(ARGV[6]) then
    touch(store)
    return { 'unchanged', store.now }
  end
  local rows = {}
  for _, row in pairs(stored_rows(GROUP, family_names(GROUP))) do rows[#rows + 1] = row end
  local deltas = {}
  add_claims(deltas, rows, -1)
  local holders = holders_of(deltas)
  local name_sets = name_sets_with(found[2], found[3], -1)
  redis.call('UNLINK', GROUP)
  count_claims(deltas, holders)
  put_counted(PARTITIONS, { [found[2]] = name_sets })
  store.groups = store.groups - 1
  store.samples = store.samples - head.samples
elseif lost(store) then
  recount()
else
  touch(store)
  return { 'unchanged', store.now }
end
redis.call('ZADD', TOMBSTONES, whole(revision), MEMBER)
commit(store, revision)
return applied(store, revision, false)
