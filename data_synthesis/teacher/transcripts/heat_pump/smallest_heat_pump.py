# maker, model, what heat is taken from, kilowatts on the coldest day
CATALOG = """Nordval|N6|air|5.9
Nordval|N8|air|7.8
Nordval|N10|air|9.6
Nordval|N14|air|13.7
Nordval|G12|ground|11.8
Aurask|Mira 9|air|8.7
Aurask|Mira 12|air|11.5
Aurask|Terra 10|ground|10.2"""


def smallest_heat_pump(maker, load_kw, source="air"):
    """The weakest model that covers a load."""
    if source not in ("air", "ground"):
        raise ValueError("source must be air or ground")
    models = [line.split("|") for line in CATALOG.splitlines()]
    of_maker = [model for model in models if model[0].lower() == maker.strip().lower()]
    if not of_maker:
        raise ValueError(f"no heat pumps of {maker}")
    strong = [(float(kw), name) for _, name, kind, kw in of_maker if kind == source and float(kw) >= load_kw]
    if not strong:
        return {"model": None}
    output, name = min(strong)
    return {"model": f"{of_maker[0][0]} {name}", "output_kw": output}
