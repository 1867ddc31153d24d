from math import ceil

CARRIERS = {"Postrunner": 4.1, "Kite Express": 6.9, "Baltic Parcel": 3.75}  # euros for each kilogram begun
COUNTRIES = {"Austria": 2.2, "Denmark": 2.9, "Estonia": 3.85, "Portugal": 4.6, "Norway": 9.5}
INSURED = [(100, 0.0), (500, 1.2), (1000, 3.4), (2500, 7.9)]


def parcel_price(carrier, country, weight_kg, insured_eur):
    """Price of a parcel abroad, in euros."""
    if carrier not in CARRIERS:
        raise ValueError(f"carrier must be one of {', '.join(CARRIERS)}")
    if not 0 < weight_kg <= 30:
        raise ValueError("weight_kg must be over 0 and at most 30")
    insurance = [price for most, price in INSURED if insured_eur <= most]
    if not insurance:
        raise ValueError("at most 2500 euros can be insured")
    price = ceil(weight_kg) * CARRIERS[carrier] + COUNTRIES.get(country, 3.85)
    return {"carrier": carrier, "eur": round(price + insurance[0], 2)}
