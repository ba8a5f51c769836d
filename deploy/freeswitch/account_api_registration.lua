-- Not run here: written from the documentation of mod_lua and mod_curl, which verifies certificates
-- only with "secure". Pushes an event of
-- mod_sofia as it is; the service reads it. Goes to scripts/.
local url = "https://fs-1:secret@account.example.com/ingest/v1/registrations"
local api = freeswitch.API()
api:execute("curl", url .. " secure timeout 3 content-type application/json post " .. event:serialize("json"))
