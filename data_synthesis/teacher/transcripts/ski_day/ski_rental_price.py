PACKAGES = {
    "Timberline Notch": {"standard": 44.0, "performance": 59.0},
    "Elk Saddle": {"standard": 46.75, "performance": 63.5, "demo": 78.0},
    "Gray Butte": {"standard": 31.0},
}


def ski_rental_price(resort, package, days=1, helmet=False):
    """Skis, boots and poles for one adult."""
    offers = PACKAGES.get(resort)
    if not offers:
        raise ValueError(f"{resort} has no rental shop")
    if package not in offers:
        raise ValueError(f"{resort} rents {', '.join(offers)}")
    if not 1 <= days <= 14:
        raise ValueError("days must be from 1 to 14")
    total = offers[package] * days * (0.9 if days >= 3 else 1)
    return {"rental_usd": round(total + (9.0 * days if helmet else 0), 2)}
