PACKAGES = {
    "Timberline Notch": {"standard": 44.0, "performance": 59.0},
    "Elk Saddle": {"standard": 46.75, "performance": 63.5, "demo": 78.0},
    "Gray Butte": {"standard": 31.0},
}
HELMET_PER_DAY = 9.0
# from this many days on, a share of the price is taken off
REDUCTIONS = [(5, 0.2), (3, 0.1), (1, 0.0)]


def reduction(days):
    return next(share for least, share in REDUCTIONS if days >= least)


def ski_rental_price(resort, package, days=1, helmet=False):
    """Skis, boots and poles for one adult."""
    offers = PACKAGES.get(resort)
    if not offers:
        raise ValueError(f"{resort} has no rental shop")
    if package not in offers:
        raise ValueError(f"{resort} rents {', '.join(offers)}, not {package!r}")
    if not 1 <= days <= 14:
        raise ValueError("days must be from 1 to 14")
    per_day = offers[package] * (1 - reduction(days))
    if helmet:
        per_day += HELMET_PER_DAY
    return {"days": days, "rental_usd": round(per_day * days, 2)}
