SHOWS = [
    {
        "artist": "The Glass Orchard",
        "city": "Minneapolis",
        "date": "2026-05-21",
        "venue": "Cedar Avenue Hall",
    },
    {"artist": "The Glass Orchard", "city": "Minneapolis", "date": "2026-11-05", "venue": "Loring Armory"},
    {"artist": "The Glass Orchard", "city": "Madison", "date": "2026-05-19", "venue": "Orpheon Theater"},
    {"artist": "Marigold Static", "city": "Minneapolis", "date": "2026-04-30", "venue": "Cedar Avenue Hall"},
    {"artist": "Tomas Ebrahim Trio", "city": "Minneapolis", "date": "2026-05-08", "venue": "Loring Armory"},
]


def find_shows(artist, city, from_date, to_date):
    """Dates an artist plays in a city within a period, earliest first."""
    for name, value in (("from_date", from_date), ("to_date", to_date)):
        if len(value) != 10 or value[4] != "-" or value[7] != "-":
            raise ValueError(f"{name} must be YYYY-MM-DD, not {value!r}")
    if artist.lower() not in {show["artist"].lower() for show in SHOWS}:
        raise ValueError(f"no artist called {artist!r}")
    found = []
    for show in sorted(SHOWS, key=lambda show: show["date"]):
        same = show["artist"].lower() == artist.lower() and show["city"].lower() == city.lower()
        if same and from_date <= show["date"] <= to_date:
            found.append({"date": show["date"], "venue": show["venue"]})
    return {"shows": found}
