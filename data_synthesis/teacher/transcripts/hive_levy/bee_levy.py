from decimal import ROUND_HALF_UP, Decimal

# pounds: for whoever keeps bees, for each colony after the first three, for moving
DISTRICTS = {
    "Aldermoor": {"base": "24.00", "colony": "4.25", "moving": "13.50"},
    "Cold Fell": {"base": "18.50", "colony": "3.80", "moving": "0.00"},
    "Harsley": {"base": "31.00", "colony": "2.95", "moving": "22.00"},
}
FREE_COLONIES = 3
MEMBERS_PAY = Decimal("0.85")
RISE = {2025: Decimal("0.96"), 2026: Decimal(1)}


def bee_levy(district, colonies, migratory, association_member, year=2026):
    """Yearly levy of a district, in pounds."""
    if district not in DISTRICTS:
        raise ValueError(f"no levy known of {district}")
    if not 1 <= colonies <= 500:
        raise ValueError("colonies must be from 1 to 500")
    terms = {name: Decimal(pounds) for name, pounds in DISTRICTS[district].items()}
    levy = terms["base"] + max(colonies - FREE_COLONIES, 0) * terms["colony"]
    levy += terms["moving"] if migratory else 0
    levy *= (MEMBERS_PAY if association_member else 1) * RISE[year]
    return {"district": district, "levy_gbp": float(levy.quantize(Decimal("0.01"), ROUND_HALF_UP))}
