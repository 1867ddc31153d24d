from datetime import time

SLOTS = {
    ("Selam Kitchen", "2026-05-02"): {2: ["17:30", "19:00", "20:45"], 4: ["17:45", "19:15", "21:00"]},
    ("Selam Kitchen", "2026-05-03"): {2: ["18:00", "19:30"], 4: ["18:15"]},
    ("Addis Hearth", "2026-05-02"): {2: ["18:45"], 4: ["18:00", "20:30"]},
}


def table_slots(restaurant, date, party_size, around):
    free = SLOTS.get((restaurant, date), {}).get(party_size, [])
    if not free:
        return {"available": False}
    wanted = time.fromisoformat(around)
    closest = min(free, key=lambda slot: abs(time.fromisoformat(slot) - wanted))
    return {"available": True, "closest": closest}
