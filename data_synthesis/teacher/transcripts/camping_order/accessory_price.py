ACCESSORIES = [
    {"store": "Ridgeway Outfitters", "item": "Stormshell Rain Cover", "fits": "M", "price": 42.5},
    {"store": "Ridgeway Outfitters", "item": "Stormshell Rain Cover", "fits": "L", "price": 46.0},
    {"store": "Ridgeway Outfitters", "item": "Sternum Pocket", "fits": "M", "price": 18.25},
    {"store": "Ridgeway Outfitters", "item": "Sternum Pocket", "fits": "L", "price": 18.25},
    {"store": "Tarnside Gear", "item": "Drizzle Hood", "fits": "L", "price": 33.0},
    {"store": "Tarnside Gear", "item": "Hip Belt Pouch", "fits": "M", "price": 27.4},
]
SIZES = ("S", "M", "L")


def accessory_price(store, item, fits):
    """Price of an accessory in the size that fits a pack."""
    if fits not in SIZES:
        raise ValueError(f"fits must be one of {', '.join(SIZES)}, not {fits!r}")
    of_store = [row for row in ACCESSORIES if row["store"] == store]
    if not of_store:
        raise ValueError(f"unknown store: {store}")
    variants = {row["fits"]: row["price"] for row in of_store if row["item"] == item}
    if not variants:
        raise ValueError(f"{store} has no accessory called {item!r}")
    if fits not in variants:
        raise ValueError(f"{item} is made for packs of size {', '.join(variants)} only")
    return {"item": item, "price": variants[fits], "currency": "USD"}
