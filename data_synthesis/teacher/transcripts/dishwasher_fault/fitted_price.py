# price of the part, minutes of work
PARTS = {
    "VL-20771": (46.5, 35),
    "VL-33812": (71.4, 45),
    "VL-33640": (28.9, 20),
    "VL-41005": (83.0, 45),
    "BH-1180": (64.25, 60),
}
PER_HOUR = 78.0
CALL_OUT = 39.0


def fitted_price(part, in_warranty=False):
    """Price of a part with its fitting."""
    if part.upper() not in PARTS:
        raise ValueError(f"no part {part}")
    price, minutes = PARTS[part.upper()]
    work = minutes / 60 * PER_HOUR
    return {"total_usd": round((0 if in_warranty else price + work) + CALL_OUT, 2)}
