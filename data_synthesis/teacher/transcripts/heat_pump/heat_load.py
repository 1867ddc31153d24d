# degrees Celsius of the coldest day
COLDEST = {"Elmsworth": -15, "Harlow Bay": -9, "Tern Falls": -21}
# watts per square meter and degree, by the first year in which houses were built so
LOSS_SINCE = [(1850, 2.9), (1950, 2.4), (1978, 1.8), (1995, 1.3), (2010, 0.9)]
INDOORS = 20


def heat_load(city, area_m2, year_built, new_windows=False):
    """Heat that a house needs on the coldest day, in kilowatts."""
    if city not in COLDEST:
        raise ValueError(f"no design temperature of {city}")
    if not 10 <= area_m2 <= 2000:
        raise ValueError("area_m2 must be from 10 to 2000")
    fitting = [loss for since, loss in LOSS_SINCE if year_built >= since]
    if not fitting:
        raise ValueError("houses built before 1850 need an inspection")
    loss = fitting[-1] * (0.88 if new_windows else 1.0)
    return {"load_kw": round(loss * area_m2 * (INDOORS - COLDEST[city]) / 1000, 2)}
