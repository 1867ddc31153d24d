from decimal import ROUND_HALF_UP, Decimal

# what one unit of the first currency is worth in the second
RATES = {
    ("JPY", "EUR"): "0.005871",
    ("JPY", "USD"): "0.006604",
    ("GBP", "EUR"): "1.1485",
    ("CHF", "EUR"): "1.0632",
    ("GBP", "USD"): "1.2919",
}
CARDS = {
    "Meridian": {"fee_percent": "1.75", "minimum": "0.50"},
    "Halyard": {"fee_percent": "0", "minimum": "0"},
    "Copper Plus": {"fee_percent": "2.9", "minimum": "1.00"},
}


def card_charge(amount, currency, card, billing_currency="USD"):
    """What a payment abroad shows on the card statement."""
    if amount <= 0:
        raise ValueError("amount must be positive")
    if card not in CARDS:
        raise ValueError(f"unknown card: {card}")
    if (currency, billing_currency) not in RATES:
        raise ValueError(f"no rate from {currency} to {billing_currency}")
    converted = Decimal(str(amount)) * Decimal(RATES[currency, billing_currency])
    terms = CARDS[card]
    fee = max(converted * Decimal(terms["fee_percent"]) / 100, Decimal(terms["minimum"]))
    charged = (converted + fee).quantize(Decimal("0.01"), ROUND_HALF_UP)
    return {"charged": float(charged), "currency": billing_currency}
