RATES = {"JPY": {"EUR": 0.005871, "USD": 0.006604}, "GBP": {"EUR": 1.1485}, "CHF": {"EUR": 1.0632}}
FOREIGN_FEE_PERCENT = {"Meridian": 1.75, "Halyard": 0.0, "Copper Plus": 2.9}


def card_charge(amount, currency, card, billing_currency="USD"):
    """What a payment abroad shows on the card statement."""
    if amount <= 0:
        raise ValueError("amount must be positive")
    try:
        rate = RATES[currency][billing_currency]
        fee = FOREIGN_FEE_PERCENT[card]
    except KeyError as missing:
        raise ValueError(f"no rate or card called {missing}") from None
    return {"charged": round(amount * rate * (1 + fee / 100), 2), "currency": billing_currency}
