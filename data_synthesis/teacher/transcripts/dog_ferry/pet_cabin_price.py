from datetime import date as calendar_date
from decimal import Decimal

FARES = {
    "Halvard Line": {"cabin": "148.00", "adult": "46.50", "car": "88.00"},
    "Skerry Ferries": {"cabin": "119.00", "adult": "38.25", "car": "74.50"},
    "Northern Packet": {"cabin": "131.50", "adult": "44.00", "car": "92.00"},
}
DOG_BY_WEIGHT = [(10, "12.00"), (30, "19.50"), (60, "27.40"), (100, "39.00")]
WEEKEND = "7.50"  # on Friday, Saturday and Sunday


def pet_cabin_price(line, date, adults, dog_kg, car=False):
    """Price of a cabin with a dog, in euros."""
    if line not in FARES:
        raise ValueError(f"line must be one of {', '.join(FARES)}")
    if not 1 <= adults <= 4 or not 0 < dog_kg <= DOG_BY_WEIGHT[-1][0]:
        raise ValueError("a cabin takes 1 to 4 adults and a dog of up to 100 kilograms")
    fares = {name: Decimal(price) for name, price in FARES[line].items()}
    dog = next(Decimal(price) for heaviest, price in DOG_BY_WEIGHT if dog_kg <= heaviest)
    weekend = Decimal(WEEKEND) if calendar_date.fromisoformat(date).weekday() >= 4 else Decimal(0)
    total = fares["cabin"] + adults * fares["adult"] + dog + weekend + (fares["car"] if car else 0)
    return {"line": line, "eur": float(total)}
