"""What airlines ask for a checked bag."""

AIRLINES = {
    "northwind air": {"basic_economy": (41.5, 52.0), "economy": (36.0, 47.0), "first": (0.0, 0.0)},
    "great basin airways": {"basic_economy": (39.0, 49.0), "economy": (35.0, 45.0), "first": (0.0, 28.0)},
    "pelican shuttle": {"basic_economy": (45.25, 58.75), "economy": (38.5, 51.5), "first": (0.0, 0.0)},
}
COUNTER_SURCHARGE = 6.5
GATE_SURCHARGE = 24.0
OVERWEIGHT = {"northwind air": 85.0, "great basin airways": 79.0, "pelican shuttle": 95.0}
HEAVIEST_LB = 100


def checked_bag_fee(airline, fare_class, bag_number, weight_lb, purchase_channel="counter"):
    fares = AIRLINES.get(airline.strip().lower())
    if fares is None:
        raise ValueError(f"no bag fees known for airline {airline!r}")
    if fare_class not in fares:
        raise ValueError(f"fare_class must be one of {sorted(fares)}, not {fare_class!r}")
    if bag_number not in (1, 2):
        raise ValueError("bag_number must be 1 or 2; further bags travel as cargo")
    if not 0 < weight_lb <= HEAVIEST_LB:
        raise ValueError(f"weight_lb must be between 1 and {HEAVIEST_LB}")

    fee = fares[fare_class][bag_number - 1]
    if weight_lb > 50:
        fee += OVERWEIGHT[airline.strip().lower()]
    if purchase_channel == "counter":
        fee += COUNTER_SURCHARGE
    elif purchase_channel == "gate":
        fee += GATE_SURCHARGE
    elif purchase_channel != "online":
        raise ValueError("purchase_channel must be online, counter or gate")
    return {"currency": "USD", "fee": round(fee, 2)}
