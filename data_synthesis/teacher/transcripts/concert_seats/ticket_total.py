from decimal import ROUND_HALF_UP, Decimal

CENT = Decimal("0.01")

FACE_VALUE = {
    ("The Glass Orchard", "2026-05-21", "Floor"): "79.00",
    ("The Glass Orchard", "2026-05-21", "Balcony Left"): "42.00",
    ("The Glass Orchard", "2026-05-21", "Balcony Rear"): "46.50",
    ("The Glass Orchard", "2026-05-19", "Mezzanine Right"): "49.50",
    ("Marigold Static", "2026-04-30", "Balcony Center"): "33.00",
}
SERVICE_PERCENT = Decimal("14.5")
FACILITY_FEE = Decimal("3.75")
DELIVERY = {"mobile": Decimal("0"), "will_call": Decimal("2.50"), "mail": Decimal("8.95")}


def ticket_total(artist, date, section, quantity, delivery="mobile"):
    """What `quantity` tickets cost with service, facility and delivery fees, in US dollars."""
    try:
        face = Decimal(FACE_VALUE[artist, date, section])
    except KeyError:
        raise ValueError(f"{section!r} is not on sale for {artist} on {date}") from None
    if not 1 <= quantity <= 8:
        raise ValueError("between 1 and 8 tickets can be bought at once")
    if delivery not in DELIVERY:
        raise ValueError(f"delivery must be one of {', '.join(DELIVERY)}")
    each = face + (face * SERVICE_PERCENT / 100).quantize(CENT, ROUND_HALF_UP) + FACILITY_FEE
    total = each * quantity + DELIVERY[delivery]
    return {"per_ticket": float(each), "total": float(total.quantize(CENT))}
