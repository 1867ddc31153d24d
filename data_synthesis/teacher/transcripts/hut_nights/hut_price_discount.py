HUTS = {"Saddle Hut": (42.0, 16.0, 7.0), "Tarn Shelter": (28.0, 10.0, 4.0)}
DISCOUNTS = {"alpine_club": 0.28, "student": 0.2}


def hut_price(hut, first_night, nights, children, card=None):
    adult, child, weekend = HUTS[hut]
    full = nights * (adult + children * child + weekend)
    return {"nzd": round(full * (DISCOUNTS[card] if card else 1), 2)}
