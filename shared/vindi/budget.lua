-- One account's requests, counted so that no alignment of Vindi's window lets it exceed the ceiling.
--
-- A request occupies its place from the moment it is allowed until one window after its answer:
-- wherever between the two Vindi counted it, and whenever Vindi's window began, at most `limit`
-- requests then fall into that window.
--
-- KEYS: log of each lane (due, reconcile, backfill), requests in flight, state.
-- The logs score a request by when its place is free again; all times are ms of Redis' clock.
-- ARGV[1]: take | settle | lost | give_back | block | restore
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local flying, state = KEYS[4], KEYS[5]

local function number(field)
  return tonumber(redis.call('HGET', state, field) or '')
end

local function keep_for(key, ms)
  if redis.call('PTTL', key) < ms then redis.call('PEXPIRE', key, ms) end
end

-- take: lane number, member, configured limit, window ms, lease ms, and the lane number and member
-- of the caller's newest request that still counts ('' when it has none)
-- answers {wait in ms, reason}: wait 0 means taken
local function take()
  local lane, member, limit = tonumber(ARGV[2]), ARGV[3], tonumber(ARGV[4])
  local window, lease = tonumber(ARGV[5]), tonumber(ARGV[6])
  local used, total = {}, 0
  for i = 1, 3 do
    redis.call('ZREMRANGEBYSCORE', KEYS[i], '-inf', now)
    used[i] = redis.call('ZCARD', KEYS[i])
    total = total + used[i]
  end
  redis.call('ZREMRANGEBYSCORE', flying, '-inf', now)
  -- Redis came back without its memory, or the caller went on alone meanwhile.
  if ARGV[7] ~= '' and not redis.call('ZSCORE', KEYS[tonumber(ARGV[7])], ARGV[8]) then
    return {-1, 'forgotten'}
  end

  local blocked = number('blocked_until')
  if blocked and blocked > now then return {blocked - now, 'blocked'} end

  local in_flight = redis.call('ZCARD', flying)
  local heard = number('heard_until')
  -- Nothing heard lately: Vindi's window may be half spent by others, so one request asks.
  if not (heard and heard > now) and in_flight > 0 then return {50, 'asking'} end

  local told = number('limit')
  if told and told < limit then limit = told end
  local capacity, reset = limit, number('window_until')
  if reset and reset > now then
    -- What Vindi counted, others' requests included, and all of ours it may not have counted yet.
    capacity = math.min(capacity, total + number('remaining') - in_flight)
  else
    reset = nil
  end

  -- Places kept for the other lanes, as far as those have not used theirs.
  local floors = {0, 0, 0}
  if limit >= 10 then
    floors = {math.floor(limit * 0.4), math.ceil(limit * 0.05), math.ceil(limit * 0.025)}
  end
  local kept = 0
  for i = 1, 3 do
    if i ~= lane then kept = kept + math.max(0, floors[i] - used[i]) end
  end
  local own = used[lane] < floors[lane]
  if total < capacity and (own or total + kept < capacity) then
    redis.call('ZADD', KEYS[lane], now + lease + window, member)
    redis.call('ZADD', flying, now + lease, member)
    keep_for(KEYS[lane], lease + window)
    keep_for(flying, lease)
    return {0, 'taken'}
  end
  -- When a place frees: with the oldest entry of any lane, or with Vindi's new window.
  local wait = reset and capacity < limit and reset - now or window
  for i = 1, 3 do
    local oldest = redis.call('ZRANGE', KEYS[i], 0, 0, 'WITHSCORES')
    if oldest[2] then wait = math.min(wait, tonumber(oldest[2]) - now) end
  end
  return {math.max(wait, 1), 'spent'}
end

-- settle: lane number, member, window ms, limit, remaining, ms until reset (each '' if unsaid)
local function settle()
  local lane, member, window = tonumber(ARGV[2]), ARGV[3], tonumber(ARGV[4])
  redis.call('ZREM', flying, member)
  redis.call('ZADD', KEYS[lane], 'XX', now + window, member)
  redis.call('HSET', state, 'heard_until', now + 2 * window)
  local limit, remaining, left = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
  if limit and limit > 0 then redis.call('HSET', state, 'limit', limit) end
  if remaining and left then
    local until_ = now + left
    local known = number('window_until')
    -- Reset keeps its second within a window; half a window tells one from the next. Within a
    -- window Remaining only falls, so the least one heard is the newest.
    if not known or known <= now or until_ > known + window / 2 then
      redis.call('HSET', state, 'window_until', until_, 'remaining', remaining)
    elseif until_ > known - window / 2 then
      local least = math.min(number('remaining'), remaining)
      redis.call('HSET', state, 'window_until', math.max(known, until_), 'remaining', least)
    end
  elseif number('remaining') then
    redis.call('HINCRBY', state, 'remaining', -1) -- counted, though this answer did not say so
  end
  keep_for(state, 10 * window)
  return {0, 'settled'}
end

-- lost: lane number, member. No answer came, and Vindi may have counted it or may yet do so.
local function lost()
  redis.call('ZREM', flying, ARGV[3])
  if number('remaining') then redis.call('HINCRBY', state, 'remaining', -1) end
  return {0, 'lost'}
end

-- give_back: lane number, member. The request never left.
local function give_back()
  redis.call('ZREM', flying, ARGV[3])
  redis.call('ZREM', KEYS[tonumber(ARGV[2])], ARGV[3])
  return {0, 'given back'}
end

-- block: ms
local function block()
  local until_ = now + tonumber(ARGV[2])
  if until_ > (number('blocked_until') or 0) then redis.call('HSET', state, 'blocked_until', until_) end
  keep_for(state, tonumber(ARGV[2]) + 1000)
  return {0, 'blocked'}
end

-- restore: then lane number, member, ms until free, for each entry
local function restore()
  for i = 2, #ARGV, 3 do
    local log = KEYS[tonumber(ARGV[i])]
    redis.call('ZADD', log, 'NX', now + tonumber(ARGV[i + 2]), ARGV[i + 1])
    keep_for(log, tonumber(ARGV[i + 2]))
  end
  return {0, 'restored'}
end

local calls = {
  take = take, settle = settle, lost = lost, give_back = give_back, block = block,
  restore = restore,
}
return calls[ARGV[1]]()
