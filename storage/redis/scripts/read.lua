#!lua flags=allow-oom
-- Groups as they are, all from one moment; declared like `changes`.
--   KEYS 1 store, 2 changes, 3 tombstones, 4... groups
--   ARGV key of each group
--   Reply: groups, time, epoch, head, then fields and values of each (none = there is no such group); or: absent, time; or: corrupt, time, why
local now = now_us()
local found = redis.call('HMGET', KEYS[1], 'epoch', 'revision')
if not found[1] then return { 'absent', now } end
local reply = { 'groups', now, found[1], tonumber(found[2]) }
for i, member in ipairs(ARGV) do
  local fields = redis.call('HGETALL', KEYS[i + 3])
  if #fields == 0 and redis.call('ZSCORE', KEYS[2], member) and not redis.call('ZSCORE', KEYS[3], member) then
    return { 'corrupt', now, LOST .. member }
  end
  reply[#reply + 1] = fields
end
return reply
