from decimal import Decimal

# code, color, shelf price, shipping class
ARTICLES = [
    ("M40", "black", "139.95", "parcel"),
    ("M40", "cream", "144.95", "parcel"),
    ("M60", "black", "214.95", "heavy"),
    ("T10", "walnut", "69.50", "letter"),
]
STATE_BY_PREFIX = {"606": "IL", "607": "IL", "941": "CA", "100": "NY"}
SHIPPING = {
    "letter": {"IL": "4.50", "CA": "5.25", "NY": "4.95"},
    "parcel": {"IL": "17.50", "CA": "21.00", "NY": "19.25"},
    "heavy": {"IL": "28.00", "CA": "36.50", "NY": "31.75"},
}


def homeward_price(product_code, color, zip_code):
    """Price of an article at Homeward, shipping included."""
    if len(zip_code) != 5 or not zip_code.isdigit():
        raise ValueError("zip_code must have five digits")
    state = STATE_BY_PREFIX.get(zip_code[:3])
    if state is None:
        raise ValueError(f"Homeward does not deliver to {zip_code}")
    for code, finish, price, shipping_class in ARTICLES:
        if (code, finish) == (product_code.upper(), color.lower()):
            total = Decimal(price) + Decimal(SHIPPING[shipping_class][state])
            return {"total": float(total), "ships_as": shipping_class}
    raise ValueError(f"Homeward has no {product_code} in {color}")
