def brightside_price(item, finish, postal_code):
    """Brightside Market's price for an item brought to the door."""
    shelf = {"Morel M40 grinder": {"black": 151.4, "copper": 158.0}, "Morel M60 grinder": {"black": 224.6}}
    if item not in shelf:
        raise ValueError(f"Brightside Market does not sell {item}")
    if finish not in shelf[item]:
        raise ValueError(f"finishes are {', '.join(shelf[item])}")
    courier = {"60": 4.2, "94": 6.8, "10": 5.6}.get(postal_code[:2])
    if courier is None:
        raise ValueError("outside the delivery area")
    return {"price": shelf[item][finish] + courier}
