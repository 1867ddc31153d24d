from datetime import date

PRICES = {
    "Tidewater Aquarium": {
        "adult": (31.5, 34.0),  # weekday, weekend
        "child": (22.0, 23.75),  # 3 to 12
        "toddler": (0.0, 0.0),
    },
    "Pamlico Sound Museum": {"adult": (16.0, 16.0), "child": (9.0, 9.0), "toddler": (0.0, 0.0)},
    "Bayfront Science Center": {"adult": (24.0, 26.5), "child": (18.5, 19.0), "toddler": (4.0, 4.0)},
}
CLOSED_WEEKDAYS = {"Pamlico Sound Museum": {0}}


def age_group(age):
    if age < 0:
        raise ValueError("ages must not be negative")
    if age < 3:
        return "toddler"
    return "child" if age <= 12 else "adult"


def admission_price(venue, visit_date, adults, child_ages=(), member=False):
    """Admission for a whole party on one day, in US dollars."""
    if venue not in PRICES:
        raise ValueError(f"unknown venue: {venue}")
    if adults < 0 or adults + len(child_ages) == 0:
        raise ValueError("the party must have at least one person")
    weekday = date.fromisoformat(visit_date).weekday()
    if weekday in CLOSED_WEEKDAYS.get(venue, ()):
        return {"open": False}
    column = 1 if weekday >= 5 else 0
    groups = ["adult"] * adults + [age_group(age) for age in child_ages]
    total = sum(PRICES[venue][group][column] for group in groups)
    return {"open": True, "total_usd": round(total * (0.9 if member else 1.0), 2)}
