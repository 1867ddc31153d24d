ROTORS = {
    ("Subaru", "Outback", 2014): {"front": "GH-RT-71420", "rear": "GH-RT-71433"},
    ("Subaru", "Outback", 2018): {"front": "GH-RT-72006", "rear": "GH-RT-71433"},
    ("Subaru", "Forester", 2014): {"front": "GH-RT-70988", "rear": "GH-RT-70991"},
    ("Honda", "Fit", 2014): {"front": "GH-RT-55102"},
}


def find_part(make, model, year, axle):
    """Part number of the brake rotors of a car."""
    if axle not in ("front", "rear"):
        raise ValueError("axle must be front or rear")
    rotors = ROTORS.get((make, model, year))
    if rotors is None:
        raise ValueError(f"no rotors listed for a {year} {make} {model}")
    if axle not in rotors:
        raise ValueError(f"the {model} has drum brakes at the {axle}")
    return {"part_number": rotors[axle], "sold_as": "pair"}
