HANDLING = {"Rotterdam": 6.8, "Gävle": 5.25}


def shipment_cost(origin, destination, weight_kg, pallets, rate_per_tonne):
    freight = weight_kg * rate_per_tonne
    handling = pallets * (HANDLING[origin] + HANDLING[destination])
    return {"total_eur": round(freight + handling, 2)}
