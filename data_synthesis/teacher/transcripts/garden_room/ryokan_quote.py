from datetime import date, timedelta

# yen a night for a standard room, breakfast and city tax for each guest
HOUSES = {
    "Kawanishi Ryokan": (21_800, 2_350, 200),
    "Momiji-an": (26_400, 3_100, 500),
    "Shirasagi House": (17_200, 1_900, 200),
}
ROOMS = {"standard_tatami": 100, "garden_view": 135, "private_bath": 180}  # percent of the rate
PEAK = {3: range(25, 32), 4: range(1, 11), 11: range(12, 31)}  # days of months that cost a quarter more


def percent_on(night):
    return 125 if night.day in PEAK.get(night.month, ()) else 100


def ryokan_quote(ryokan, check_in, nights, room, breakfast=False, guests=2):
    """Price of a stay in yen, taxes included."""
    if ryokan not in HOUSES or room not in ROOMS:
        raise ValueError(f"no {room} room at {ryokan}")
    if not 1 <= nights <= 14 or not 1 <= guests <= 4:
        raise ValueError("nights must be 1 to 14 and guests 1 to 4")
    rate, morning, tax = HOUSES[ryokan]
    first = date.fromisoformat(check_in)
    percent = sum(percent_on(first + timedelta(days=n)) for n in range(nights))
    each = tax + (morning if breakfast else 0)
    return {"total_jpy": rate * ROOMS[room] * percent // 10_000 + each * guests * nights}
