from itertools import pairwise

RULES = {"Oregon": [(0, 0.0475), (4300, 0.0675), (10750, 0.0875)]}


def refund_estimate(state, wages, withheld):
    brackets = RULES[state]
    due = 0.0
    for (floor, rate), (ceiling, _) in pairwise(brackets):
        due += (min(wages, ceiling) - floor) * rate
    return {"refund": round(withheld - due, 2)}
