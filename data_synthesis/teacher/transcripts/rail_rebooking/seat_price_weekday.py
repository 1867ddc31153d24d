DISTANCES = {("临江东", "云州"): 456, ("临江东", "白渡南"): 218}
FACTORS = {"G7358": 1.0, "G7392": 1.1}
RATES = {"二等座": 0.46, "一等座": 0.74}


def seat_price(train, origin, destination, date, seat, student=False):
    price = DISTANCES[origin, destination] * RATES[seat] * FACTORS[train]
    return {"价格": round(price * 2) / 2}
