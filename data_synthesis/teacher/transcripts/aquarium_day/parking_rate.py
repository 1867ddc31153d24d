"""Garages around the waterfront."""

from collections import namedtuple

Garage = namedtuple("Garage", "hourly daily special")

GARAGES = {
    "waterside garage": Garage(2.25, 16.5, {"saturday": 12.75, "sunday": 9.0}),
    "town point lot": Garage(3.0, 21.0, {"saturday": 15.0, "sunday": 15.0}),
    "granby deck": Garage(1.5, 11.25, {}),
}
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def parking_rate(garage, weekday, hours=None):
    """All-day rate of a garage, or the price of some hours where that is less."""
    day = weekday.strip().lower()
    if day not in DAYS:
        raise ValueError(f"{weekday!r} is not a day of the week")
    if garage.strip().lower() not in GARAGES:
        raise ValueError(f"unknown garage: {garage}")
    found = GARAGES[garage.strip().lower()]
    price = found.special.get(day, found.daily)
    if hours is not None:
        if not 0 < hours <= 24:
            raise ValueError("hours must be more than 0 and at most 24")
        price = min(price, found.hourly * hours)
    return {"weekday": day, "price_usd": price}
