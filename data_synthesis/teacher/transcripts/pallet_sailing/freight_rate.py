RATES = {
    "MV Saltholm": {"ceramics": 43.25, "paper": 39.8, "timber": 36.4},
    "MV Brigantia": {"ceramics": 48.0, "steel": 44.0, "timber": 37.9},
    "MV Kvitsund": {"ceramics": 41.6, "paper": 40.15},
    "MV Orrefjell": {"steel": 46.3, "timber": 35.75},
}
PACKING_SURCHARGE = {"pallet": 4.1, "bundle": 2.65, "bulk": 0.0}


def freight_rate(vessel, goods, packing):
    """Euros per tonne on a vessel, packing included."""
    rates = RATES.get(vessel.strip())
    if rates is None:
        raise ValueError(f"no tariff of {vessel!r}; vessels are {', '.join(RATES)}")
    if goods not in rates:
        raise ValueError(f"{vessel} does not carry {goods}")
    if packing not in PACKING_SURCHARGE:
        raise ValueError(f"packing must be one of {', '.join(PACKING_SURCHARGE)}")
    return {"eur_per_tonne": round(rates[goods] + PACKING_SURCHARGE[packing], 2)}
