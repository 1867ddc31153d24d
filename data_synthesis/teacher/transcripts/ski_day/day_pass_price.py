from datetime import date

WINDOW_PRICES = {
    # resort: (weekday, weekend, holiday)
    "Timberline Notch": (76, 94, 109),
    "Elk Saddle": (81.5, 98.25, 117),
    "Gray Butte": (49, 58, 58),
}
HOLIDAYS = {date(2027, 1, 1), date(2027, 1, 18), date(2027, 2, 15)}
AGE_FACTOR = {"child": 0.55, "youth": 0.8, "adult": 1.0, "senior": 0.75}


def day_pass_price(resort, day, age_group):
    """Window price of a lift pass for one day."""
    if resort not in WINDOW_PRICES:
        raise ValueError(f"unknown resort: {resort}")
    if age_group not in AGE_FACTOR:
        raise ValueError(f"age_group must be one of {', '.join(AGE_FACTOR)}")
    when = date.fromisoformat(day)
    weekday, weekend, holiday = WINDOW_PRICES[resort]
    price = holiday if when in HOLIDAYS else weekend if when.weekday() >= 5 else weekday
    return {"resort": resort, "pass_usd": round(price * AGE_FACTOR[age_group], 2)}
