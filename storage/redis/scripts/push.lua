#!lua
-- PUT and POST: judges a write of families and makes it.
--   KEYS 8... groups of the guard
--   ARGV 6 'replace' or 'merge', 7 'enforce' or 'mark', 8 '1' when known to be inconsistent, 9 partition, 10 name-set, 11 description,
--        12 digest of names and rows of the whole group ('' for a merge), 13 samples in all, 14 guard as JSON: { nameSets, shapeRevisions },
--        15 rows of the families as a JSON list of texts (each JSON: samples, shape, claim, meaning, ...),
--        16... families: field of its data (d:NAME), data
local FIRST_FAMILY = 16
local REPLACE, SAMPLES = ARGV[6] == 'replace', tonumber(ARGV[13])
-- So many families fit Lua's stack at once.
local FEW = AT_ONCE / 2 - 1

local store, reply = begin()
if not store then return reply end
local head_text = redis.call('HGET', GROUP, 'head')
local pushed = (#ARGV - FIRST_FAMILY + 1) / 2

-- The usual PUT, to the rows that are stored: none but values change. Numbers that stay are not even read as numbers.
local function put_same(revision_text, kept, failed, inconsistent, samples)
  local head = { revision = tonumber(revision_text), inconsistent = inconsistent == '1' }
  local earlier = made_before(store, head)
  if earlier then return replayed(store, earlier, head) end
  local revision, time = store.revision + 1, whole(store.time)
  local shown = whole(revision)
  local changed = shown .. ' ' .. kept .. ' ' .. time .. ' ' .. failed .. ' ' .. time .. ' ' .. inconsistent .. ' 0 ' .. samples
    .. ' ' .. pushed .. ' ' .. ARGV[12]
  if pushed <= FEW then
    redis.call('HSET', GROUP, 'head', changed, unpack(ARGV, FIRST_FAMILY, #ARGV))
  else
    redis.call('HSET', GROUP, 'head', changed)
    in_parts('HSET', GROUP, ARGV, nil, FIRST_FAMILY)
  end
  redis.call('HSET', STORE, 'revision', shown, 'time', time)
  record(revision, shown)
  return applied(store, revision, head.inconsistent)
end

if head_text and REPLACE then
  local revision, kept, failed, inconsistent, samples, families, digest = string.match(head_text, UNMIXED_HEAD)
  if digest == ARGV[12] and tonumber(families) == pushed then return put_same(revision, kept, failed, inconsistent, samples) end
end

local head = read_head(head_text)
local earlier = made_before(store, head)
if earlier then return replayed(store, earlier, head) end

local revision = store.revision + 1

local function name_at(i) return string.sub(ARGV[i], 3) end

-- Writes the pushed families, and says when each was pushed. `changed` lists fields and values to write besides;
-- `rows` are those of the families, in their order, or nil where all of them are stored already.
local function put(changed, was_mixed, rows)
  local whole_group = head.families == pushed
  local at_own_time = not whole_group and whole(store.time)
  if rows or at_own_time then
    for i = FIRST_FAMILY, #ARGV, 2 do
      local name = name_at(i)
      if rows then
        changed[#changed + 1] = 'r:' .. name
        changed[#changed + 1] = rows[(i - FIRST_FAMILY) / 2 + 1]
      end
      if at_own_time then
        changed[#changed + 1] = 't:' .. name
        changed[#changed + 1] = at_own_time
      end
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
  in_parts('HSET', GROUP, ARGV, nil, FIRST_FAMILY)
  if whole_group and was_mixed then
    local times = {}
    for i = FIRST_FAMILY, #ARGV, 2 do times[#times + 1] = 't:' .. name_at(i) end
    in_parts('HDEL', GROUP, times)
  end
end

-- Nothing but values: neither claims nor guard matter.
local function put_values(samples, rows)
  store.samples = store.samples + samples - head.samples
  head.samples = samples
  if REPLACE then head.shape = ARGV[12] end
  put({}, head.mixed, rows)
  commit(store, revision)
  return applied(store, revision, head.inconsistent)
end

if head and REPLACE and head.shape ~= '' and head.shape == ARGV[12] and head.families == pushed then return put_values(SAMPLES) end

local incoming, names, by_name = {}, {}, {}
local rows = cjson.decode(ARGV[15])
for i = FIRST_FAMILY, #ARGV, 2 do names[#names + 1] = name_at(i) end

-- A merge mostly brings rows that are there already, to the letter.
if head and not REPLACE then
  local fields = {}
  for i, name in ipairs(names) do fields[i] = 'r:' .. name end
  local held = get_fields(GROUP, fields)
  local same = true
  for i, field in ipairs(fields) do
    if held[field] ~= rows[i] then
      same = false
      break
    end
  end
  if same then return put_values(head.samples) end
end

for i, name in ipairs(names) do
  local row = cjson.decode(rows[i])
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
if same_shape then return put_values(after_samples, rows) end

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
put(changed, was_mixed, rows)
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
