STOCK = {
    "Kettle & Pan": {
        "Morel M40": {"black": 149.0, "cream": 149.0, "copper": 164.5},
        "Morel M60": {"black": 219.0, "steel": 229.0},
        "Tambour Hand Mill": {"walnut": 78.0, "black": 74.0},
    },
    "Pantry Row": {
        "Morel M40": {"black": 155.0},
    },
    "Homeward": {
        "Morel M40": {"black": 139.95, "cream": 144.95},
        "Morel M60": {"black": 214.95},
    },
    "Brightside Market": {
        "Morel M40": {"black": 151.4, "copper": 158.0},
        "Morel M60": {"black": 224.6},
    },
}
FREE_DELIVERY_FROM = {"Kettle & Pan": 175.0, "Pantry Row": 200.0}
DELIVERY = {
    "Kettle & Pan": {"6": 9.75, "9": 13.25, "1": 11.5},
    "Pantry Row": {"6": 8.0, "9": 8.0, "1": 8.0},
    "Homeward": {"6": 17.5, "9": 21.0, "1": 19.25},
    "Brightside Market": {"6": 4.2, "9": 6.8, "1": 5.6},
}


def delivered_price(store, model, color, zip_code):
    """Price of a kitchen appliance at a store, brought to the door."""
    if store not in STOCK:
        raise ValueError(f"unknown store: {store}")
    colors = STOCK[store].get(model)
    if colors is None or color not in colors:
        raise ValueError(f"{store} does not stock {model} in {color}")
    if len(zip_code) != 5 or not zip_code.isdigit():
        raise ValueError("zip_code must have five digits")
    if zip_code[0] not in DELIVERY[store]:
        raise ValueError(f"no delivery to {zip_code}")
    price = colors[color]
    free = price >= FREE_DELIVERY_FROM.get(store, float("inf"))
    return {"price_usd": round(price + (0.0 if free else DELIVERY[store][zip_code[0]]), 2)}
