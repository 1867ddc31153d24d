# watts through a square meter for each degree of difference
U_VALUES = {
    "glass_4mm": 5.8,
    "polycarbonate_6mm": 3.6,
    "polycarbonate_10mm": 3.0,
    "polycarbonate_16mm": 2.3,
}
GAPS = 0.1  # more through gaps, as a share of what the glazing loses
GAPS_IN_WIND = 0.25


def greenhouse_heat_loss(glazing, area_m2, inside_c, outside_c, windy=False):
    """Heat that a greenhouse loses, in watts."""
    if glazing not in U_VALUES:
        raise ValueError(f"glazing must be one of {', '.join(U_VALUES)}")
    if not 1 <= area_m2 <= 1000:
        raise ValueError("area_m2 must be from 1 to 1000")
    if inside_c <= outside_c:
        raise ValueError("no heat is lost unless it is warmer inside than outside")
    through_glazing = U_VALUES[glazing] * area_m2 * (inside_c - outside_c)
    return {"watts": round(through_glazing * (1 + (GAPS_IN_WIND if windy else GAPS)))}
