from datetime import date, timedelta

# centimeters in the 24 hours before the morning of each day
SNOWFALL = {
    "Timberline Notch": {
        "2027-01-13": 17,
        "2027-01-14": 0,
        "2027-01-15": 9,
        "2027-01-16": 4,
        "2027-01-17": 11,
    },
    "Gray Butte": {
        "2027-01-13": 2,
        "2027-01-14": 2,
        "2027-01-15": 6,
        "2027-01-16": 0,
        "2027-01-17": 1,
    },
}


def fresh_snow(resort, report_date, hours=24):
    """Fresh snow at mid-mountain over the last hours, in centimeters."""
    if resort not in SNOWFALL:
        raise ValueError(f"unknown resort: {resort}")
    if hours not in (24, 48, 72, 96, 120):
        raise ValueError("hours must be a multiple of 24, at most 120")
    morning = date.fromisoformat(report_date)
    days = [(morning - timedelta(days=n)).isoformat() for n in range(hours // 24)]
    missing = [day for day in days if day not in SNOWFALL[resort]]
    if missing:
        raise ValueError(f"no snow report of {resort} for {missing[0]}")
    return {"resort": resort, "fresh_cm": sum(SNOWFALL[resort][day] for day in days)}
