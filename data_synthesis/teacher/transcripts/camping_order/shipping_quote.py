import math

WAREHOUSES = {"Ridgeway Outfitters": "97204", "Tarnside Gear": "03101"}
# first digit of the ZIP code -> region, from east to west
REGION = {"0": 0, "1": 0, "2": 1, "3": 1, "4": 2, "5": 2, "6": 3, "7": 3, "8": 4, "9": 5}
BASE = {"standard": 5.9, "two_day": 14.4, "overnight": 31.0}
PER_KG = {"standard": 0.85, "two_day": 2.1, "overnight": 4.6}
HEAVIEST_KG = 30


def check_zip(code):
    if len(code) != 5 or not code.isdigit():
        raise ValueError(f"{code!r} is not a five-digit ZIP code")


def shipping_quote(origin_store, zip_code, weight_kg, speed="standard"):
    """Shipping from a store's warehouse to a US address, by started kilogram and region."""
    if origin_store not in WAREHOUSES:
        raise ValueError(f"no warehouse of {origin_store}")
    check_zip(zip_code)
    if speed not in BASE:
        raise ValueError(f"speed must be one of {', '.join(BASE)}")
    if not 0 < weight_kg <= HEAVIEST_KG:
        raise ValueError(f"weight_kg must be more than 0 and at most {HEAVIEST_KG}")
    crossed = abs(REGION[zip_code[0]] - REGION[WAREHOUSES[origin_store][0]])
    charge = BASE[speed] + PER_KG[speed] * math.ceil(weight_kg) * (1 + crossed / 2)
    return {"charge_usd": round(charge, 2), "business_days": 1 if speed == "overnight" else 2 + crossed}
