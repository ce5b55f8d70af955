-- What the other scripts have in common; storage/redis/scripts.ts puts it in front of each of them.
-- The keys and what lies in them: storage/DESIGN.md. Every reply begins with its kind and the server's time in microseconds.

-- How many of the last revisions have their nonces kept; part of the format.
local RING = 1048576
-- Lua's stack takes some thousand values at a time.
local AT_ONCE = 1000

local LOST = 'a group is known and its data are gone, since something else removed them; deleting the group mends that: '

local function whole(number)
  return string.format('%.0f', number)
end

local function now_us()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000000 + tonumber(time[2])
end

-- Calls `command key` with a list of values, or those from one on, in as many calls as that takes; `visit` gets each reply.
local function in_parts(command, key, values, visit, from)
  for first = from or 1, #values, AT_ONCE do
    local reply = redis.call(command, key, unpack(values, first, math.min(first + AT_ONCE - 1, #values)))
    if visit then visit(first, reply) end
  end
end

-- The values of these fields by their names; missing ones are missing.
local function get_fields(key, names)
  local values = {}
  in_parts('HMGET', key, names, function(first, reply)
    for i, value in ipairs(reply) do
      if value then values[names[first + i - 1]] = value end
    end
  end)
  return values
end

-- A list of texts and how often each: `count length text`, one behind the other.
local function read_counted(text)
  local list = {}
  local at = 1
  while text and at <= #text do
    local _, stop, count, length = string.find(text, '^(%d+) (%d+) ', at)
    list[#list + 1] = { what = string.sub(text, stop + 1, stop + length), count = tonumber(count) }
    at = stop + length + 1
  end
  return list
end

-- Adds to the count of one text of a list.
local function bump(list, what, delta)
  for _, entry in ipairs(list) do
    if entry.what == what then
      entry.count = entry.count + delta
      return
    end
  end
  list[#list + 1] = { what = what, count = delta }
end

-- A list as it is stored; '' when nothing is counted any more.
local function show_counted(list)
  local parts = {}
  for _, entry in ipairs(list) do
    if entry.count > 0 then
      parts[#parts + 1] = whole(entry.count) .. ' ' .. #entry.what .. ' ' .. entry.what
    end
  end
  return table.concat(parts)
end

-- Puts lists, by field, where they were read from; those that are empty go. What is set comes first: a key must not be gone in
-- between, since a slot that is being moved to another node of a cluster then refuses what follows.
local function put_counted(key, lists)
  local set, gone = {}, {}
  for field, list in pairs(lists) do
    local text = show_counted(list)
    if text ~= '' then
      set[#set + 1] = field
      set[#set + 1] = text
    else
      gone[#gone + 1] = field
    end
  end
  in_parts('HSET', key, set)
  in_parts('HDEL', key, gone)
end

-- The head of a group as its field `head` has it.
local HEAD = '^(%d+) (%d+) (%d+) (%d+) (%d+) (%d+) ([01]) ([01]) (%d+) (%d+) (.*)$'

-- The same of a group whose families were all pushed at the same time: revision, shape revision and creation, failure, inconsistent,
-- samples, families, digest.
local UNMIXED_HEAD = '^(%d+) (%d+ %d+) %d+ (%d+) %d+ ([01]) 0 (%d+) (%d+) (.+)$'

local function read_head(text)
  if not text then return nil end
  local revision, shape_revision, created, pushed, failed, base, inconsistent, mixed, samples, families, shape =
    string.match(text, HEAD)
  if not revision then return nil end
  return {
    revision = tonumber(revision), shape_revision = tonumber(shape_revision), created = tonumber(created),
    pushed = tonumber(pushed), failed = tonumber(failed), base = tonumber(base), inconsistent = inconsistent == '1',
    mixed = mixed == '1', samples = tonumber(samples), families = tonumber(families), shape = shape,
  }
end

local function show_head(head)
  return table.concat({
    whole(head.revision), whole(head.shape_revision), whole(head.created), whole(head.pushed), whole(head.failed),
    whole(head.base), head.inconsistent and '1' or '0', head.mixed and '1' or '0', whole(head.samples),
    whole(head.families), head.shape,
  }, ' ')
end

-- Names of the families of a group.
local function family_names(group_key)
  local names = {}
  for _, field in ipairs(redis.call('HKEYS', group_key)) do
    if string.sub(field, 1, 2) == 'r:' then names[#names + 1] = string.sub(field, 3) end
  end
  return names
end

-- Rows of these families: { samples, shape, claim, meaning, claim, meaning, ... }, by name.
local function stored_rows(group_key, names)
  local fields, rows = {}, {}
  for i, name in ipairs(names) do fields[i] = 'r:' .. name end
  for field, text in pairs(get_fields(group_key, fields)) do rows[string.sub(field, 3)] = cjson.decode(text) end
  return rows
end

local function claim_id(name, meaning)
  return name .. '\0' .. meaning
end
