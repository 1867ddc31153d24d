PASSES = {("Östra Vall", "Norrby"): 198.0, ("Östra Vall", "Kilafors"): 121.5, ("Norrby", "Kilafors"): 96.0}
DISCOUNTS = [(20, 0.3), (26, 0.15)]


def monthly_pass(origin, destination, age, first_class=False):
    price = PASSES[origin, destination]
    for oldest, discount in DISCOUNTS:
        if oldest < age:
            price *= 1 - discount
    return {"eur": round(price * (1.5 if first_class else 1), 2)}
