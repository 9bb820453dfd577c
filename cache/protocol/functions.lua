-- The functions that run inside of Redis. Each is registered under tailrace1_<name>, or evaluated with the name's call added.
-- LSNs, xids and epochs are 16 hexadecimal digits and compared as texts: a Lua number holds 53 bits. Times are milliseconds of
-- the Redis server's clock.

local UNSETTLED = 86400000 -- a tombstone with xids or an overflow: 24 h
local SETTLED = 60000      -- W: a tombstone of commits that were seen visible: 60 s
local MAX_LEASE = 30000    -- below W: while a lease is live, no section lapses that was written after it
local MAX_XIDS = 8

local function now()
  local t = redis.call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end

-- A sidecar is a MessagePack array. Its sections lapse by themselves; the key's TTL is that of the last.
local function read_sidecar(key, at)
  local s = {source = '', epoch = '', lsn = '', overflow = '', xids = '', tombstone = 0, token = '', lease = 0, generation = '',
    negative = 0, version = ''}
  local packed = redis.call('GET', key)
  if not packed then
    return s
  end
  local f = cmsgpack.unpack(packed)
  if f[6] > at then
    s.source, s.epoch, s.lsn, s.overflow, s.xids, s.tombstone, s.version = f[1], f[2], f[3], f[4], f[5], f[6], f[11]
  end
  if f[8] > at then
    s.token, s.lease, s.generation = f[7], f[8], f[9]
  end
  if f[10] > at then
    s.negative = f[10]
  end
  return s
end

local function write_sidecar(key, s, at)
  local last = math.max(s.tombstone, s.lease, s.negative)
  if last <= at then
    redis.call('DEL', key)
    return
  end
  redis.call('SET', key, cmsgpack.pack({s.source, s.epoch, s.lsn, s.overflow, s.xids, s.tombstone, s.token, s.lease, s.generation,
    s.negative, s.version}), 'PX', last - at)
end

local function find_xid(xids, xid)
  for i = 1, #xids, 16 do
    if string.sub(xids, i, i + 15) == xid then
      return i
    end
  end
end

local function remove_xid(s, xid)
  local i = find_xid(s.xids, xid)
  if i then
    s.xids = string.sub(s.xids, 1, i - 1) .. string.sub(s.xids, i + 16)
  end
end

-- The smallest xid moves into the overflow, which readers compare with the xmin of a snapshot.
local function add_xid(s, xid)
  if find_xid(s.xids, xid) then
    return
  end
  s.xids = s.xids .. xid
  if #s.xids <= MAX_XIDS * 16 then
    return
  end
  local smallest = string.sub(s.xids, 1, 16)
  for i = 17, #s.xids, 16 do
    local x = string.sub(s.xids, i, i + 15)
    if x < smallest then
      smallest = x
    end
  end
  remove_xid(s, smallest)
  if smallest > s.overflow then
    s.overflow = smallest
  end
end

local function set_lifetime(s, at)
  if s.xids ~= '' or s.overflow ~= '' then
    s.tombstone = at + UNSETTLED
  else
    s.tombstone = at + SETTLED
  end
end

-- A commit's xid is listed until the commit is visible to new snapshots. A commit of an older epoch deletes the value and
-- the lease, and leaves the tombstone of the newer one.
local function bury(s, source, epoch, lsn, xid, visible, at)
  if s.source ~= '' and s.source ~= source then
    return false
  end
  s.token, s.lease, s.generation, s.negative = '', 0, '', 0
  if epoch < s.epoch then
    return true
  end
  if epoch > s.epoch then
    s.lsn, s.overflow, s.xids, s.version = '', '', '', ''
  end
  s.source, s.epoch = source, epoch
  if lsn > s.lsn then
    s.lsn = lsn
  end
  if visible then
    remove_xid(s, xid)
  elseif xid ~= '' then
    add_xid(s, xid)
  end
  set_lifetime(s, at)
  return true
end

-- Writes of the daemon name the control keys, its owner token, the time after which they do nothing, and the watermark that
-- they expect. Anything but 'OK' has changed nothing.
local function guard(control, owner, deadline, expected, at)
  if at > tonumber(deadline) then
    return 'LATE'
  end
  local current = redis.call('GET', control .. ':owner')
  if not current then
    return 'LOST'
  elseif current ~= owner then
    return 'FENCED'
  elseif (redis.call('GET', control .. ':watermark') or '') ~= expected then
    return 'LOST'
  end
  return 'OK'
end

-- invalidate KEYS (k, S(k))... ARGV control owner deadline expected watermark source epoch (lsn xid visible)...
-- k is empty for the namespace's section. Returns OK, LATE, LOST, FENCED, or SOURCE and the key that another source has.
local function invalidate(keys, args)
  local at = now()
  local state = guard(args[1], args[2], args[3], args[4], at)
  if state ~= 'OK' then
    return {state}
  end
  local source, epoch, foreign = args[6], args[7], nil
  for i = 1, #keys, 2 do
    local a = 8 + (i - 1) / 2 * 3
    local s = read_sidecar(keys[i + 1], at)
    if keys[i] ~= '' then
      redis.call('UNLINK', keys[i]) -- first: a script that has written may go on where memory is short
    end
    if bury(s, source, epoch, args[a], args[a + 1], args[a + 2] == '1', at) then
      write_sidecar(keys[i + 1], s, at)
    else
      foreign = keys[i]
    end
  end
  redis.call('SET', args[1] .. ':watermark', args[5])
  if foreign then
    return {'SOURCE', foreign}
  end
  return {'OK'}
end

-- settle KEYS S(k)... ARGV control owner deadline expected epoch xmin (n xid...)...
-- Removes xids of commits that are visible to new snapshots, and overflows below xmin.
local function settle(keys, args)
  local at = now()
  local state = guard(args[1], args[2], args[3], args[4], at)
  if state ~= 'OK' then
    return {state}
  end
  local a = 7
  for i = 1, #keys do
    local s = read_sidecar(keys[i], at)
    local n = tonumber(args[a])
    if s.lsn ~= '' and s.epoch == args[5] and (s.xids ~= '' or s.overflow ~= '') then
      for j = a + 1, a + n do
        remove_xid(s, args[j])
      end
      if s.overflow ~= '' and s.overflow < args[6] then
        s.overflow = ''
      end
      if s.xids == '' and s.overflow == '' then
        s.tombstone = at + SETTLED
      end
      write_sidecar(keys[i], s, at)
    end
    a = a + 1 + n
  end
  return {'OK'}
end

-- refresh KEYS k S(k) ARGV control owner deadline expected watermark source epoch lsn xid visible ttl kind ...
-- kind is S and the value, H and fields with their values, or D. The newest (epoch, LSN) wins; where a newer commit has
-- invalidated the key, only the invalidation is done.
local function refresh(keys, args)
  local at = now()
  local state = guard(args[1], args[2], args[3], args[4], at)
  if state ~= 'OK' then
    return {state}
  end
  local epoch, lsn = args[7], args[8]
  local s = read_sidecar(keys[2], at)
  local newest = epoch .. lsn
  if s.version == '' or s.version < newest then
    local covered = s.epoch .. s.lsn
    if not bury(s, args[6], epoch, lsn, args[9], args[10] == '1', at) then
      return {'SOURCE', keys[1]}
    end
    redis.call('UNLINK', keys[1])
    if covered <= newest then
      s.version = newest
      if args[12] == 'S' then
        redis.call('SET', keys[1], args[13])
      elseif args[12] == 'H' then
        redis.call('HSET', keys[1], unpack(args, 13))
      end
      if args[12] ~= 'D' and args[11] ~= '0' then
        redis.call('PEXPIRE', keys[1], args[11])
      end
    end
    write_sidecar(keys[2], s, at)
  end
  redis.call('SET', args[1] .. ':watermark', args[5])
  return {'OK'}
end

-- heartbeat ARGV control owner deadline expected epoch applied floor time ttl
local function heartbeat(_, args)
  local state = guard(args[1], args[2], args[3], args[4], now())
  if state == 'OK' then
    redis.call('SET', args[1] .. ':heartbeat', cmsgpack.pack({args[5], args[6], args[7], args[8]}), 'PX', args[9])
  end
  return {state}
end

-- record ARGV control owner deadline expected record
local function record(_, args)
  local state = guard(args[1], args[2], args[3], args[4], now())
  if state == 'OK' then
    redis.call('SET', args[1] .. ':record', args[5])
  end
  return {state}
end

-- own ARGV control owner: makes the caller the owner. Returns its record and its watermark, each '' when missing, and the time.
local function own(_, args)
  redis.call('SET', args[1] .. ':owner', args[2])
  return {redis.call('GET', args[1] .. ':record') or '', redis.call('GET', args[1] .. ':watermark') or '', tostring(now())}
end

-- repair ARGV control owner deadline found watermark: replaces the watermark that was found after a loss, and deletes the heartbeat.
-- LOST: there is another one, so that Redis has lost even more.
local function repair(_, args)
  if now() > tonumber(args[3]) then
    return {'LATE'}
  end
  local current = redis.call('GET', args[1] .. ':owner')
  if current and current ~= args[2] then
    return {'FENCED'}
  end
  if (redis.call('GET', args[1] .. ':watermark') or '') ~= args[4] then
    return {'LOST'}
  end
  redis.call('SET', args[1] .. ':owner', args[2])
  redis.call('DEL', args[1] .. ':heartbeat')
  redis.call('SET', args[1] .. ':watermark', args[5])
  return {'OK'}
end

-- sweep KEYS (k, S(k))... ARGV control owner deadline keep: deletes values, leases and negative marks. Tombstones stay; with a
-- keep of an epoch, xids of older epochs go.
local function sweep(keys, args)
  local at = now()
  if at > tonumber(args[3]) then
    return {'LATE'}
  end
  if redis.call('GET', args[1] .. ':owner') ~= args[2] then
    return {'FENCED'}
  end
  for i = 1, #keys, 2 do
    local s = read_sidecar(keys[i + 1], at)
    s.token, s.lease, s.generation, s.negative = '', 0, '', 0
    if s.lsn ~= '' and s.epoch < args[4] then
      s.xids, s.overflow = '', ''
      set_lifetime(s, at)
    end
    write_sidecar(keys[i + 1], s, at)
    redis.call('UNLINK', keys[i])
  end
  return {'OK'}
end

local function read_heartbeat(control)
  local packed = redis.call('GET', control .. ':heartbeat')
  if packed then
    return cmsgpack.unpack(packed)
  end
  return {'', '', '', ''}
end

-- generation identifies the newest bulk invalidation of the namespace: a lease that is older fills nothing.
local function generation(section)
  return section.epoch .. section.lsn
end

-- lease KEYS k S(k) ARGV control token milliseconds, at most MAX_LEASE
-- Returns HIT value, NEG, WAIT milliseconds, or GRANT, the key's section, the namespace's section and the heartbeat.
local function lease(keys, args)
  local value = redis.call('GET', keys[1])
  if value then
    return {'HIT', value}
  end
  local at = now()
  local s = read_sidecar(keys[2], at)
  if s.negative > 0 then
    return {'NEG'}
  end
  if s.lease > 0 then
    return {'WAIT', tostring(s.lease - at)}
  end
  local namespace = read_sidecar(args[1] .. ':section', at)
  s.token, s.lease, s.generation = args[2], at + math.min(tonumber(args[3]), MAX_LEASE), generation(namespace)
  write_sidecar(keys[2], s, at)
  local h = read_heartbeat(args[1])
  return {'GRANT', s.source, s.epoch, s.lsn, s.overflow, s.xids, namespace.epoch, namespace.lsn, namespace.overflow, namespace.xids,
    h[1], h[2], h[3], h[4]}
end

-- fill KEYS k S(k) ARGV control token kind ttl value: kind is V, N (a negative mark) or X (gives the lease back).
-- Returns 1 when the lease was live.
local function fill(keys, args)
  local at = now()
  local s = read_sidecar(keys[2], at)
  if s.lease == 0 or s.token ~= args[2] then
    return 0
  end
  local live = s.generation == generation(read_sidecar(args[1] .. ':section', at))
  s.token, s.lease, s.generation = '', 0, ''
  if live and args[3] == 'V' then
    redis.call('SET', keys[1], args[5], 'PX', args[4])
  elseif live and args[3] == 'N' then
    s.negative = at + tonumber(args[4])
  end
  write_sidecar(keys[2], s, at)
  return live and 1 or 0
end

-- written KEYS (k, S(k))... ARGV control source lsn: a writer's own invalidation, after its commit has returned. The commit is
-- visible, so only its LSN is kept.
local function written(keys, args)
  local at = now()
  local epoch = read_heartbeat(args[1])[1]
  for i = 1, #keys, 2 do
    local s = read_sidecar(keys[i + 1], at)
    bury(s, args[2], epoch > s.epoch and epoch or s.epoch, args[3], '', true, at)
    write_sidecar(keys[i + 1], s, at)
    redis.call('UNLINK', keys[i])
  end
  return 1
end

-- last_heartbeat ARGV control
local function last_heartbeat(_, args)
  return read_heartbeat(args[1])
end
