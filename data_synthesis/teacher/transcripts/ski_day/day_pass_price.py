from datetime import date
from typing import NamedTuple


class Prices(NamedTuple):
    weekday: float
    weekend: float
    holiday: float


WINDOW = {
    "Timberline Notch": Prices(76, 94, 109),
    "Elk Saddle": Prices(81.5, 98.25, 117),
    "Gray Butte": Prices(49, 58, 58),
}
HOLIDAYS = {date(2027, 1, 1), date(2027, 1, 18), date(2027, 2, 15)}
AGE_FACTOR = {"child": 0.55, "youth": 0.8, "adult": 1.0, "senior": 0.75}
SEASON = (date(2026, 11, 27), date(2027, 4, 18))


def day_pass_price(resort, day, age_group):
    """Window price of a lift pass for one day."""
    if resort not in WINDOW:
        raise ValueError(f"unknown resort: {resort}")
    if age_group not in AGE_FACTOR:
        raise ValueError(f"age_group must be one of {', '.join(AGE_FACTOR)}")
    when = date.fromisoformat(day)
    if not SEASON[0] <= when <= SEASON[1]:
        raise ValueError(f"the lifts do not run on {day}")
    prices = WINDOW[resort]
    if when in HOLIDAYS:
        price = prices.holiday
    else:
        price = prices.weekend if when.weekday() >= 5 else prices.weekday
    return {"resort": resort, "pass_usd": round(price * AGE_FACTOR[age_group], 2)}
