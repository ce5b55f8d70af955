-- What the scripts that make a write have in common. Their keys and first arguments are the same:
--   KEYS 1 store, 2 claims, 3 partitions, 4 changes, 5 tombstones, 6 nonces, 7 the group
--   ARGV 1 key of the group, 2 nonce (8 bytes), 3 deadline (server's time, ms), 4 where the store stood before the first attempt (EPOCH HEAD),
--        5 '1' when replication is going to be waited for
-- Their replies, behind kind and time:
--   applied, epoch, revision, inconsistent (0 or 1)
--   unchanged                 nothing to delete
--   refused, claim, wanted, held
--   unguarded, name-set, ...
--   late                      the deadline has passed
--   absent                    there is no store: `open` makes one
--   corrupt, why
-- All checks come before the first change, since nothing is rolled back.

local STORE, CLAIMS, PARTITIONS, CHANGES, TOMBSTONES, NONCES, GROUP = unpack(KEYS, 1, 7)
local MEMBER, NONCE = ARGV[1], ARGV[2]

-- A clock that was set back by more than this is followed; smaller steps are waited out.
local STEP_BACK_US = 1000000

-- Where the store stands, or nil and the reply to give.
local function begin()
  local now = now_us()
  local found = redis.call('HMGET', STORE, 'epoch', 'revision', 'time', 'groups', 'samples', 'floor')
  if not found[1] then return nil, { 'absent', now } end
  if now / 1000 > tonumber(ARGV[3]) then return nil, { 'late', now } end
  local last = tonumber(found[3])
  local time = now
  if now < last and last - now < STEP_BACK_US then time = last end
  return {
    epoch = found[1], revision = tonumber(found[2]), now = now, time = time,
    groups = tonumber(found[4]), samples = tonumber(found[5]), floor = tonumber(found[6]),
  }
end

-- The revision between two, both of one turn of the ring, that carries the nonce of this write.
local function search(first, last)
  local text = redis.call('GETRANGE', NONCES, (first % RING) * 8, (last % RING) * 8 + 7)
  local at = 1
  while true do
    local found = string.find(text, NONCE, at, true)
    if not found then return nil end
    if (found - 1) % 8 == 0 then return first + (found - 1) / 8 end
    at = found + 1
  end
end

-- The revision at which another attempt made this write. Attempts may come in any order: one that was given up can lie in a buffer until
-- a later one was made. None was made before the first was sent, and none leaves its group unchanged; so there is mostly nothing to look for.
local function made_before(store, head)
  local epoch, since = string.match(ARGV[4], '^(%x*) (%d+)$')
  since = epoch == store.epoch and tonumber(since) or 0
  -- What is known nowhere may have been deleted, and its tombstone dropped: at the floor or before.
  local changed = head and head.revision or tonumber(redis.call('ZSCORE', CHANGES, MEMBER) or store.floor)
  if changed <= since then return nil end
  local first, last = math.max(since + 1, store.revision - RING + 1), store.revision
  local turn = last - last % RING
  if first < turn then return search(first, turn - 1) or search(turn, last) end
  return search(first, last)
end

-- A write that changes nothing, so that waiting for replicas covers what was there before.
local function touch(store)
  if ARGV[5] == '1' then redis.call('HSET', STORE, 'revision', whole(store.revision)) end
end

local function applied(store, revision, inconsistent)
  return { 'applied', store.now, store.epoch, revision, inconsistent and 1 or 0 }
end

local function replayed(store, revision, head)
  touch(store)
  return applied(store, revision, head and head.inconsistent)
end

-- A group that is not there must be known as deleted, or not at all: else it was lost.
local function lost(store)
  if redis.call('ZSCORE', CHANGES, MEMBER) and not redis.call('ZSCORE', TOMBSTONES, MEMBER) then
    return { 'corrupt', store.now, LOST .. MEMBER }
  end
end

-- Notes a revision, also given as text, where changes and nonces are looked up.
local function record(revision, shown)
  redis.call('ZADD', CHANGES, shown, MEMBER)
  redis.call('SETRANGE', NONCES, (revision % RING) * 8, NONCE)
end

-- The books and indexes behind the change of a group, as the last step.
local function commit(store, revision)
  local shown = whole(revision)
  redis.call('HSET', STORE, 'revision', shown, 'time', whole(store.time), 'groups', whole(store.groups),
    'samples', whole(store.samples))
  record(revision, shown)
end

-- Name-sets that other groups of a partition have, or nil when the guard covers them and its groups.
local function uncovered(store, partition, name_set, guard, first_guarded_key)
  local judged, others = {}, { 'unguarded', store.now }
  for _, one in ipairs(guard.nameSets) do judged[one] = true end
  local covered = true
  for _, entry in ipairs(read_counted(redis.call('HGET', PARTITIONS, partition))) do
    if entry.what ~= name_set then
      others[#others + 1] = entry.what
      if not judged[entry.what] then covered = false end
    end
  end
  for i, shape_revision in ipairs(guard.shapeRevisions) do
    local head = read_head(redis.call('HGET', KEYS[first_guarded_key + i - 1], 'head'))
    if (head and head.shape_revision or 0) ~= shape_revision then covered = false end
  end
  if not covered then return others end
end

-- Name-sets of the groups of a partition, one of them counted anew; read before the first change, to be put with put_counted.
local function name_sets_with(partition, name_set, delta)
  local list = read_counted(redis.call('HGET', PARTITIONS, partition))
  bump(list, name_set, delta)
  return list
end

-- Adds the claims of rows to a table of changes: claim -> meaning -> how many more.
local function add_claims(deltas, rows, step)
  for _, row in ipairs(rows) do
    for i = 3, #row, 2 do
      local meanings = deltas[row[i]]
      if not meanings then
        meanings = {}
        deltas[row[i]] = meanings
      end
      meanings[row[i + 1]] = (meanings[row[i + 1]] or 0) + step
    end
  end
end

-- Holders of the claims in a table of changes.
local function holders_of(deltas)
  local names = {}
  for name in pairs(deltas) do names[#names + 1] = name end
  local texts = get_fields(CLAIMS, names)
  local holders = {}
  for _, name in ipairs(names) do holders[name] = read_counted(texts[name]) end
  return holders
end

local function count_claims(deltas, holders)
  local changed = {}
  for name, meanings in pairs(deltas) do
    for meaning, delta in pairs(meanings) do
      if delta ~= 0 then
        bump(holders[name], meaning, delta)
        changed[name] = holders[name]
      end
    end
  end
  put_counted(CLAIMS, changed)
end

-- How many of these rows make each claim.
local function claim_counts(rows)
  local counts = {}
  for _, row in ipairs(rows) do
    for i = 3, #row, 2 do
      local id = claim_id(row[i], row[i + 1])
      counts[id] = (counts[id] or 0) + 1
    end
  end
  return counts
end

-- The rules of storage/claim-book.ts: what the write itself would break, and whether anything contradicts it.
local function judge(incoming, outgoing, staying, holders)
  local released, kept = claim_counts(outgoing), claim_counts(staying)
  local function held_otherwise(name, wanted)
    for _, entry in ipairs(holders[name]) do
      if entry.what ~= wanted and entry.count > (released[claim_id(name, entry.what)] or 0) then return entry.what end
    end
  end
  local brought, contradicted = {}, false
  for _, row in ipairs(incoming) do
    for i = 3, #row, 2 do
      local name, wanted = row[i], row[i + 1]
      local agreed = brought[name]
      if agreed and agreed ~= wanted then return { name, wanted, agreed }, true end
      if not agreed then
        brought[name] = wanted
        local held = held_otherwise(name, wanted)
        if held then
          local id = claim_id(name, wanted)
          if not released[id] and not kept[id] then return { name, wanted, held }, true end
          contradicted = true
        end
      end
    end
  end
  return nil, contradicted
end
