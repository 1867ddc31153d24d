FEDERAL = {  # lower edge of each bracket and its rate, after the standard deduction
    "single": (15_750, [(0, 0.10), (11_925, 0.12), (48_475, 0.22), (103_350, 0.24), (197_300, 0.32)]),
    "married": (31_500, [(0, 0.10), (23_850, 0.12), (96_950, 0.22), (206_700, 0.24), (394_600, 0.32)]),
}
STATE_RATE = {"CO": 0.0440, "OK": 0.0475, "UT": 0.0450, "WY": 0.0}
SOCIAL = 0.0765


def bracket_tax(taxable, brackets):
    edges = [edge for edge, _ in brackets[1:]] + [float("inf")]
    return sum(
        rate * (min(taxable, upper) - lower)
        for (lower, rate), upper in zip(brackets, edges, strict=True)
        if taxable > lower
    )


def monthly_net_pay(annual_gross, state, filing_status="single", retirement_percent=0):
    """What is left of a salary each month after income taxes and social contributions."""
    if annual_gross <= 0:
        raise ValueError("annual_gross must be positive")
    if state not in STATE_RATE:
        raise ValueError(f"no tax table for state {state!r}")
    if filing_status not in FEDERAL:
        raise ValueError("filing_status must be single or married")
    if not 0 <= retirement_percent <= 50:
        raise ValueError("retirement_percent must be from 0 to 50")
    deferred = annual_gross * retirement_percent / 100
    deduction, brackets = FEDERAL[filing_status]
    taxable = max(0.0, annual_gross - deferred - deduction)
    taxes = bracket_tax(taxable, brackets) + taxable * STATE_RATE[state] + annual_gross * SOCIAL
    return {"monthly_net": round((annual_gross - deferred - taxes) / 12, 2), "currency": "USD"}
