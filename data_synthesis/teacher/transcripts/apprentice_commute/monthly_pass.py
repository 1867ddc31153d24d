# euros for an adult in second class, in both directions
PASSES = {
    frozenset({"Östra Vall", "Norrby"}): 198.0,
    frozenset({"Östra Vall", "Kilafors"}): 121.5,
    frozenset({"Norrby", "Kilafors"}): 96.0,
    frozenset({"Norrby", "Hedemora"}): 143.5,
}
# up to this age, the share that is paid
SHARES = [(12, 0.5), (17, 0.7), (25, 0.85), (64, 1.0), (120, 0.75)]


def monthly_pass(origin, destination, age, first_class=False):
    """Price of a monthly pass, in euros."""
    adult = PASSES.get(frozenset({origin, destination}))
    if adult is None:
        raise ValueError(f"no pass is sold from {origin} to {destination}")
    shares = [share for oldest, share in SHARES if 6 <= age <= oldest]
    if not shares:
        raise ValueError("age must be from 6 to 120")
    return {"eur": round(adult * shares[0] * (1.5 if first_class else 1), 2)}
