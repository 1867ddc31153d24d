# name, area by the first three digits, tablets in stock by medicine and strength
PHARMACIES = [
    ("Birch Street Drugs", "044", {("Corvastine", 20): 240, ("Lunexil", 5): 60}),
    ("Kenduskeag Apothecary", "044", {("Corvastine", 20): 45, ("Corvastine", 40): 180}),
    ("Penobscot Care Pharmacy", "044", {("Corvastine", 20): 95, ("Lunexil", 5): 400}),
    ("Casco Point Pharmacy", "041", {("Corvastine", 20): 310, ("Lunexil", 10): 120}),
    ("Munjoy Drugs", "041", {("Corvastine", 40): 90}),
]


def pharmacies_with_stock(medicine, tablets, zip_code, strength_mg=None):
    """Names of the pharmacies that have enough of a medicine."""
    if len(zip_code) != 5 or not zip_code.isdigit():
        raise ValueError("zip_code must have five digits")
    if tablets < 1:
        raise ValueError("tablets must be at least 1")

    def enough(stock):
        counts = [
            count
            for (name, strength), count in stock.items()
            if name == medicine and strength_mg in (None, strength)
        ]
        return max(counts, default=0) >= tablets

    found = [name for name, area, stock in PHARMACIES if zip_code.startswith(area) and enough(stock)]
    return {"medicine": medicine, "pharmacies": sorted(found)}
