from datetime import date as calendar_date

VERDICTS = {True: "yes", False: "no"}
# place, weekdays on which drones are allowed from Monday = 0, heaviest drone in grams
PLACES = {
    "Lake Arvel": ({5, 6}, 249),
    "Besk Meadows": ({0, 1, 2, 3, 4, 5, 6}, 900),
    "Cant Reservoir": ({0, 1, 5, 6}, 4000),
    "Old Quarry": ({2, 3, 4}, 25000),
}


def drone_allowed(place, date, grams):
    """Whether a drone may be flown over a place on a day."""
    if place not in PLACES:
        raise ValueError(f"no rules of {place}")
    if not 1 <= grams <= 25000:
        raise ValueError("grams must be from 1 to 25000")
    days, heaviest = PLACES[place]
    fits = calendar_date.fromisoformat(date).weekday() in days and grams <= heaviest
    return {"place": place, "allowed": VERDICTS[fits]}
