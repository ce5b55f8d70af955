#!lua flags=allow-oom
-- Keys of groups that were last written after one revision and not after another, in that order.
--   KEYS 1 changes, 2 tombstones
--   ARGV 1 after, 2 upto, 3 how many to look at
--   Reply: live, time, where to go on (the same as ARGV 1 at the end), key, ...
local reply = { 'live', now_us(), tonumber(ARGV[1]) }
local found = redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. ARGV[1], ARGV[2], 'WITHSCORES', 'LIMIT', 0, ARGV[3])
for i = 1, #found, 2 do
  reply[3] = tonumber(found[i + 1])
  if not redis.call('ZSCORE', KEYS[2], found[i]) then reply[#reply + 1] = found[i] end
end
return reply
