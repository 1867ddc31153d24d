import calendar
from datetime import date

HOURS = {
    "Weaver Street Textile Museum": {
        "monday": None,
        "tuesday": ("10:00", "17:00"),
        "wednesday": ("10:00", "17:00"),
        "thursday": ("12:00", "20:30"),
        "friday": ("10:00", "17:00"),
        "saturday": ("10:00", "18:00"),
        "sunday": ("11:00", "16:00"),
    },
    "Aire Valley Gallery": {"friday": ("13:00", "21:00"), "saturday": ("10:00", "19:15")},
}


def closing_time(museum, visit_date):
    """When a museum closes on a given day."""
    if museum not in HOURS:
        raise ValueError(f"unknown museum: {museum}")
    weekday = calendar.day_name[date.fromisoformat(visit_date).weekday()].lower()
    hours = HOURS[museum].get(weekday)
    if hours is None:
        return {"open": False}
    return {"open": True, "closes": hours[1]}
