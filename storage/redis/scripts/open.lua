#!lua
-- Makes the store where there is none.
--   KEYS 1 store
--   ARGV 1 epoch for a new one (16 hex digits), 2 format of this version, 3 '1' when it may be made
--   Reply: opened, time, epoch, format, head; or: absent, time
local now = now_us()
local found = redis.call('HMGET', KEYS[1], 'epoch', 'format', 'revision')
if found[1] then return { 'opened', now, found[1], tonumber(found[2] or 0), tonumber(found[3] or 0) } end
if ARGV[3] ~= '1' then return { 'absent', now } end
redis.call('HSET', KEYS[1], 'epoch', ARGV[1], 'format', ARGV[2], 'revision', 0, 'time', 0, 'floor', 0, 'oldest', 0,
  'groups', 0, 'samples', 0)
return { 'opened', now, ARGV[1], tonumber(ARGV[2]), 0 }
