-- Not run here: written from the documentation of mod_lua and mod_curl, which verifies certificates
-- only with "secure". Asks whether the account
-- may call, and ends the call when it has used up what it may spend. In the dialplan, before the
-- bridge, with the account's username as accountcode of its directory entry:
--   <action application="lua" data="account_api_authorize.lua"/>
local url = "https://fs-1:secret@account.example.com/ingest/v1/authorize"
local account = session:getVariable("accountcode") or ""
local dst = session:getVariable("destination_number") or ""
local question = string.format('{"account":"%s","dst":"%s","call_id":"%s"}',
  account:gsub("[^%d]", ""), dst:gsub("[^%d+]", ""), session:getVariable("uuid"))
local answer = freeswitch.API():execute("curl",
  url .. " json secure timeout 2 content-type application/json post " .. question)
local seconds = (answer or ""):match('max_seconds[^%d]*(%d+)')
if seconds then
  session:execute("sched_hangup", "+" .. seconds .. " allotted_timeout")
else
  session:hangup("CALL_REJECTED")
end
