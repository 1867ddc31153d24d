from datetime import date, timedelta

# nightly rate by weekday, Monday first, before tax
RATES = {
    "Harbor Light Inn": {
        "Portland, Maine": [139, 139, 142, 149, 174, 181.5, 151],
    },
    "Pier Nine Hotel": {
        "Portland, Maine": [188, 188, 188, 196, 229, 235, 199],
        "Savannah, Georgia": [164, 164, 164, 171, 203, 209, 175],
    },
    "Casco Bay House": {
        "Portland, Maine": [161, 161, 161, 161, 190, 190, 161],
    },
}
LODGING_TAX = {"Maine": 0.09, "Georgia": 0.13}
INCLUDED_GUESTS = 2
EXTRA_GUEST = 22.0


def get_room_rate(hotel, city, check_in, check_out, adults=2):
    """Total price of one room for a stay, taxes included."""
    if hotel not in RATES:
        raise ValueError(f"unknown hotel: {hotel}")
    if city not in RATES[hotel]:
        raise ValueError(f"{hotel} has no house in {city}")
    arrival, departure = date.fromisoformat(check_in), date.fromisoformat(check_out)
    nights = (departure - arrival).days
    if not 1 <= nights <= 28:
        raise ValueError("a stay is 1 to 28 nights, check_in before check_out")
    if not 1 <= adults <= 4:
        raise ValueError("a room sleeps 1 to 4 adults")
    week = RATES[hotel][city]
    room = sum(week[(arrival + timedelta(days=n)).weekday()] for n in range(nights))
    room += max(0, adults - INCLUDED_GUESTS) * EXTRA_GUEST * nights
    if adults == 1:
        room *= 0.95  # single-occupancy discount
    tax = LODGING_TAX[city.split(", ")[1]]
    return {"hotel": hotel, "nights": nights, "total_usd": round(room * (1 + tax), 2)}
