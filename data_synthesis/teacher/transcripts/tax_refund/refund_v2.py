RULES = {"OR": 0.0875}
STANDARD = 2835


def refund_estimate(state, wages, withheld):
    taxable = wages - STANDARD
    return {"refund": round(withheld - taxable * RULES[state], 2)}
