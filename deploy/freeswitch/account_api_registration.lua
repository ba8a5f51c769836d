-- Pushes an event of mod_sofia unchanged; the service can read it.
local api = freeswitch.API()
dofile(api:execute("global_getvar", "script_dir") .. "/account_api.lua")

-- By default a profile keeps one contact per user, so its end removes all contacts. An unregister
-- with "Contact: *" does the same; mod_sofia reports it as sip:(null)@(null).
if event:getHeader("Event-Subclass") == "sofia::unregister" then
  local user = event:getHeader("from-user") .. "@" .. event:getHeader("from-host")
  local left = api:execute("sofia_contact", event:getHeader("profile-name") .. "/" .. user)
  if left:find("^error/") then
    event:delHeader("contact")
    event:addHeader("contact", "*")
  end
end

account_api.post("/registrations", event:serialize("json"))
