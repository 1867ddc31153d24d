import datetime

EVENTS = {
    ("Baltic Data Forum", 2025): ("2025-09-30", 3),
    ("Baltic Data Forum", 2026): ("2026-10-13", 3),
    ("Nordic Compiler Week", 2026): ("2026-06-08", 5),
    ("Harbor Robotics Summit", 2026): ("2026-10-20", 2),
}


def event_dates(event, year):
    """First and last day of a conference."""
    if (event, year) not in EVENTS:
        known = sorted({name for name, _ in EVENTS})
        raise ValueError(f"no dates of {event} in {year}; known conferences are {', '.join(known)}")
    first, days = EVENTS[event, year]
    begins = datetime.date.fromisoformat(first)
    ends = begins + datetime.timedelta(days=days - 1)
    return {"first_day": begins.isoformat(), "last_day": ends.isoformat()}
