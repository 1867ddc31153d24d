VENUES = [
    # conference, year, city, venue
    ("Baltic Data Forum", 2025, "Riga", "Daugava Hall"),
    ("Baltic Data Forum", 2026, "Tallinn", "Noblessner Foundry"),
    ("Nordic Compiler Week", 2026, "Turku", "Logomo Annex"),
    ("Harbor Robotics Summit", 2026, "Tallinn", "Seaplane Quay Center"),
]


def event_venue(event, year):
    """Where a conference takes place."""
    if not 2000 <= year <= 2100:
        raise ValueError(f"year must have four digits, not {year}")
    for name, held, city, venue in VENUES:
        if name.lower() == event.strip().lower() and held == year:
            return {"city": city, "venue": venue}
    raise ValueError(f"no venue of {event} in {year}")
