def courier_fee(postal_code):
    if len(postal_code) != 5 or not postal_code.isdecimal():
        raise ValueError("postal_code must have five digits")
    match postal_code[:2]:
        case "60" | "61":
            return 4.2
        case "94" | "95":
            return 6.8
        case "10" | "11":
            return 5.6
        case _:
            raise ValueError(f"{postal_code} is outside the delivery area")


def brightside_price(item, finish, postal_code):
    """What an item from Brightside Market costs, brought to the door."""
    shelf = {
        "Morel M40 grinder": {"black": 151.4, "copper": 158.0},
        "Morel M60 grinder": {"black": 224.6},
        "Tambour hand mill": {"walnut": 81.9, "black": 76.3},
    }
    if item not in shelf:
        raise ValueError(f"Brightside Market does not sell {item!r}")
    finishes = shelf[item]
    if finish not in finishes:
        raise ValueError(f"{item} comes in {', '.join(sorted(finishes))}, not in {finish}")
    return {"price": round(finishes[finish] + courier_fee(postal_code), 2), "currency": "USD"}
