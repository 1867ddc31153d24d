from datetime import date as calendar_date

# closing times from Monday to Friday, on Saturday, on Sunday
HOURS = {
    "Birch Street Drugs": ("20:00", "18:00", "16:00"),
    "Kenduskeag Apothecary": ("18:30", "13:00", None),
    "Penobscot Care Pharmacy": ("21:00", "21:00", "19:30"),
    "Casco Point Pharmacy": ("22:00", "20:00", "18:00"),
}
CLOSED = {"2026-01-01", "2026-12-25"}


def latest_closing(pharmacies, date):
    """Which pharmacy closes last on a day, and when."""
    unknown = sorted(set(pharmacies) - set(HOURS))
    if unknown:
        raise ValueError(f"no opening hours of {', '.join(unknown)}")
    column = max(calendar_date.fromisoformat(date).weekday() - 4, 0)
    closing = {name: HOURS[name][column] for name in pharmacies if date not in CLOSED}
    opened = {name: time for name, time in closing.items() if time}
    if not opened:
        return {"pharmacy": None, "closes": None}
    last = max(opened, key=lambda name: opened[name])
    return {"pharmacy": last, "closes": opened[last]}
