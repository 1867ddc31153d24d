from datetime import date as calendar_date

# line, ports, weekdays of departure from Monday = 0, heaviest dog in a cabin in kilograms
LINES = [
    ("Halvard Line", {"Kestrel Head", "Sandoy"}, {1, 4, 6}, 55),
    ("Skerry Ferries", {"Kestrel Head", "Sandoy"}, {0, 2, 4}, 25),
    ("Skerry Ferries", {"Kestrel Head", "Ronsvik"}, {1, 3}, 25),
    ("Northern Packet", {"Ronsvik", "Sandoy"}, {4, 5}, 70),
]


def pet_cabin_lines(origin, destination, date, dog_kg):
    """Lines that take a dog into a cabin on a day."""
    on_route = [line for line in LINES if line[1] == {origin, destination}]
    if not on_route:
        raise ValueError(f"no ferry from {origin} to {destination}")
    if dog_kg <= 0:
        raise ValueError("dog_kg must be positive")
    weekday = calendar_date.fromisoformat(date).weekday()
    fitting = [name for name, _, days, heaviest in on_route if weekday in days and dog_kg <= heaviest]
    return {"lines": sorted(fitting)}
