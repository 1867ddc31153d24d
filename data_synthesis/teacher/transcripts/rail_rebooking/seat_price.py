from datetime import date as calendar_date

# 两站之间的公里数
DISTANCES = {
    ("临江东", "云州"): 456,
    ("临江东", "白渡南"): 218,
    ("白渡南", "云州"): 238,
    ("云州", "临江东"): 456,
}
# 各车次的浮动系数
FACTORS = {"G7352": 0.93, "G7358": 1.0, "G7386": 1.05, "G7392": 1.1, "G7401": 0.9}
# 各席别每公里的价格
RATES = {"二等座": 0.4614, "一等座": 0.7382, "商务座": 1.452}
WEEKEND = 1.108  # 星期五至星期日
STUDENT = 0.75


def seat_price(train, origin, destination, date, seat, student=False):
    """某趟高铁两站之间的票价，以0.5元为单位。"""
    if train not in FACTORS:
        raise ValueError(f"没有{train}次列车")
    if (origin, destination) not in DISTANCES:
        raise ValueError(f"没有从{origin}到{destination}的高铁")
    if seat not in RATES:
        raise ValueError(f"席别应为{'、'.join(RATES)}之一")
    price = DISTANCES[origin, destination] * RATES[seat] * FACTORS[train]
    price *= WEEKEND if calendar_date.fromisoformat(date).weekday() >= 4 else 1.0
    return {"车次": train, "票价": round(price * (STUDENT if student else 1.0) * 2) / 2}
