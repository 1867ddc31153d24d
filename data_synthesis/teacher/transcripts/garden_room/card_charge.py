# units of a currency for one euro
PER_EURO = {"EUR": 1.0, "JPY": 170.33, "USD": 1.12486, "GBP": 0.8707, "CHF": 0.94056}
# fee in percent of the payment, and its minimum in the billing currency
CARDS = {"Meridian": (1.75, 0.5), "Halyard": (0.0, 0.0), "Copper Plus": (2.9, 1.0)}


def card_charge(amount, currency, card, billing_currency="USD"):
    """What a payment abroad shows on the card statement."""
    if amount <= 0:
        raise ValueError("amount must be positive")
    if card not in CARDS:
        raise ValueError(f"card must be one of {', '.join(CARDS)}")
    unknown = {currency, billing_currency} - set(PER_EURO)
    if unknown:
        raise ValueError(f"no rate of {', '.join(sorted(unknown))}")
    converted = amount / PER_EURO[currency] * PER_EURO[billing_currency]
    percent, minimum = CARDS[card]
    charged = converted + max(converted * percent / 100, minimum)
    return {"charged": round(charged, 2), "currency": billing_currency}
