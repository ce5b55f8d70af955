#!lua flags=allow-oom
-- Where the store stands; declared like `changes`.
--   KEYS 1 store, 2 nonces
--   Reply: status, time, epoch, head, nonce of the head, groups, samples; or: absent, time
local now = now_us()
local found = redis.call('HMGET', KEYS[1], 'epoch', 'revision', 'groups', 'samples')
if not found[1] then return { 'absent', now } end
local head = tonumber(found[2])
local nonce = ''
if head > 0 then nonce = redis.call('GETRANGE', KEYS[2], (head % RING) * 8, (head % RING) * 8 + 7) end
return { 'status', now, found[1], head, nonce, tonumber(found[3]), tonumber(found[4]) }
