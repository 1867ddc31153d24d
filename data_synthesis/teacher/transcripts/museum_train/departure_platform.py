BOARD = """
Skipton 20:19 1a
Skipton 20:56 4c
Skipton 21:56 4d
Skipton 23:18 2d
Ilkley  20:15 3b
Ilkley  21:15 3a
York    20:45 15a
York    20:59 16
York    21:15 15b
"""


def read_board(text):
    trains = {}
    for line in text.split("\n"):
        if line.strip():
            destination, departure, platform = line.split()
            trains.setdefault(destination, {})[departure] = platform
    return trains


def departure_platform(station, destination, departure):
    """Platform of a train as shown on the station's evening board."""
    if station != "Leeds":
        raise ValueError(f"no board of {station}")
    trains = read_board(BOARD)
    if destination not in trains:
        raise ValueError(f"no direct train from {station} to {destination}")
    if departure not in trains[destination]:
        times = ", ".join(trains[destination])
        raise ValueError(f"trains to {destination} leave at {times}, not at {departure}")
    return {"platform": trains[destination][departure]}
