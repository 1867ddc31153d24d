from datetime import datetime

# 开车前不少于多少小时，手续费占原票价的比例
FEES = [(192, 0.0), (48, 0.05), (24, 0.08), (2, 0.1)]


def rebooking_charge(old_price, new_price, departure, requested):
    """改签要补的钱：票价差额加手续费。"""
    if old_price <= 0 or new_price <= 0:
        raise ValueError("票价应为正数")
    ahead = datetime.fromisoformat(departure) - datetime.fromisoformat(requested)
    hours = ahead.total_seconds() / 3600
    shares = [share for least, share in FEES if hours >= least]
    if not shares:
        raise ValueError("开车前不足两小时，不能改签")
    charge = max(new_price - old_price, 0) + old_price * shares[0]
    return {"补款": round(charge * 2) / 2, "提前小时": int(hours)}
