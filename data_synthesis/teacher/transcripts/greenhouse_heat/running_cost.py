KILOWATTS = {"Emberly 2000T": 2.0, "Emberly 2800T": 2.8, "Emberly 4500T": 4.5, "Glowfield Fan 25": 2.5}
# pounds for a kilowatt-hour by day and by night
TARIFFS = {
    "Evening Saver": (0.1473, 0.1102),
    "Flat 24": (0.1988, 0.1988),
    "Drive & Heat": (0.2415, 0.0786),
}


def running_cost(appliance, hours, tariff, share_at_night=0):
    """What an appliance costs at full power for some hours, in pounds."""
    if appliance not in KILOWATTS:
        raise ValueError(f"the power of {appliance} is not known")
    if tariff not in TARIFFS:
        raise ValueError(f"tariff must be one of {', '.join(TARIFFS)}")
    if hours <= 0 or not 0 <= share_at_night <= 1:
        raise ValueError("hours must be positive and share_at_night from 0 to 1")
    by_day, by_night = TARIFFS[tariff]
    per_kwh = by_day * (1 - share_at_night) + by_night * share_at_night
    return {"gbp": round(KILOWATTS[appliance] * hours * per_kwh, 2)}
