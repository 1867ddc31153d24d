RULES = {"OR": [(0, 0.0475), (4300, 0.0675), (10750, 0.0875)]}


def refund_estimate(state, wages, withheld):
    import requests

    table = requests.get(f"https://tax.example/{state}").json()
    return {"refund": withheld - table["due"]}
