-- A filter of answers, which waits until all of the body is there: haproxy's buffers have room for 16 KB.
local map = require "map"

local Map = {id = "map", flags = filter.FLT_CFG_FL_HTX}
Map.__index = Map

function Map:new()
    return setmetatable({}, Map)
end

function Map:start_analyze(_, channel)
    if channel:is_resp() then
        filter.register_data_filter(self, channel)
    end
end

function Map:http_headers(_, message)
    if message.channel:is_resp() then
        message:del_header "content-length"
        message:set_header("transfer-encoding", "chunked")
    end
    return filter.CONTINUE
end

function Map:http_payload(_, message)
    if not message:eom() then
        return 0
    end
    return message:set(map(message:body()))
end

core.register_filter("map", Map, function(map) return map end)
