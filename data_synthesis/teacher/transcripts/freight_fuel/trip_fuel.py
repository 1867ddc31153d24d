# model: liters for 100 kilometers when empty, liters more for each tonne
VANS = {"Orten 35": (8.9, 2.875), "Orten 50": (11.4, 2.2), "Kessler Box": (9.6, 2.5)}
# model: liters an hour, speed in kilometers an hour, tonnes, delay at a lock in hours
BARGES = {"Saale IV": (38.0, 9.5, 620, 0.4), "Aller": (22.5, 8.0, 310, 0.3)}
# model: kilowatt-hours a kilometer, own weight in tonnes, share that braking gives back
TRAMS = {"CarGo 2": (3.1, 28.0, 0.24), "CarGo 4": (4.4, 39.5, 0.27)}
LOCK_EVERY_KM = 18


def of_van(model, distance_km, load_kg):
    empty, per_tonne = VANS[model]
    return {"liters": round(distance_km / 100 * (empty + per_tonne * load_kg / 1000), 2)}


def of_barge(model, distance_km, load_kg):
    hourly, speed, tonnes, delay = BARGES[model]
    fullness = load_kg / 1000 / tonnes
    if fullness > 1:
        raise ValueError(f"{model} carries {tonnes} tonnes")
    locks = int(distance_km // LOCK_EVERY_KM)
    slower = speed * (1 - 0.15 * fullness)
    under_way = distance_km / slower
    idle = locks * delay * 0.35
    hours = under_way + idle
    return {"liters": round(hours * hourly * (0.7 + 0.3 * fullness), 1)}


def of_tram(model, distance_km, load_kg):
    per_km, own, given_back = TRAMS[model]
    tonnes = own + load_kg / 1000
    gross = per_km * distance_km * tonnes / own
    braking = gross * given_back
    heating = 0.2 * distance_km
    net = gross - braking + heating
    return {"kilowatt_hours": round(net, 1)}


def trip_fuel(vehicle, distance_km, load_kg):
    """Fuel or power that a vehicle takes for a trip."""
    for models, compute in ((VANS, of_van), (BARGES, of_barge), (TRAMS, of_tram)):
        if vehicle in models:
            return compute(vehicle, distance_km, load_kg)
    raise ValueError(f"the consumption of {vehicle} is not known")
