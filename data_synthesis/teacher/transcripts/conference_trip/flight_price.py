FARES = {
    "Tallinn-Dublin": {"2026-10-15": 118.2, "2026-10-16": 131.6, "2026-10-17": 109.9},
    "Tallinn-Cork": {"2026-10-16": 162.0},
    "Riga-Dublin": {"2026-10-16": 84.4, "2026-10-17": 91.0},
}
CABIN_BAG = 18.5


def flight_price(route, day, cabin_bag):
    """Price of a seat on a route, the cities joined by a dash."""
    if route not in FARES:
        raise ValueError(f"{route!r} is not flown; routes are {', '.join(FARES)}")
    if day not in FARES[route]:
        raise ValueError(f"no seats left from {route.replace('-', ' to ')} on {day}")
    price = FARES[route][day]
    if cabin_bag:
        price += CABIN_BAG
    return {"eur": round(price, 2)}
