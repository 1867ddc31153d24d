from datetime import date, timedelta
from enum import Enum


class Room(Enum):
    standard_tatami = 1.0
    garden_view = 1.35
    private_bath = 1.8


HOUSES = {
    "Kawanishi Ryokan": {"base": 21_800, "breakfast": 2_350, "city_tax": 200},
    "Momiji-an": {"base": 26_400, "breakfast": 3_100, "city_tax": 500},
}
PEAK = [(date(2026, 3, 25), date(2026, 4, 10)), (date(2026, 11, 12), date(2026, 11, 30))]


def nightly(base, room, night):
    peak = any(first <= night <= last for first, last in PEAK)
    return round(base * Room[room].value * (1.25 if peak else 1))


def ryokan_quote(ryokan, check_in, nights, room, breakfast=False, guests=2):
    """Price of a stay in yen, consumption tax and accommodation tax included."""
    if ryokan not in HOUSES:
        raise ValueError(f"unknown ryokan: {ryokan}")
    if room not in Room.__members__:
        raise ValueError(f"room must be one of {', '.join(Room.__members__)}")
    if not 1 <= nights <= 14 or not 1 <= guests <= 4:
        raise ValueError("nights must be 1 to 14 and guests 1 to 4")
    house = HOUSES[ryokan]
    first = date.fromisoformat(check_in)
    total = sum(nightly(house["base"], room, first + timedelta(days=n)) for n in range(nights))
    per_guest_night = house["city_tax"] + (house["breakfast"] if breakfast else 0)
    return {"total_jpy": total + per_guest_night * guests * nights}
