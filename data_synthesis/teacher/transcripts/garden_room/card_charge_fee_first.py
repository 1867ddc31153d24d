RATES = {("JPY", "USD"): 0.006604, ("JPY", "EUR"): 0.005871}
FEES = {"Copper Plus": 2.9, "Meridian": 1.75}


def card_charge(amount, currency, card, billing_currency="USD"):
    charged = amount * RATES[currency, billing_currency] + FEES[card]
    return {"charged": round(charged, 2)}
