from datetime import date, timedelta

HOTELS = {
    "Shipyard Loft Hotel": {"base": 96.0, "breakfast": 12.5},
    "Rotermann Rooms": {"base": 118.0, "breakfast": 15.0},
    "Hotel Telliskivi": {"base": 74.0, "breakfast": 9.0},
}
# the city is full on these nights
BUSY = {f"2026-10-{day}": 1.3 for day in (13, 14, 20, 21)}


def stay_price(hotel, check_in, check_out, breakfast=False):
    """Price of a single room for a stay, in euros."""
    if hotel not in HOTELS:
        raise ValueError(f"no rates of {hotel}")
    first, last = date.fromisoformat(check_in), date.fromisoformat(check_out)
    if not first < last <= first + timedelta(days=21):
        raise ValueError("check_out must be 1 to 21 days after check_in")
    terms, total = HOTELS[hotel], 0.0
    night = first
    while night < last:
        total += terms["base"] * BUSY.get(night.isoformat(), 1.0)
        total += terms["breakfast"] if breakfast else 0.0
        night += timedelta(days=1)
    return {"nights": (last - first).days, "total_eur": round(total, 2)}
