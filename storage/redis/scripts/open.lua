#!lua flags=allow-oom
-- Makes the store where there is none, and looks whether all of its keys are what they should be.
--   KEYS 1 store, 2 claims, 3 partitions, 4 changes, 5 tombstones, 6 nonces
--   ARGV 1 epoch for a new one (16 hex digits), 2 format of this version, 3 '1' when it may be made
--   Reply: opened, time, epoch, head, format; or: absent, time; or: corrupt, time, why
local now = now_us()
for i, expected in ipairs({ 'hash', 'hash', 'hash', 'zset', 'zset', 'string' }) do
  local kind = redis.call('TYPE', KEYS[i]).ok
  if kind ~= 'none' and kind ~= expected then
    return { 'corrupt', now, KEYS[i] .. ' is a ' .. kind .. ', which Sluice did not write' }
  end
end
local found = redis.call('HMGET', KEYS[1], 'epoch', 'revision', 'format')
if found[1] then return { 'opened', now, found[1], tonumber(found[2] or 0), tonumber(found[3] or 0) } end
if redis.call('TYPE', KEYS[1]).ok ~= 'none' then
  return { 'corrupt', now, KEYS[1] .. ' is a hash that Sluice did not write' }
end
if redis.call('ZCARD', KEYS[4]) > 0 then
  return { 'corrupt', now, KEYS[1] .. ' is gone, while the groups are there; restore it from a backup, or remove all keys of the prefix' }
end
if ARGV[3] ~= '1' then return { 'absent', now } end
redis.call('HSET', KEYS[1], 'epoch', ARGV[1], 'format', ARGV[2], 'revision', 0, 'time', 0, 'floor', 0, 'oldest', 0,
  'groups', 0, 'samples', 0)
return { 'opened', now, ARGV[1], 0, tonumber(ARGV[2]) }
