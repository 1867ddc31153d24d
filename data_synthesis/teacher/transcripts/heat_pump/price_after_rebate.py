PRICES = {
    "Nordval N8": 9860,
    "Nordval N10": 11450,
    "Nordval N14": 13900,
    "Aurask Mira 9": 10240,
    "Aurask Mira 12": 12180,
}
# share of the price that a city pays, its limit, and what it adds for heating that is given up
REBATES = {
    "Elmsworth": (0.3, 3600, {"gas": 700, "oil": 1100}),
    "Harlow Bay": (0.2, 2000, {"oil": 900, "electric": 250}),
}


def price_after_rebate(model, city, replaces):
    """Price of a heat pump with installation, less the rebate."""
    if model not in PRICES:
        raise ValueError(f"no price of {model}")
    if city not in REBATES:
        raise ValueError(f"{city} pays no rebate")
    share, limit, extra = REBATES[city]
    rebate = min(PRICES[model] * share, limit) + extra.get(replaces, 0)
    return {"price_usd": round(PRICES[model] - rebate, 2), "rebate_usd": round(rebate, 2)}
