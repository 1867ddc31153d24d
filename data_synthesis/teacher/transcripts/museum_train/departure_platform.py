PLATFORMS = {
    ("Leeds", "Skipton"): {"20:19": "1a", "20:56": "4c", "21:56": "4c", "23:18": "2d"},
    ("Leeds", "Ilkley"): {"20:15": "3b", "21:15": "3a"},
    ("Leeds", "York"): {"20:45": "15a", "20:59": "16"},
}


def departure_platform(station, destination, departure):
    trains = PLATFORMS.get((station, destination))
    if trains is None:
        raise ValueError(f"no trains from {station} to {destination}")
    if departure not in trains:
        raise ValueError(f"no train to {destination} leaves {station} at {departure}")
    return {"platform": trains[departure]}
