#!lua flags=allow-oom
-- Groups as they are, all from one moment; declared like `changes`.
--   KEYS 1 store, 2... groups
--   Reply: groups, time, then fields and values of each (none = there is no such group)
local reply = { 'groups', now_us() }
for i = 2, #KEYS do reply[#reply + 1] = redis.call('HGETALL', KEYS[i]) end
return reply
