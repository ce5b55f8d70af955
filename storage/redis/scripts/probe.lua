#!lua flags=allow-oom
-- Uses every command that the other scripts use, on keys of its own: a right that is missing must show before a write is half made.
--   KEYS 1 hash, 2 sorted set, 3 string
--   Reply: probed, time, command that failed, why, ...
local reply = { 'probed', now_us() }

local function try(...)
  local result = redis.pcall(...)
  if type(result) == 'table' and result.err then
    reply[#reply + 1] = (select(1, ...))
    reply[#reply + 1] = result.err
  end
end

local hash, zset, text = KEYS[1], KEYS[2], KEYS[3]
try('UNLINK', hash, zset, text)
try('HSET', hash, 'a', '1', 'b', '2')
try('HGET', hash, 'a')
try('HMGET', hash, 'a', 'b')
try('HDEL', hash, 'a')
try('HKEYS', hash)
try('HGETALL', hash)
try('TYPE', hash)
try('ZADD', zset, 1, 'a')
try('ZSCORE', zset, 'a')
try('ZCARD', zset)
try('ZRANGE', zset, 0, 0)
try('ZRANGEBYSCORE', zset, 0, 1)
try('ZREM', zset, 'a')
try('SETRANGE', text, 0, 'a')
try('GETRANGE', text, 0, 0)
try('UNLINK', hash, zset, text)
return reply
