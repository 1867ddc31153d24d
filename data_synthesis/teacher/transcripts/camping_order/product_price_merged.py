"""Catalog of two outdoor stores."""

PRODUCTS = {
    "Cirque 65 Backpack": ("Ridgeway Outfitters", {"S": 234.95, "M": 239.95, "L": 244.95}),
    "Cirque 50 Backpack": ("Ridgeway Outfitters", {"S": 204.95, "M": 209.95, "L": 214.95}),
    "Stormshell Rain Cover": ("Ridgeway Outfitters", {"M": 42.5, "L": 46.0}),
    "Sternum Pocket": ("Ridgeway Outfitters", {"M": 18.25, "L": 18.25}),
    "Fellrunner 60 Pack": ("Tarnside Gear", {"M": 218.0, "L": 226.0}),
    "Fellrunner 35 Pack": ("Tarnside Gear", {"S": 149.0, "M": 155.0}),
}
MEMBER_DISCOUNT = {"Ridgeway Outfitters": 0.10, "Tarnside Gear": 0.08}


def product_price(store, product, size, member=False):
    """Price of a product in one size, in US dollars."""
    if store not in MEMBER_DISCOUNT:
        raise ValueError(f"unknown store: {store}")
    seller, variants = PRODUCTS.get(product, (None, {}))
    if seller != store:
        raise ValueError(f"{store} does not sell {product!r}")
    if size not in variants:
        raise ValueError(f"{product} comes in {', '.join(variants)}, not in {size!r}")
    price = variants[size]
    if member:
        price *= 1 - MEMBER_DISCOUNT[store]
    return {"product": product, "size": size, "price_usd": round(price, 2)}
