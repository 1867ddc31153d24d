TIERS = {
    "preferred generic": {"Alder Silver": ["Corvastine", "Metrolan"], "Alder Gold": ["Corvastine"]},
    "generic": {"Alder Silver": ["Lunexil"], "Alder Gold": ["Metrolan", "Lunexil"]},
    "preferred brand": {"Alder Silver": ["Zelvaro"], "Alder Bronze": ["Corvastine", "Zelvaro"]},
    "specialty": {"Alder Silver": ["Immutrex"], "Alder Gold": ["Immutrex"]},
}
MOVED = {("Alder Silver", "Metrolan", 2025): "generic"}  # what was different in an earlier year


def formulary_tier(plan, medicine, year=2026):
    """The tier of a medicine on a plan."""
    plans = {name for by_plan in TIERS.values() for name in by_plan}
    if plan not in plans:
        raise ValueError(f"plan must be one of {', '.join(sorted(plans))}")
    current = [tier for tier, by_plan in TIERS.items() if medicine in by_plan.get(plan, [])]
    if not current:
        raise ValueError(f"{plan} does not cover {medicine}")
    return {"tier": MOVED.get((plan, medicine, year), current[0])}
