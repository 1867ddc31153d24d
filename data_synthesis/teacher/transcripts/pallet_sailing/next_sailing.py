from datetime import date

# origin, destination, vessel, day of departure, loads by ramp
SAILINGS = [
    ("Rotterdam", "Gävle", "MV Brigantia", "2026-08-06", True),
    ("Rotterdam", "Gävle", "MV Saltholm", "2026-08-13", False),
    ("Rotterdam", "Gävle", "MV Brigantia", "2026-08-20", True),
    ("Rotterdam", "Turku", "MV Orrefjell", "2026-08-12", True),
    ("Antwerp", "Gävle", "MV Kvitsund", "2026-08-11", False),
    ("Antwerp", "Turku", "MV Orrefjell", "2026-08-15", True),
]


def next_sailing(origin, destination, not_before, ro_ro=False):
    """The first vessel on a route from a day on."""
    earliest = date.fromisoformat(not_before)
    on_route = [row for row in SAILINGS if row[:2] == (origin, destination)]
    if not on_route:
        raise ValueError(f"no vessel sails from {origin} to {destination}")
    for _, _, vessel, day, by_ramp in sorted(on_route, key=lambda row: row[3]):
        if date.fromisoformat(day) >= earliest and (by_ramp or not ro_ro):
            return {"vessel": vessel, "departs": day}
    return {"vessel": None, "departs": None}
