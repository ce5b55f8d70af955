#!lua
-- PUT and POST: judges a write of families and makes it.
--   KEYS 8... groups of the guard
--   ARGV 6 'replace' or 'merge', 7 'enforce' or 'mark', 8 '1' when known to be inconsistent, 9 partition, 10 name-set, 11 description,
--        12 shape of the whole group ('' for a merge), 13 samples in all, 14 guard as JSON: { nameSets, shapeRevisions },
--        15... families: name, row (JSON: samples, shape, claim, meaning, ...), data
local FIRST_FAMILY = 15
local REPLACE, SAMPLES = ARGV[6] == 'replace', tonumber(ARGV[13])

local store, reply = begin()
if not store then return reply end
local head = read_head(redis.call('HGET', GROUP, 'head'))
local earlier = made_before(store, head)
if earlier then return replayed(store, earlier, head) end

local revision = store.revision + 1
local pushed = (#ARGV - FIRST_FAMILY + 1) / 3

-- Writes the pushed families, and says when each was pushed. `changed` lists fields and values to write besides.
local function put(changed, was_mixed)
  local whole_group = head.families == pushed
  local at_own_time = not whole_group and whole(store.time)
  for i = FIRST_FAMILY, #ARGV, 3 do
    local name = ARGV[i]
    changed[#changed + 1] = 'r:' .. name
    changed[#changed + 1] = ARGV[i + 1]
    changed[#changed + 1] = 'd:' .. name
    changed[#changed + 1] = ARGV[i + 2]
    if at_own_time then
      changed[#changed + 1] = 't:' .. name
      changed[#changed + 1] = at_own_time
    end
  end
  head.revision, head.pushed = revision, store.time
  if whole_group then
    head.base, head.mixed = store.time, false
  else
    head.mixed = true
  end
  changed[#changed + 1] = 'head'
  changed[#changed + 1] = show_head(head)
  in_parts('HSET', GROUP, changed)
  if whole_group and was_mixed then
    local times = {}
    for i = FIRST_FAMILY, #ARGV, 3 do times[#times + 1] = 't:' .. ARGV[i] end
    in_parts('HDEL', GROUP, times)
  end
end

-- Nothing but values: neither claims nor guard matter.
local function put_values(samples)
  store.samples = store.samples + samples - head.samples
  head.samples = samples
  if REPLACE then head.shape = ARGV[12] end
  put({}, head.mixed)
  commit(store, revision)
  return applied(store, revision, head.inconsistent)
end

if head and REPLACE and head.shape ~= '' and head.shape == ARGV[12] and head.families == pushed then return put_values(SAMPLES) end

local incoming, names, by_name = {}, {}, {}
for i = FIRST_FAMILY, #ARGV, 3 do names[#names + 1] = ARGV[i] end

-- A merge mostly brings rows that are there already, to the letter.
if head and not REPLACE then
  local fields = {}
  for i, name in ipairs(names) do fields[i] = 'r:' .. name end
  local held = get_fields(GROUP, fields)
  local same = true
  for i, field in ipairs(fields) do
    if held[field] ~= ARGV[FIRST_FAMILY + 3 * i - 2] then
      same = false
      break
    end
  end
  if same then return put_values(head.samples) end
end

for i, name in ipairs(names) do
  local row = cjson.decode(ARGV[FIRST_FAMILY + 3 * i - 2])
  incoming[i] = row
  by_name[name] = row
end
local stored = head and stored_rows(GROUP, family_names(GROUP)) or {}
local outgoing, staying, dropped = {}, {}, {}
local same_shape = head ~= nil
local after_samples, after_families = SAMPLES, pushed
for name, row in pairs(stored) do
  if by_name[name] then
    outgoing[#outgoing + 1] = row
  elseif REPLACE then
    outgoing[#outgoing + 1] = row
    dropped[#dropped + 1] = name
    same_shape = false
  else
    staying[#staying + 1] = row
    after_samples = after_samples + row[1]
    after_families = after_families + 1
  end
end
for name, row in pairs(by_name) do
  if not stored[name] or stored[name][2] ~= row[2] then same_shape = false end
end
if same_shape then return put_values(after_samples) end

if not head then
  local corrupt = lost(store)
  if corrupt then return corrupt end
end
local open = uncovered(store, ARGV[9], ARGV[10], cjson.decode(ARGV[14]), 8)
if open then return open end

local deltas = {}
add_claims(deltas, incoming, 1)
add_claims(deltas, outgoing, -1)
local holders = holders_of(deltas)

local broken, contradicted = judge(incoming, outgoing, staying, holders)
if broken and ARGV[7] == 'enforce' then
  return { 'refused', store.now, broken[1], broken[2], broken[3] }
end

local was_mixed = head ~= nil and head.mixed
local changed = {}
if head then
  store.samples = store.samples - head.samples
  head.inconsistent = ARGV[8] == '1' or contradicted or (not REPLACE and head.inconsistent)
else
  changed = { 'labels', ARGV[11], 'partition', ARGV[9], 'name-set', ARGV[10] }
  head = { created = store.time, failed = 0, base = store.time, mixed = false,
    inconsistent = ARGV[8] == '1' or contradicted }
  store.groups = store.groups + 1
end
local is_new = #changed > 0
local name_sets = is_new and name_sets_with(ARGV[9], ARGV[10], 1)
head.shape_revision, head.shape = revision, ARGV[12]
head.samples, head.families = after_samples, after_families
store.samples = store.samples + after_samples
put(changed, was_mixed)
local gone = {}
for _, name in ipairs(dropped) do
  for _, kind in ipairs({ 'r:', 'd:', 't:' }) do gone[#gone + 1] = kind .. name end
end
in_parts('HDEL', GROUP, gone)
if is_new then
  put_counted(PARTITIONS, { [ARGV[9]] = name_sets })
  redis.call('ZREM', TOMBSTONES, MEMBER)
end
count_claims(deltas, holders)
commit(store, revision)
return applied(store, revision, head.inconsistent)
