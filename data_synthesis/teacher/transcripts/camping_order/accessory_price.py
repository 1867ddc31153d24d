ACCESSORIES = [
    {"store": "Ridgeway Outfitters", "item": "Stormshell Rain Cover", "fits": "M", "price": 42.5},
    {"store": "Ridgeway Outfitters", "item": "Stormshell Rain Cover", "fits": "L", "price": 46.0},
    {"store": "Ridgeway Outfitters", "item": "Sternum Pocket", "fits": "M", "price": 18.25},
    {"store": "Tarnside Gear", "item": "Drizzle Hood", "fits": "L", "price": 33.0},
]


def accessory_price(store, item, fits):
    """Price of an accessory in the size that fits a pack."""
    for row in ACCESSORIES:
        if (row["store"], row["item"], row["fits"]) == (store, item, fits):
            return {"item": item, "price": row["price"], "currency": "USD"}
    raise ValueError(f"{store} has no {item} for packs of size {fits}")
