RATES = {
    "MV Saltholm": {"ceramics": {"pallet": 47.35}, "paper": {"pallet": 39.8}},
    "MV Brigantia": {"ceramics": {"pallet": 52.1}, "steel": {"bundle": 44.0}},
}


def freight_rate(vessel, goods, packing):
    return {"eur_per_tonne": RATES[vessel.upper()][goods][packing]}
