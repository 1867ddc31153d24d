from datetime import date as calendar_date
from datetime import timedelta

# closing times from Monday to Sunday
POOLS = {
    "Marsh Lido": ["20:00", "20:00", "20:30", "20:00", "21:00", "21:15", "18:45"],
    "Kingsmead Baths": ["21:30", "21:30", "21:30", "21:30", "20:15", "17:00", "16:30"],
    "Hollow Lake": ["19:30", "19:30", "19:30", "19:30", "20:45", "20:45", "19:15"],
}
SEASON = (calendar_date(2026, 5, 9), calendar_date(2026, 9, 13))


def pool_closing(pool, date, lanes_only=False):
    """When a pool closes on a day."""
    if pool not in POOLS:
        raise ValueError(f"pool must be one of {', '.join(POOLS)}")
    day = calendar_date.fromisoformat(date)
    if not SEASON[0] <= day <= SEASON[1]:
        raise ValueError("the pools are open from 2026-05-09 to 2026-09-13")
    today, tomorrow = (POOLS[pool][(day + timedelta(days=n)).weekday()] for n in (0, 1))
    note = "lanes close 45 minutes earlier" if lanes_only else "all areas"
    return {"closes": today, "next_day": tomorrow, "note": note}
