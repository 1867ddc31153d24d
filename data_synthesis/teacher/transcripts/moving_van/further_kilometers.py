INCLUDED = {"Brink Rentals": 150, "Stellau Vans": 100}
# euros for a kilometer, up to a size in cubic meters
RATES = {"Brink Rentals": [(8, 0.27), (12, 0.32), (20, 0.41)], "Stellau Vans": [(9, 0.24), (14, 0.29)]}


def further_kilometers(firm, cubic_meters, kilometers):
    """What is charged beyond the kilometers included."""
    if firm not in RATES:
        raise ValueError(f"firm must be one of {', '.join(RATES)}")
    rates = [rate for largest, rate in RATES[firm] if cubic_meters <= largest]
    if not rates or kilometers < 0:
        raise ValueError(f"{firm} rents no van of {cubic_meters} cubic meters")
    beyond = max(kilometers - INCLUDED[firm], 0)
    return {"kilometers": beyond, "eur": round(beyond * rates[0], 2)}
