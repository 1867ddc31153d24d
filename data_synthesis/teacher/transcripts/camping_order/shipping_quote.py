import math

ZONES = {"97": 2, "98": 2, "83": 3, "84": 3, "60": 5, "10": 7, "33": 8}
BASE = {"standard": 5.9, "two_day": 14.4, "overnight": 31.0}
PER_KG = {"standard": 0.85, "two_day": 2.1, "overnight": 4.6}


def shipping_quote(origin_store, zip_code, weight_kg, speed="standard"):
    """Shipping from a store's warehouse to a US address."""
    if origin_store not in ("Ridgeway Outfitters", "Tarnside Gear"):
        raise ValueError(f"no warehouse of {origin_store}")
    if not (zip_code.isdigit() and len(zip_code) == 5):
        raise ValueError("zip_code must have five digits")
    if speed not in BASE:
        raise ValueError(f"speed must be one of {', '.join(BASE)}")
    if weight_kg <= 0:
        raise ValueError("weight_kg must be positive")
    if zip_code[:2] not in ZONES:
        return {"deliverable": False}
    zone = ZONES[zip_code[:2]] + (1 if origin_store == "Tarnside Gear" else 0)
    charge = BASE[speed] + PER_KG[speed] * math.ceil(weight_kg) * zone / 2
    return {"deliverable": True, "charge_usd": round(charge, 2), "business_days": 1 + zone // 2}
