from datetime import date, datetime

FREE = {
    "Himmel Grove Library": [
        "2026-07-02T15:30",
        "2026-07-11T09:40",
        "2026-07-15T14:10",
        "2026-07-18T10:20",
        "2026-07-18T11:00",
    ],
    "Rillito Post Office": ["2026-07-09T08:15", "2026-07-25T13:45"],
    "Cherrybell Post Office": ["2026-07-14T16:00"],
}
SATURDAY = 5


def first_appointment(facility, not_before, saturday_only=False):
    """The first free appointment of a place from a day on."""
    if facility not in FREE:
        raise ValueError(f"{facility} gives no appointments")
    earliest = date.fromisoformat(not_before)
    for slot in map(datetime.fromisoformat, FREE[facility]):
        if slot.date() < earliest:
            continue
        if saturday_only and slot.weekday() != SATURDAY:
            continue
        return {"date": f"{slot:%Y-%m-%d}", "time": f"{slot:%H:%M}"}
    return {"date": None, "message": "nothing free from that day on"}
