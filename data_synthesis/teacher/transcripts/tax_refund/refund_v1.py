RULES = {"NY": 0.0685}


def refund_estimate(state, wages, withheld):
    return {"refund": withheld - wages * RULES[state]}
