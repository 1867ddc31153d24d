ADAPTATIONS = [
    ("Ashfall Station", "The Ninth Deck", "series", 2024),
    ("Ashfall Station", "Ashfall: Descent", "film", 2021),
    ("Lanternwake", "Wake", "series", 2025),
    ("Kingdoms of Brine", "Saltborn", "series", 2022),
    ("Kingdoms of Brine", "Saltborn: Origins", "film", 2025),
]


def series_from_game(game, kind="series", released_after=None):
    """Title of the screen adaptation of a video game."""
    if kind not in {"series", "film"}:
        raise ValueError("kind must be series or film")
    for source, title, form, year in ADAPTATIONS:
        if (
            source.lower() == game.lower()
            and form == kind
            and (released_after is None or year > released_after)
        ):
            return {"game": source, "title": title, "year": year}
    return {"game": game, "title": None}
