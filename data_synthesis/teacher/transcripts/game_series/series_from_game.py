import json

ADAPTATIONS = json.loads("""[
  {"game": "Ashfall Station", "title": "The Ninth Deck", "kind": "series", "year": 2024},
  {"game": "Ashfall Station", "title": "Ashfall: Descent", "kind": "film", "year": 2021},
  {"game": "Lanternwake", "title": "Wake", "kind": "series", "year": 2025},
  {"game": "Kingdoms of Brine", "title": "Saltborn", "kind": "series", "year": 2022},
  {"game": "Kingdoms of Brine", "title": "Saltborn: Origins", "kind": "film", "year": 2025}
]""")


def series_from_game(game, kind="series", released_after=None):
    """Title of the screen adaptation of a video game, the newest one if there are several."""
    if kind not in ("series", "film"):
        raise ValueError(f"kind must be series or film, not {kind!r}")
    of_game = [row for row in ADAPTATIONS if row["game"].lower() == game.strip().lower()]
    if not of_game:
        raise ValueError(f"no adaptation of {game!r} is known")
    fitting = [
        row
        for row in of_game
        if row["kind"] == kind and (released_after is None or row["year"] > released_after)
    ]
    if not fitting:
        return {"game": game, "adapted": False}
    newest = max(fitting, key=lambda row: row["year"])
    return {"game": newest["game"], "adapted": True, "title": newest["title"], "year": newest["year"]}
