def loan_payment(price, down_percent, years, annual_rate_percent, extra_monthly=0):
    """Monthly payment of principal and interest on a fixed-rate loan."""
    checks = {
        "price must be positive": price > 0,
        "down_percent must be at least 0 and under 100": 0 <= down_percent < 100,
        "years must be one of 10, 15, 20, 25, 30": years in (10, 15, 20, 25, 30),
        "annual_rate_percent must be at least 0 and at most 25": 0 <= annual_rate_percent <= 25,
        "extra_monthly must not be negative": extra_monthly >= 0,
    }
    for problem, holds in checks.items():
        if not holds:
            raise ValueError(problem)
    principal = price * (1 - down_percent / 100)
    months = years * 12
    rate = annual_rate_percent / 1200
    if rate == 0:
        payment = principal / months
    else:
        growth = (1 + rate) ** months
        payment = principal * rate * growth / (growth - 1)
    result = {"monthly_payment": round(payment + extra_monthly, 2)}
    if down_percent < 20:
        result["mortgage_insurance"] = round(principal * 0.0058 / 12, 2)
    return result
