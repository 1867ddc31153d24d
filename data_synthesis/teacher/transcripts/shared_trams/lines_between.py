STOPS = {
    ("Vesterby", "Granary Wharf"): "K1 K2 K4 N7 R12 R15",
    ("Vesterby", "Alder Cross"): "K1 K4 K9 N7 R12",
    ("Vesterby", "Foundry Lane"): "K2 K9 R15",
    ("Osthavn", "Customs Quay"): "1 2 5",
    ("Osthavn", "Granary Wharf"): "2 5 8",
}
ONLY_ON = {"R12": {"workday"}, "N7": {"workday", "saturday"}, "8": {"sunday"}}


def lines_between(city, stop, other_stop, day):
    """Lines that stop at both of two stops."""
    for name in (stop, other_stop):
        if (city, name) not in STOPS:
            raise ValueError(f"{city} has no stop {name}")
    if day not in ("workday", "saturday", "sunday"):
        raise ValueError("day must be workday, saturday or sunday")
    shared = set(STOPS[city, stop].split()) & set(STOPS[city, other_stop].split())
    return {"lines": [line for line in shared if day in ONLY_ON.get(line, {day})]}
