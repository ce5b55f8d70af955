#!lua flags=allow-oom
-- What changed since a position. It writes nothing, but is declared as if it might: so a server that lost its role, or its replicas
-- where it must have some, refuses it, instead of answering with what is old.
--   KEYS 1 store, 2 changes, 3 tombstones, 4 nonces
--   ARGV 1 epoch, 2 revision, 3 nonce (8 bytes) of the position, 4 after, 5 '1' when reading everything, 6 bytes at most, 7 groups at most,
--        8 prefix of the keys of groups
--   Reply: page, time, epoch, head, nonce of the head, upto, complete (0 or 1), then for each group: key, fields and values (none = gone)
--      or: reset, time, epoch, head, reason
--      or: absent, time
--      or: corrupt, time, why
local now = now_us()
local found = redis.call('HMGET', KEYS[1], 'epoch', 'revision', 'floor', 'oldest')
if not found[1] then return { 'absent', now } end
local epoch, head, floor, oldest = found[1], tonumber(found[2]), tonumber(found[3]), tonumber(found[4])

local function nonce_of(revision)
  if revision == 0 then return '' end
  return redis.call('GETRANGE', KEYS[4], (revision % RING) * 8, (revision % RING) * 8 + 7)
end

local position, after = tonumber(ARGV[2]), tonumber(ARGV[4])
local function reset_reason()
  if position == 0 then return nil end
  if ARGV[1] ~= epoch then return 'epoch' end
  if position > head then return 'ahead' end
  if position < oldest or position <= head - RING then return 'history' end
  if nonce_of(position) ~= ARGV[3] then return 'diverged' end
  if floor > (ARGV[5] == '1' and position or after) then return 'floor' end
end
local reason = reset_reason()
if reason then return { 'reset', now, epoch, head, reason } end

-- About what a group costs to hand over besides its families.
local ROW_BYTES = 256
local BATCH = 100
local reply = { 'page', now, epoch, head, nonce_of(head), 0, 0 }
local bytes, groups, upto, complete = 0, 0, after, true
local bytes_max, groups_max = tonumber(ARGV[6]), tonumber(ARGV[7])
while complete and head > upto do
  local batch = redis.call('ZRANGEBYSCORE', KEYS[2], '(' .. whole(upto), '+inf', 'WITHSCORES', 'LIMIT', 0, BATCH)
  if #batch == 0 then break end
  for i = 1, #batch, 2 do
    if bytes >= bytes_max and groups > 0 or groups == groups_max then
      complete = false
      break
    end
    local member = batch[i]
    local fields = redis.call('HGETALL', ARGV[8] .. member)
    if #fields == 0 and not redis.call('ZSCORE', KEYS[3], member) then
      return { 'corrupt', now, LOST .. member }
    end
    for at = 2, #fields, 2 do bytes = bytes + #fields[at] end
    bytes = bytes + ROW_BYTES
    groups = groups + 1
    reply[#reply + 1] = member
    reply[#reply + 1] = fields
    upto = tonumber(batch[i + 1])
  end
end
reply[6] = complete and head or upto
reply[7] = complete and 1 or 0
return reply
