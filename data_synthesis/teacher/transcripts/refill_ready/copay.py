# dollars for 30 days
COPAYS = {
    "Alder Silver": {"preferred generic": 9.0, "generic": 16.5, "preferred brand": 48.0, "specialty": 160.0},
    "Alder Gold": {"preferred generic": 4.0, "generic": 11.0, "preferred brand": 35.0, "specialty": 110.0},
    "Alder Bronze": {"preferred generic": 15.0, "generic": 28.0, "preferred brand": 72.0},
}
LONGER = {30: 1.0, 60: 1.9, 90: 2.6}  # times the copay of 30 days
IN_NETWORK = {"Birch Street Drugs": 0.85, "Penobscot Care Pharmacy": 1.0, "Casco Point Pharmacy": 0.85}
OUT_OF_NETWORK = 1.4


def copay(plan, tier, days, pharmacy):
    """What a member pays for a supply."""
    if plan not in COPAYS or tier not in COPAYS[plan]:
        raise ValueError(f"{plan} has no copay for the tier {tier}")
    if days not in LONGER:
        raise ValueError("days must be 30, 60 or 90")
    share = IN_NETWORK.get(pharmacy, OUT_OF_NETWORK)
    return {"copay_usd": round(COPAYS[plan][tier] * LONGER[days] * share, 2)}
