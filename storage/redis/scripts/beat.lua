#!lua
-- A heartbeat: whether this is still a server that takes writes, what time it is there, and where the store stands.
--   KEYS 1 store
--   Reply: beat, time, epoch, head; or: absent, time
local now = now_us()
local found = redis.call('HMGET', KEYS[1], 'epoch', 'revision')
if not found[1] then return { 'absent', now } end
return { 'beat', now, found[1], tonumber(found[2]) }
