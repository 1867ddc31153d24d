import csv
import io

DIRECTORY = """name,city,neighborhood,cuisine,menus
Selam Kitchen,Oakland,Temescal,ethiopian,vegan;gluten_free
Addis Hearth,Oakland,Temescal,ethiopian,halal
Blue Nile Table,Oakland,Grand Lake,ethiopian,vegan
Casa Tres Hojas,Oakland,Temescal,mexican,vegan;vegetarian
Mesob Corner,Berkeley,Westbrae,ethiopian,vegetarian;vegan
Orto Verde,Oakland,Rockridge,italian,vegetarian;gluten_free
"""


def find_restaurants(city, cuisine, neighborhood=None, dietary=(), limit=3):
    if not city.strip() or not cuisine.strip():
        raise ValueError("city and cuisine must not be empty")
    if limit < 1:
        raise ValueError("limit must be at least 1")

    def fits(row):
        return (
            row["city"].lower() == city.strip().lower()
            and row["cuisine"] == cuisine.strip().lower()
            and (neighborhood is None or row["neighborhood"].lower() == neighborhood.lower())
            and {need.lower() for need in dietary} <= set(row["menus"].split(";"))
        )

    rows = [row for row in csv.DictReader(io.StringIO(DIRECTORY)) if fits(row)]
    return {"count": len(rows), "restaurants": [row["name"] for row in rows[:limit]]}
