-- One account's requests, counted so that no alignment of Vindi's window lets it exceed the ceiling.
--
-- A request occupies its place from the moment it is allowed until one window after its answer:
-- wherever between the two Vindi counted it, and whenever Vindi's window began, at most `limit`
-- requests then fall into that window.
--
-- KEYS: log of each lane (due, reconcile, backfill, a person's), requests in flight, state.
-- The logs score a request by when its place is free again; all times are ms of Redis' clock.
-- ARGV[1]: take | look | settle | lost | give_back | block | restore
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local flying, state = KEYS[5], KEYS[6]
local LANES, DUE, PERSON = 4, 1, 4

local function number(field)
  return tonumber(redis.call('HGET', state, field) or '')
end

-- What lies farther ahead than anything that is written was written before the clock of Redis went
-- back, or by another one that it was a copy of: it would stop an account for as long as that.
local FARTHEST = 600 * 1000

local function ahead(field, farthest)
  local at = number(field)
  return at and at > now and at - now <= farthest and at or nil
end

local function forget_past(key, window)
  redis.call('ZREMRANGEBYSCORE', key, '-inf', now)
  redis.call('ZREMRANGEBYSCORE', key, now + math.max(10 * window, 300000), '+inf')
end

local function keep_for(key, ms)
  if redis.call('PTTL', key) < ms then redis.call('PEXPIRE', key, ms) end
end

-- What of an account is used, and what a lane may still take: `most` is what we may use of a window,
-- which leaves `leave` percent of it to the account's other systems.
local function count(lane, limit, window, leave)
  local c = {used = {}, total = 0}
  for i = 1, LANES do
    forget_past(KEYS[i], window)
    c.used[i] = redis.call('ZCARD', KEYS[i])
    c.total = c.total + c.used[i]
  end
  forget_past(flying, window)
  c.in_flight = redis.call('ZCARD', flying)
  local told = number('limit')
  if told and told < limit then limit = told end
  c.limit, c.most = limit, math.max(1, math.floor(limit * (100 - leave) / 100))
  c.capacity, c.spent, c.reset = c.most, c.total, ahead('window_until', 2 * window + 2000)
  if c.reset then
    -- What Vindi counted, others' requests included, and all of ours it may not have counted yet.
    local remaining = number('remaining') - c.in_flight
    c.capacity = math.min(c.capacity, c.total + remaining)
    c.spent = math.max(c.spent, limit - remaining)
  end

  -- Places kept for the other lanes, as far as those have not used theirs. A person waits for the
  -- answer, so no lane takes the few that a question needs: trying a key takes six requests.
  -- Where a part is left to others, most of it comes from what is kept for due sales, as long as
  -- few are read: an import has as much of the window as before. What is kept grows with their use.
  local floors, idle = {0, 0, 0, 0}, 0
  if limit >= 10 then
    local most = c.most
    idle = math.max(most * 0.15, most * 0.4 - (limit - most) * 0.85)
    floors = {
      math.floor(math.min(most * 0.4, idle + 2 * c.used[DUE])), math.ceil(most * 0.05),
      math.ceil(most * 0.025), math.max(1, math.floor(most * 0.07)),
    }
  end
  local kept = 0
  for i = 1, LANES do
    if i ~= lane then kept = kept + math.max(0, floors[i] - c.used[i]) end
  end
  -- What a lane has whatever the others used: of what grows only what was there from the first.
  local own = math.max(0, (lane == DUE and math.floor(idle) or floors[lane]) - c.used[lane])
  if lane == PERSON then kept = 0 end
  local free = c.capacity - c.total
  c.room = math.max(0, math.max(free - kept, math.min(own, free)))
  -- When a place frees: with the oldest entry of any lane, or with Vindi's new window.
  c.wait = c.reset and c.capacity < c.most and c.reset - now or window
  for i = 1, LANES do
    local oldest = redis.call('ZRANGE', KEYS[i], 0, 0, 'WITHSCORES')
    if oldest[2] then c.wait = math.min(c.wait, tonumber(oldest[2]) - now) end
  end
  return c
end

-- take: lane number, member, configured limit, window ms, lease ms, percent left to others, and the
-- lane number and member of the caller's newest request that still counts ('' when it has none)
-- answers {wait in ms, reason, used of the window, its limit}: wait 0 means taken
local function take()
  local lane, member = tonumber(ARGV[2]), ARGV[3]
  local window, lease = tonumber(ARGV[5]), tonumber(ARGV[6])
  local c = count(lane, tonumber(ARGV[4]), window, tonumber(ARGV[7]))
  -- Redis came back without its memory, or the caller went on alone meanwhile.
  if ARGV[8] ~= '' and not redis.call('ZSCORE', KEYS[tonumber(ARGV[8])], ARGV[9]) then
    return {-1, 'forgotten', 0, 0}
  end

  local blocked = ahead('blocked_until', FARTHEST)
  if blocked then return {blocked - now, 'blocked', c.limit, c.limit} end

  local heard = ahead('heard_until', 2 * window)
  -- Nothing heard lately: Vindi's window may be half spent by others, so one request asks.
  if not heard and c.in_flight > 0 then
    return {50, 'asking', c.spent, c.limit}
  end

  if c.room > 0 then
    redis.call('ZADD', KEYS[lane], now + lease + window, member)
    redis.call('ZADD', flying, now + lease, member)
    keep_for(KEYS[lane], lease + window)
    keep_for(flying, lease)
    return {0, 'taken', c.spent + 1, c.limit}
  end
  return {math.max(c.wait, 1), 'spent', c.spent, c.limit}
end

-- look: lane number, configured limit, window ms, percent left to others
-- answers {requests that the lane may take now, ms until there may be more}
local function look()
  local window = tonumber(ARGV[4])
  local c = count(tonumber(ARGV[2]), tonumber(ARGV[3]), window, tonumber(ARGV[5]))
  local blocked = ahead('blocked_until', FARTHEST)
  if blocked then return {0, blocked - now} end
  return {c.room, math.max(c.wait, 1)}
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
    local known = ahead('window_until', 2 * window + 2000)
    -- Reset keeps its second within a window; half a window tells one from the next. Within a
    -- window Remaining only falls, so the least one heard is the newest.
    if not known or until_ > known + window / 2 then
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
  if until_ > (ahead('blocked_until', FARTHEST) or 0) then redis.call('HSET', state, 'blocked_until', until_) end
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
  take = take, look = look, settle = settle, lost = lost, give_back = give_back, block = block,
  restore = restore,
}
return calls[ARGV[1]]()
