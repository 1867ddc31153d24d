SLOTS = {
    ("Selam Kitchen", "2026-05-02"): {2: ["17:30", "19:00", "20:45"], 4: ["17:45", "19:15", "21:00"]},
    ("Selam Kitchen", "2026-05-03"): {2: ["18:00", "19:30"], 4: ["18:15"]},
    ("Addis Hearth", "2026-05-02"): {2: ["18:45"], 4: ["18:00", "20:30"]},
}


def table_slots(restaurant, date, party_size, around, tolerance_minutes=90):
    free = SLOTS.get((restaurant, date), {}).get(party_size, [])
    wanted = int(around.replace(":", ""))
    near = [slot for slot in free if abs(int(slot) - wanted) <= tolerance_minutes]
    if not near:
        return {"available": False}
    return {"available": True, "closest": min(near, key=lambda slot: abs(int(slot) - wanted))}
