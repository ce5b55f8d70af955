#!lua
-- Puts a group back as it was, where there is none of its key; judged like a push.
--   KEYS 8... groups of the guard
--   ARGV 6 'enforce' or 'mark', 7 '1' when known to be inconsistent, 8 partition, 9 name-set, 10 description, 11 digest of names and rows of the whole group,
--        12 guard as JSON: { nameSets, shapeRevisions }, 13 created, 14 pushed, 15 failed (microseconds; 0 = never),
--        16... families: name, row (JSON: samples, shape, claim, meaning, ...), data, time of its push
local FIRST_FAMILY = 16

local store, reply = begin()
if not store then return reply end
local there = read_head(redis.call('HGET', GROUP, 'head'))
local earlier = made_before(store, there)
if earlier then return replayed(store, earlier, there) end
if there then
  touch(store)
  return { 'unchanged', store.now }
end
local refusal = lost(store) or uncovered(store, ARGV[8], ARGV[9], cjson.decode(ARGV[12]), 8)
if refusal then return refusal end

local incoming = {}
local head = { shape = ARGV[11], created = tonumber(ARGV[13]), pushed = tonumber(ARGV[14]), base = tonumber(ARGV[14]),
  failed = tonumber(ARGV[15]), mixed = false, samples = 0, families = 0 }
local changed = { 'labels', ARGV[10], 'partition', ARGV[8], 'name-set', ARGV[9] }
local function add(field, value)
  changed[#changed + 1] = field
  changed[#changed + 1] = value
end
for i = FIRST_FAMILY, #ARGV, 4 do
  local name, row = ARGV[i], cjson.decode(ARGV[i + 1])
  incoming[#incoming + 1] = row
  head.samples = head.samples + row[1]
  head.families = head.families + 1
  add('r:' .. name, ARGV[i + 1])
  add('d:' .. name, ARGV[i + 2])
  if ARGV[i + 3] ~= ARGV[14] then
    add('t:' .. name, ARGV[i + 3])
    head.mixed = true
  end
end
local deltas = {}
add_claims(deltas, incoming, 1)
local holders = holders_of(deltas)
local broken, contradicted = judge(incoming, {}, {}, holders)
if broken and ARGV[6] == 'enforce' then return { 'refused', store.now, broken[1], broken[2], broken[3] } end

local name_sets = name_sets_with(ARGV[8], ARGV[9], 1)
local revision = store.revision + 1
head.revision, head.shape_revision = revision, revision
head.inconsistent = ARGV[7] == '1' or contradicted
add('head', show_head(head))
in_parts('HSET', GROUP, changed)
put_counted(PARTITIONS, { [ARGV[8]] = name_sets })
redis.call('ZREM', TOMBSTONES, MEMBER)
count_claims(deltas, holders)
store.groups = store.groups + 1
store.samples = store.samples + head.samples
commit(store, revision)
return applied(store, revision, head.inconsistent)
