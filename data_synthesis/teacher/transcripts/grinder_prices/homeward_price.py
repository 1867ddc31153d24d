PRICES = {("M40", "black"): 139.95, ("M40", "cream"): 144.95, ("M60", "black"): 214.95}
FLAT_DELIVERY = {"IL": 17.5, "CA": 21.0, "NY": 19.25}
STATE_BY_PREFIX = {"606": "IL", "941": "CA", "100": "NY"}


def homeward_price(product_code, color, zip_code):
    if (product_code, color) not in PRICES:
        raise ValueError("no such article")
    state = STATE_BY_PREFIX.get(zip_code[:3])
    if state is None:
        raise ValueError("Homeward does not deliver there")
    return {"total": PRICES[product_code, color] + FLAT_DELIVERY[state]}
