LIST_PRICES = {
    ("Ashfall Station", "pc"): {"CAD": 54.99, "USD": 39.99, "EUR": 39.99},
    ("Ashfall Station", "console"): {"CAD": 64.99, "USD": 49.99},
    ("Lanternwake", "pc"): {"CAD": 25.99, "USD": 19.99},
}
DISCOUNTS = {("Ashfall Station", "pc"): 30, ("Lanternwake", "pc"): 10}


def game_price(game, platform, currency, edition="standard"):
    key = (game, platform)
    if key not in LIST_PRICES:
        raise ValueError(f"{game} is not sold for {platform}")
    if currency not in LIST_PRICES[key]:
        raise ValueError(f"no price in {currency}")
    price = LIST_PRICES[key][currency]
    match edition:
        case "standard":
            pass
        case "deluxe":
            price += 15
        case _:
            raise ValueError("edition must be standard or deluxe")
    discount = DISCOUNTS.get(key, 0)
    return {"game": game, "price": round(price * (100 - discount) / 100, 2), "discount_percent": discount}
