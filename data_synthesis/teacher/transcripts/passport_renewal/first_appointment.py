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


def first_appointment(facility, not_before, saturday_only=False):
    from datetime import date, datetime

    if facility not in FREE:
        raise ValueError(f"{facility} gives no appointments")
    earliest = date.fromisoformat(not_before)
    for slot in FREE[facility]:
        when = datetime.fromisoformat(slot)
        if when.date() >= earliest and (when.weekday() == 5 or not saturday_only):
            return {"date": f"{when:%Y-%m-%d}", "time": f"{when:%H:%M}"}
    return {"date": None}
