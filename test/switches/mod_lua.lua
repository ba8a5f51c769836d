-- What mod_lua gives to a script, made of Lua's own means:
--   lua5.3 mod_lua.lua SCRIPT [ARGUMENT…]
-- The environment holds the global variables and, for a call, its variables as session_NAME. Each
-- thing that the script asks FreeSWITCH to do is a line of the output. `curl` reads its arguments as
-- mod_curl of FreeSWITCH 1.10 does, sends by the real curl, and answers in the form of `json`.
local script, answers = arg[1], {}
argv = { (table.unpack or unpack)(arg, 2) }

local function quoted(text) return "'" .. text:gsub("'", "'\\''") .. "'" end

local ESCAPES = { ['"'] = '\\"', ["\\"] = "\\\\", ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t" }
local function json(text)
  return '"' .. text:gsub('[%c"\\]', function(c) return ESCAPES[c] or string.format("\\u%04x", c:byte()) end) .. '"'
end

function answers.global_getvar(name) return os.getenv(name) end
function answers.uuid_exists(uuid) return tostring(uuid == os.getenv("living")) end
function answers.sofia_contact() return os.getenv("contacts") end

function answers.curl(line)
  local words, options, at = {}, { secure = "--insecure" }, 2
  for word in line:gmatch("[^ ]+") do words[#words + 1] = word end
  assert(#words <= 10, "mod_curl reads ten words")
  while words[at] do
    local word, value = words[at], words[at + 1]
    if word == "secure" then options.secure = ""
    elseif word == "timeout" then options.timeout, at = "--max-time " .. quoted(value), at + 1
    elseif word == "content-type" then options.type, at = "--header " .. quoted("content-type: " .. value), at + 1
    elseif word == "post" then
      local body = value:gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end)
      options.post, at = "--data-raw " .. quoted(body), at + 1
    else assert(word == "json", word)
    end
    at = at + 1
  end
  local command = io.popen(table.concat({ "curl --disable --silent --anyauth --location --max-redirs 15",
    "--user-agent freeswitch-curl/1.0 --write-out '\\n%{http_code}'", options.secure, options.timeout or "",
    options.type or "", options.post or "", quoted(words[1]) }, " "))
  local body, status = command:read("*a"):match("^(.*)\n(%d+)$")
  command:close()
  return '{"status_code":"' .. tonumber(status) .. '",' .. (body ~= "" and '"body":' .. json(body) .. "," or "") .. '"headers":[]}'
end

freeswitch = {}
function freeswitch.API()
  return {
    execute = function(_, command, text)
      if answers[command] then return answers[command](text) end
      print(command .. " " .. text)
      return "+OK"
    end,
  }
end

if os.getenv("session_uuid") then
  session = {}
  function session:getVariable(name) return os.getenv("session_" .. name) end
  function session:setVariable(name, value) print("set " .. name .. "=" .. value) end
  function session:hangup(cause) print("hangup " .. cause) end
end

-- An event is kept as mod_sofia's JSON.
if os.getenv("event") then
  local text = os.getenv("event")
  local function header(name) return '"' .. name:gsub("%p", "%%%0") .. '":"([^"]*)"' end
  event = {}
  function event:getHeader(name) return text:match(header(name)) end
  function event:delHeader(name) text = text:gsub("," .. header(name), "") end
  function event:addHeader(name, value) text = text:gsub("}%s*$", "," .. json(name) .. ":" .. json(value) .. "}") end
  function event:serialize() return text end
end

dofile(os.getenv("script_dir") .. "/" .. script)
