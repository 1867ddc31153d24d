from datetime import date, timedelta

# days before arrival: earliest, latest
RULES = {
    "Sandoy": {"tapeworm": (5, 1), "rabies": (365, 21)},
    "Ronsvik": {"tapeworm": (4, 1), "ticks": (2, 0)},
    "Lesser Holm": {"rabies": (1095, 30), "ticks": (3, 1)},
}


def treatment_window(destination, arrival, treatment):
    """First and last day of a treatment."""
    if destination not in RULES:
        raise ValueError(f"no entry rules of {destination}")
    if treatment not in RULES[destination]:
        raise ValueError(f"{destination} asks for no treatment for {treatment}")
    landing = date.fromisoformat(arrival)
    first, last = (landing - timedelta(days=days) for days in RULES[destination][treatment])
    return {"first_day": first.isoformat(), "last_day": last.isoformat()}
