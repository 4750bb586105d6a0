// All of the upstream's body, which may come in pieces, is mapped when its end is there.
let body = '';

function header(r) {
    delete r.headersOut['Content-Length'];
}

function filter(r, data, flags) {
    body += data;
    if (flags.last) {
        r.sendBuffer(map(body), flags);
    }
}

function map(text) {
    const body = JSON.parse(text);
    const account = body.account, subscription = body.subscription;
    const owner = account.owner, seats = subscription.seats;
    return JSON.stringify({
        id: account.id,
        name: owner.first + ' ' + owner.last,
        email: owner.contact.email,
        city: owner.address.city,
        country: owner.address.country.code,
        plan: subscription.plan.name,
        price: subscription.plan.price.amount,
        full: seats.used >= seats.bought,
        seen: body.usage.last.at,
        tag: body.tags[0].name,
    });
}

export default {header, filter};
