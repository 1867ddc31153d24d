from itertools import pairwise

RULES = {"Oregon": [(0, 0.0475), (4300, 0.0675), (10750, 0.0875)]}


def refund_estimate(state, wages, withheld):
    brackets = [*RULES[state], (float("inf"), 0.0)]
    due = sum(
        max(0, min(wages, ceiling) - floor) * rate for (floor, rate), (ceiling, _) in pairwise(brackets)
    )
    refund = withheld - due
    return {"state": state, "refund": f"{refund:.2f} dollars" if refund > 0 else None}
