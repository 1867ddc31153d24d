FROM_KM = 25  # nothing is paid for what is nearer
CENTS_PER_KM = {1: 75, 2: 98, 3: 98, 4: 115}  # for each kilometer, by year
LONGEST = 120


def travel_grant(distance_km, year):
    """Monthly grant of an apprentice, in euros."""
    if year not in CENTS_PER_KM:
        raise ValueError("year must be from 1 to 4")
    if distance_km < 0:
        raise ValueError("distance_km must not be negative")
    if distance_km < FROM_KM:
        return {"grant_eur": 0.0}
    return {"grant_eur": round(min(distance_km, LONGEST) * CENTS_PER_KM[year] / 100, 2)}
