-- Common functions of the other scripts.
local api = freeswitch.API()
local function setting(name) return api:execute("global_getvar", name) end

account_api = {}

-- Posts JSON to the service. mod_curl splits its arguments at blanks and unescapes the body, so
-- everything is escaped. Without "secure" it does not verify the certificate.
-- Returns the answer as JSON from mod_curl, with the members status_code and body.
function account_api.post(path, json)
  local url = setting("account_api_scheme") .. "://" .. setting("account_api_credentials") .. "@" ..
    setting("account_api_address")
  local body = json:gsub("%W", function(c) return string.format("%%%02X", c:byte()) end)
  return api:execute("curl",
    url .. path .. " json secure timeout 2 content-type application/json post " .. body) or ""
end

function account_api.status(answer) return answer:match('"status_code":"(%d+)"') end
