from decimal import ROUND_HALF_UP, Decimal

CENT = Decimal("0.01")
# euros for each pallet that a terminal lifts
HANDLING = {
    "Rotterdam": Decimal("6.80"),
    "Antwerp": Decimal("7.15"),
    "Gävle": Decimal("5.25"),
    "Turku": Decimal("5.90"),
}
HEAVIEST_PALLET = 1200  # kg


def shipment_cost(origin, destination, weight_kg, pallets, rate_per_tonne):
    """Freight and handling of a shipment on pallets, in euros."""
    for port in (origin, destination):
        if port not in HANDLING:
            raise ValueError(f"{port} has no terminal for pallets")
    if not 0 < weight_kg <= pallets * HEAVIEST_PALLET:
        raise ValueError(f"a pallet weighs at most {HEAVIEST_PALLET} kg")
    tonnes = Decimal(str(weight_kg)) / 1000
    freight = tonnes * Decimal(str(rate_per_tonne))
    handling = pallets * (HANDLING[origin] + HANDLING[destination])
    total = (freight + handling).quantize(CENT, ROUND_HALF_UP)
    return {"freight_eur": float(freight.quantize(CENT, ROUND_HALF_UP)), "total_eur": float(total)}
