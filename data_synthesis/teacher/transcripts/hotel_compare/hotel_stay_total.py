import datetime

SEASONS = [
    # first day, last day, weekday rate, weekend rate
    ("2026-01-01", "2026-02-28", 128.0, 158.0),
    ("2026-03-01", "2026-04-30", 161.0, 190.0),
    ("2026-05-01", "2026-09-30", 214.0, 262.0),
    ("2026-10-01", "2026-12-31", 149.0, 177.0),
]
HOUSES = {"Casco Bay House": 1.0, "Eastern Promenade House": 1.18}
TAX_PERCENT = 9


def _night(day, factor):
    for first, last, weekday, weekend in SEASONS:
        if first <= day.isoformat() <= last:
            return (weekend if day.weekday() in (4, 5) else weekday) * factor
    raise ValueError(f"no rates published for {day}")


def hotel_stay_total(property_name, arrival_date, nights, guests=2):
    if property_name not in HOUSES:
        raise ValueError(f"{property_name!r} is not one of {', '.join(HOUSES)}")
    if not (isinstance(nights, int) and 1 <= nights <= 21):
        raise ValueError("nights must be a whole number from 1 to 21")
    if guests not in (1, 2, 3):
        raise ValueError("guests must be 1, 2 or 3")
    start = datetime.date.fromisoformat(arrival_date)
    days = [start + datetime.timedelta(n) for n in range(nights)]
    subtotal = sum(_night(day, HOUSES[property_name]) for day in days)
    subtotal += {1: -8.0, 2: 0.0, 3: 25.0}[guests] * nights
    return {"total": round(subtotal * (100 + TAX_PERCENT) / 100, 2), "currency": "USD"}
