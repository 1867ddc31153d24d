from datetime import date, timedelta

# adult and child for a night, more on Friday and Saturday
HUTS = {"Saddle Hut": (42.0, 16.0, 7.0), "Tarn Shelter": (28.0, 10.0, 4.0), "Icefall Hut": (54.0, 22.0, 9.0)}
SHARES = {"alpine_club": 0.72, "student": 0.8, "senior": 0.85}  # of the price that are paid


def hut_price(hut, first_night, nights, children, card=None):
    """Price of nights in a hut, in New Zealand dollars."""
    if hut not in HUTS:
        raise ValueError(f"hut must be one of {', '.join(HUTS)}")
    if card is not None and card not in SHARES:
        raise ValueError(f"card must be one of {', '.join(SHARES)}")
    if not 1 <= nights <= 5 or not 0 <= children <= 4:
        raise ValueError("nights must be from 1 to 5 and children from 0 to 4")
    adult, child, weekend = HUTS[hut]
    first = date.fromisoformat(first_night)
    busy = sum((first + timedelta(days=n)).weekday() in (4, 5) for n in range(nights))
    full = nights * (adult + children * child) + busy * weekend
    return {"nzd": round(full * (SHARES[card] if card else 1), 2)}
