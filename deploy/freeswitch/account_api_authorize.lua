-- Authorizes a call, and ends it when its granted time is used up. After half of that time it asks
-- again, so a call continues while there is money.
-- For calls from phones, the accountcode is the account; the script sets account_api_dst, the
-- number to dial.
-- With the argument "incoming", for calls to a customer's number, it sets accountcode to the owner
-- of the number, and account_api_user to the SIP user of the owner's phones.
local api = freeswitch.API()
dofile(api:execute("global_getvar", "script_dir") .. "/account_api.lua")

local function refuse(cause)
  -- During a call there is no session: the hangup already scheduled stays.
  if session then session:hangup(cause) end
end

local uuid, account, dst = argv[1], argv[2], argv[3]
if session then
  local incoming = argv[1] == "incoming"
  uuid = session:getVariable("uuid")
  -- Escaped, not removed: without these characters it would be another number than in the record.
  dst = (session:getVariable("destination_number") or ""):gsub('[%c"\\]',
    function(c) return string.format("\\u%04x", c:byte()) end)
  if incoming then
    local answer = account_api.post("/number", string.format('{"number":"%s"}', dst))
    account = answer:match('account[\\":]+(%d+)')
    local user = answer:match('[{,\\]+"user[\\":]+([%w_.+-]+)')
    if account_api.status(answer) ~= "200" or not account or not user then
      return refuse(account_api.status(answer) == "404" and "UNALLOCATED_NUMBER" or "NORMAL_TEMPORARY_FAILURE")
    end
    session:setVariable("accountcode", account)
    session:setVariable("account_api_user", user)
  else
    account = (session:getVariable("accountcode") or ""):gsub("%D", "")
  end
elseif api:execute("uuid_exists", uuid) ~= "true" then
  return
end

local answer = account_api.post("/authorize",
  string.format('{"account":"%s","dst":"%s","call_id":"%s","rewrite":true}', account, dst, uuid))
local seconds = tonumber(answer:match("max_seconds[^%d]*(%d+)"))
-- The whole number, or none: *1 would be another one than *1#23.
local dial = answer:match('dst[\\": ]+([+*%d]+)[\\"]')
if account_api.status(answer) ~= "200" or not seconds or not dial then
  return refuse(account_api.status(answer) == "402" and "CALL_REJECTED" or "NORMAL_TEMPORARY_FAILURE")
end
if session then session:setVariable("account_api_dst", dial)
else api:execute("sched_del", uuid) end
api:execute("sched_hangup", "+" .. seconds .. " " .. uuid .. " allotted_timeout")
api:execute("sched_api", string.format("+%d none luarun account_api_authorize.lua %s %s %s",
  math.max(1, math.floor(seconds / 2)), uuid, account, dial))
