#!lua flags=allow-oom
-- Keys of groups that were last written after one revision and not after another, in that order.
--   KEYS 1 store, 2 changes, 3 tombstones
--   ARGV 1 after, 2 upto, 3 how many to look at
--   Reply: live, time, epoch, head, where to go on (the same as ARGV 1 at the end), key, ...; or: absent, time
local now = now_us()
local store = redis.call('HMGET', KEYS[1], 'epoch', 'revision')
if not store[1] then return { 'absent', now } end
local reply = { 'live', now, store[1], tonumber(store[2]), tonumber(ARGV[1]) }
local found = redis.call('ZRANGEBYSCORE', KEYS[2], '(' .. ARGV[1], ARGV[2], 'WITHSCORES', 'LIMIT', 0, ARGV[3])
for i = 1, #found, 2 do
  reply[5] = tonumber(found[i + 1])
  if not redis.call('ZSCORE', KEYS[3], found[i]) then reply[#reply + 1] = found[i] end
end
return reply
