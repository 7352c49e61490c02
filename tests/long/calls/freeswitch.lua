-- Stands in for what FreeSWITCH gives to a script: `freeswitch.Dbh` and `session`, as far as the page uses them.
-- Arguments: the script, the user who is called, the domain, and how the call to the phone ends.
local script, user, domain, cause = ...
local driver = require("luasql.sqlite3").sqlite3()

freeswitch = {}
function freeswitch.Dbh(dsn)
  local connection = driver:connect((dsn:gsub("^sqlite://", "")))
  return {
    connected = function() return connection ~= nil end,
    query = function(_, query, each)
      local cursor = assert(connection:execute(query))
      local row = cursor:fetch({}, "a")
      while row do
        local texts = {}
        for name, value in pairs(row) do texts[name] = string.format("%s", value) end
        each(texts)
        row = cursor:fetch({}, "a")
      end
      cursor:close()
    end,
    release = function() connection:close() end,
  }
end

local variables = {destination_number = user, domain_name = domain}
session = {}
function session:getVariable(name) return variables[name] end
function session:setVariable(name, value) variables[name] = value end
function session:execute(application, data)
  print(application .. " " .. data)
  if application == "bridge" then
    print("call_timeout " .. tostring(variables.call_timeout))
    variables.originate_disposition = cause
  end
end
dofile(script)
