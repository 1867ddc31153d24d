from datetime import date

# base fare in euros, and factors from Monday to Sunday
ROUTES = {
    ("Dublin", "Tallinn"): (92.0, [1.15, 0.9, 0.9, 1.0, 1.25, 1.05, 1.3]),
    ("Dublin", "Helsinki"): (104.0, [1.1, 0.95, 0.95, 1.0, 1.2, 1.0, 1.25]),
    ("Cork", "Tallinn"): (133.0, [1.0, 1.0, 1.0, 1.0, 1.1, 1.1, 1.2]),
    ("Tallinn", "Dublin"): (94.0, [1.1, 0.95, 0.95, 1.05, 1.4, 1.1, 1.35]),
    ("Riga", "Dublin"): (80.0, [1.0, 1.0, 1.0, 1.0, 1.055, 1.1, 1.2]),
}
BAG = {"none": 0.0, "cabin": 18.5, "checked": 34.0}


def lowest_fare(origin, destination, travel_date, bag="none"):
    """Lowest one-way fare on a day, in euros."""
    if (origin, destination) not in ROUTES:
        raise ValueError(f"no flights from {origin} to {destination}")
    if bag not in BAG:
        raise ValueError(f"bag must be one of {', '.join(BAG)}")
    day = date.fromisoformat(travel_date)
    if not date(2026, 4, 1) <= day <= date(2026, 12, 31):
        raise ValueError("fares are published from 2026-04-01 to 2026-12-31")
    base, factors = ROUTES[origin, destination]
    return {"fare_eur": round(base * factors[day.weekday()] + BAG[bag], 2)}
