# series of models that share their parts: fault message -> part number
PARTS = {
    ("Velluna", "D4"): {"E09": "VL-20771", "E15": "VL-33812", "E24": "VL-33640"},
    ("Velluna", "D6"): {"E09": "VL-20790", "E15": "VL-41005"},
    ("Brunnhof", "G2"): {"F07": "BH-1180", "F12": "BH-1422"},
}


def part_for_fault(model, code):
    """Number of the part that is replaced for a fault message."""
    maker, _, number = model.strip().partition(" ")
    series = [parts for (name, start), parts in PARTS.items() if name == maker and number.startswith(start)]
    if not series:
        raise ValueError(f"no parts list of {model}")
    shown = code.strip().upper()
    if shown not in series[0]:
        raise ValueError(f"{model} does not show {shown}; its messages are {', '.join(series[0])}")
    return {"message": shown, "part": series[0][shown]}
