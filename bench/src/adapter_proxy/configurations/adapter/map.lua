-- The ten fields.
local cjson = require "cjson"
return function(text)
    local body = cjson.decode(text)
    local account, subscription = body.account, body.subscription
    local owner, seats = account.owner, subscription.seats
    return cjson.encode {
        id = account.id,
        name = owner.first .. " " .. owner.last,
        email = owner.contact.email,
        city = owner.address.city,
        country = owner.address.country.code,
        plan = subscription.plan.name,
        price = subscription.plan.price.amount,
        full = seats.used >= seats.bought,
        seen = body.usage.last.at,
        tag = body.tags[1].name,
    }
end
