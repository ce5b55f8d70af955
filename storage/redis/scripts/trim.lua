#!lua flags=allow-oom
-- Forgets the oldest tombstones and nonces.
--   KEYS 1 store, 2 changes, 3 tombstones
--   ARGV 1 tombstones to keep, 2 revisions whose nonces are kept, 3 tombstones to drop at most
--   Reply: trimmed, time, epoch, head, 1 when there is more to drop; or: absent, time
local now = now_us()
local found = redis.call('HMGET', KEYS[1], 'epoch', 'revision', 'oldest')
if not found[1] then return { 'absent', now } end
local function trimmed(more) return { 'trimmed', now, found[1], tonumber(found[2]), more } end
local oldest = tonumber(found[2]) - tonumber(ARGV[2]) + 1
if oldest > tonumber(found[3]) then redis.call('HSET', KEYS[1], 'oldest', whole(oldest)) end
local excess = redis.call('ZCARD', KEYS[3]) - tonumber(ARGV[1])
if excess <= 0 then return trimmed(0) end
local drop = math.min(excess, tonumber(ARGV[3]))
local old = redis.call('ZRANGE', KEYS[3], 0, drop - 1, 'WITHSCORES')
local members = {}
for i = 1, #old, 2 do members[#members + 1] = old[i] end
redis.call('HSET', KEYS[1], 'floor', old[#old])
in_parts('ZREM', KEYS[2], members)
in_parts('ZREM', KEYS[3], members)
return trimmed(excess > drop and 1 or 0)
