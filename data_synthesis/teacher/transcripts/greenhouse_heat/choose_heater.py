HEATERS = [
    {"maker": "Emberly", "model": "1000", "watts": 1000, "thermostat": False},
    {"maker": "Emberly", "model": "2000T", "watts": 2000, "thermostat": True},
    {"maker": "Emberly", "model": "2600", "watts": 2600, "thermostat": False},
    {"maker": "Emberly", "model": "2800T", "watts": 2800, "thermostat": True},
    {"maker": "Emberly", "model": "4500T", "watts": 4500, "thermostat": True},
    {"maker": "Glowfield", "model": "Fan 25", "watts": 2500, "thermostat": True},
    {"maker": "Glowfield", "model": "Tube 18", "watts": 1800, "thermostat": False},
]


def choose_heater(maker, watts, thermostat):
    """The weakest heater of a maker that gives enough heat."""
    models = [heater for heater in HEATERS if heater["maker"].lower() == maker.lower()]
    if not models:
        raise ValueError(f"no heaters of {maker}")
    if watts <= 0:
        raise ValueError("watts must be positive")
    strong = [each for each in models if each["watts"] >= watts and (each["thermostat"] or not thermostat)]
    if not strong:
        return {"heater": None}
    best = min(strong, key=lambda heater: heater["watts"])
    return {"heater": f"{best['maker']} {best['model']}", "watts": best["watts"]}
