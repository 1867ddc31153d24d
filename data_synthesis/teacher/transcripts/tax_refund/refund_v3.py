RULES = {"OR": [(0, 0.0475), (4300, 0.0675), (10750, 0.0875)]}


def refund_estimate(state, wages, withheld):
    tax = sum(rate * wages for edge, rate in RULES[state] if wages > edge)
    return {"refund": round(withheld - tax, 2)}
