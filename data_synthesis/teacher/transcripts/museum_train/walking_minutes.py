METERS = {
    frozenset({"Weaver Street Textile Museum", "Leeds station"}): 1330,
    frozenset({"Weaver Street Textile Museum", "Burley Park station"}): 2210,
    frozenset({"Aire Valley Gallery", "Leeds station"}): 870,
}
METERS_PER_MINUTE = {"slow": 60, "normal": 78, "brisk": 95}


def walking_minutes(start, destination, pace="normal"):
    """Minutes on foot between two places, rounded up."""
    if pace not in METERS_PER_MINUTE:
        raise ValueError("pace must be slow, normal or brisk")
    meters = METERS.get(frozenset({start, destination}))
    if meters is None:
        raise ValueError(f"no footpath known from {start} to {destination}")
    return {"minutes": -(-meters // METERS_PER_MINUTE[pace])}
