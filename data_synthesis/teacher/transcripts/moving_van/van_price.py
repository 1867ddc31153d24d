from datetime import date as calendar_date
from datetime import timedelta

LAST_OF_MONTH = 6.0  # more, as everybody moves then
# firm and size in cubic meters: price of a weekday, of a Saturday or Sunday
PRICES = {
    ("Brink Rentals", 6): (52.2, 65.9),
    ("Brink Rentals", 11): (78.6, 98.4),
    ("Brink Rentals", 17): (106.8, 133.0),
    ("Stellau Vans", 8): (69.5, 69.5),
    ("Stellau Vans", 11): (91.0, 91.0),
}


def van_price(firm, cubic_meters, date):
    """Price of a van for a day."""
    if (firm, cubic_meters) not in PRICES:
        raise ValueError(f"{firm} has no van of {cubic_meters} cubic meters")
    day = calendar_date.fromisoformat(date)
    price = PRICES[firm, cubic_meters][day.weekday() >= 5]
    last_of_month = (day + timedelta(days=1)).day == 1
    return {"eur": round(price + (LAST_OF_MONTH if last_of_month else 0), 2)}
