import datetime

SLOTS = {
    ("Selam Kitchen", "2026-05-02"): {2: ["17:30", "19:00", "20:45"], 4: ["17:45", "19:15", "21:00"]},
    ("Selam Kitchen", "2026-05-03"): {2: ["18:00", "19:30"], 4: ["18:15"], 5: ["20:00"]},
    ("Addis Hearth", "2026-05-02"): {2: ["18:45"], 4: ["18:00", "20:30"]},
    ("Blue Nile Table", "2026-05-02"): {2: ["19:45"], 6: ["18:30"]},
}


def minutes(clock):
    parsed = datetime.time.fromisoformat(clock)
    return parsed.hour * 60 + parsed.minute


def table_slots(restaurant, date, party_size, around, tolerance_minutes=90):
    """The free dinner slot closest to a wanted time."""
    datetime.date.fromisoformat(date)
    if not 1 <= party_size <= 12:
        raise ValueError("party_size must be from 1 to 12")
    houses = {house for house, _ in SLOTS}
    if restaurant not in houses:
        raise ValueError(f"{restaurant} does not take reservations here")
    wanted = minutes(around)
    free = SLOTS.get((restaurant, date), {}).get(party_size, [])
    near = [slot for slot in free if abs(minutes(slot) - wanted) <= tolerance_minutes]
    if not near:
        return {"available": False, "message": "no table near that time"}
    return {"available": True, "closest": min(near, key=lambda slot: abs(minutes(slot) - wanted))}
