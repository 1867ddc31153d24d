# when a wave must be at the start
GATES = {
    "Cape Sorrel Marathon": {
        "Amber": "07:40",
        "Coral": "07:50",
        "Teal": "08:00",
        "Violet": "08:15",
        "Slate": "08:30",
    },
    "Linden Half": {"North": "09:10", "South": "09:25"},
}
# minutes of the way, first departure, minutes between two
STOPS = {
    "Gannet Road": (55, 315, 15),
    "Old Customs House": (40, 320, 20),
    "Sorrel Park & Ride": (25, 330, 10),
}
BEFORE_GATE = 20  # minutes to hand in a bag and to walk to the wave


def last_shuttle(race, wave, stop, spare_minutes=0):
    """The last shuttle from a stop that is in time for a wave."""
    gate = GATES.get(race, {}).get(wave)
    if gate is None:
        raise ValueError(f"{race} has no {wave} wave with shuttles")
    if stop not in STOPS:
        raise ValueError(f"stop must be one of {', '.join(STOPS)}")
    way, first, every = STOPS[stop]
    hours, minutes = gate.split(":")
    latest = int(hours) * 60 + int(minutes) - BEFORE_GATE - spare_minutes - way
    if latest < first:
        raise ValueError("no shuttle leaves early enough")
    leaves = first + (latest - first) // every * every
    return {"leaves": f"{leaves // 60:02}:{leaves % 60:02}"}
