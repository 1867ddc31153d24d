LIST_PRICES = {
    ("Ashfall Station", "pc"): {"CAD": 54.99, "USD": 39.99, "EUR": 39.99},
    ("Ashfall Station", "console"): {"CAD": 64.99, "USD": 49.99},
    ("Lanternwake", "pc"): {"CAD": 25.99, "USD": 19.99},
    ("Kingdoms of Brine", "console"): {"CAD": 79.99, "USD": 59.99, "EUR": 64.99},
}
DISCOUNT_PERCENT = {("Ashfall Station", "pc"): 30, ("Lanternwake", "pc"): 10}
DELUXE_EXTRA = {"CAD": 20.0, "USD": 15.0, "EUR": 15.0}


def game_price(game, platform, currency, edition="standard"):
    """Current price of a game, discounts taken off."""
    key = (game, platform)
    if key not in LIST_PRICES:
        raise ValueError(f"{game} is not sold for {platform}")
    if currency not in LIST_PRICES[key]:
        raise ValueError(f"{game} has no price in {currency}")
    price = LIST_PRICES[key][currency]
    match edition:
        case "standard":
            pass
        case "deluxe":
            price += DELUXE_EXTRA[currency]
        case _:
            raise ValueError("edition must be standard or deluxe")
    discount = DISCOUNT_PERCENT.get(key, 0)
    return {"game": game, "price": round(price * (100 - discount) / 100, 2), "discount_percent": discount}
