CATALOG = {
    ("Ridgeway Outfitters", "Cirque 65 Backpack"): {"S": 234.95, "M": 239.95, "L": 244.95},
    ("Ridgeway Outfitters", "Cirque 50 Backpack"): {"S": 204.95, "M": 209.95, "L": 209.95},
    ("Tarnside Gear", "Fellrunner 60 Pack"): {"M": 218.0, "L": 226.0},
}
MEMBER_DISCOUNT = 0.10


def product_price(store, product, size=None, member=False):
    variants = CATALOG.get((store, product))
    if variants is None:
        raise ValueError(f"{store} does not sell {product!r}")
    if size not in variants:
        raise ValueError(f"size must be one of {', '.join(variants)}")
    price = variants[size] * (1 - MEMBER_DISCOUNT if member else 1)
    return {"product": product, "size": size, "price_usd": round(price, 2)}
