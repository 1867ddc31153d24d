class Car:
    """The rotors of one car by axle; no entry where it has drum brakes."""

    def __init__(self, make, model, first_year, last_year, **rotors):
        self.make, self.model = make, model
        self.years = range(first_year, last_year + 1)
        self.rotors = rotors

    def is_a(self, make, model, year):
        names = (self.make.lower(), self.model.lower())
        return names == (make.lower(), model.lower()) and year in self.years


CARS = [
    Car("Subaru", "Outback", 2013, 2015, front="GH-RT-71420", rear="GH-RT-71433"),
    Car("Subaru", "Outback", 2016, 2019, front="GH-RT-72006", rear="GH-RT-71433"),
    Car("Subaru", "Forester", 2014, 2018, front="GH-RT-70988", rear="GH-RT-70991"),
    Car("Honda", "Fit", 2009, 2014, front="GH-RT-55102"),
]


def find_part(make, model, year, axle):
    """Part number of the brake rotors of a car."""
    if axle not in ("front", "rear"):
        raise ValueError("axle must be front or rear")
    for car in CARS:
        if car.is_a(make, model, year):
            break
    else:
        raise ValueError(f"no rotors listed for a {year} {make} {model}")
    if axle not in car.rotors:
        raise ValueError(f"the {model} has drum brakes at the {axle}")
    return {"part_number": car.rotors[axle], "sold_as": "pair"}
