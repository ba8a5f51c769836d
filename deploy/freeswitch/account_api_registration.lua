-- Pushes an event of mod_sofia; the service reads it as it is.
local api = freeswitch.API()
dofile(api:execute("global_getvar", "script_dir") .. "/account_api.lua")

-- Where a profile keeps one contact of a user, which is the default, the end of one is the end of
-- all; so is an unregister with "Contact: *", which mod_sofia tells as sip:(null)@(null).
if event:getHeader("Event-Subclass") == "sofia::unregister" then
  local user = event:getHeader("from-user") .. "@" .. event:getHeader("from-host")
  local left = api:execute("sofia_contact", event:getHeader("profile-name") .. "/" .. user)
  if left:find("^error/") then
    event:delHeader("contact")
    event:addHeader("contact", "*")
  end
end

account_api.post("/registrations", event:serialize("json"))
