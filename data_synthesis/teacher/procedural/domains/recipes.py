"""Recipes, their main ingredients, cooks, cookbooks and shops."""

from data_synthesis.teacher.procedural import kinds
from data_synthesis.teacher.procedural.domain import Calc, Domain, Find, Table, attr, link
from data_synthesis.teacher.procedural.formulas import add, multiply

DOMAIN = Domain(
    "recipes",
    Table(
        "recipe",
        kinds.named("Stew"),
        link(
            "ingredient", "ingredient", "the main ingredient of {x}", "Which main ingredient goes into {x}?"
        ),
        link("cook", "cook", "the cook behind {x}", "Which cook invented {x}?"),
        link("cookbook", "cookbook", "the cookbook with {x}", "Which cookbook contains {x}?"),
        attr("preparation_time", kinds.integer(11, 55), "the preparation time in minutes of {x}"),
        attr("cooking_time", kinds.integer(56, 240), "the cooking time in minutes of {x}"),
        attr("energy", kinds.integer(140, 980), "the energy in kcal per portion of {x}"),
        attr("rating", kinds.RATING, "the reader rating of {x}", "What rating do readers give {x}?"),
        ref='the recipe "{}"',
        arg="recipe_name",
        vague="my favourite recipe",
    ),
    Table(
        "ingredient",
        kinds.named("Root"),
        link("shop", "shop", "the shop that sells {x}", "Which shop sells {x}?"),
        attr(
            "price",
            kinds.decimal(1.1, 29, 2, "money"),
            "the price of a pack of {x}",
            "How much is a pack of {x}?",
        ),
        attr(
            "protein", kinds.decimal(0.3, 29, 1), "the protein in grams in {x}", "How much protein is in {x}?"
        ),
        attr("origin", kinds.PLACE, "the origin of {x}", "What is the origin of {x}?"),
        attr("color", kinds.COLOUR, "the color of {x}", "What color is {x}?"),
        ref="the ingredient {}",
        arg="ingredient_name",
    ),
    Table(
        "cook",
        kinds.PERSON,
        attr("birthplace", kinds.PLACE, "the birthplace of {x}", "What is the birthplace of {x}?"),
        attr("email", kinds.EMAIL, "the email address of {x}"),
        attr("award", kinds.placed("Spoon"), "the award won by {x}", "Which award did {x} win?"),
        link("mentor", "cook", "the mentor of {x}", "Who is the mentor of {x}?"),
        arg="cook_name",
    ),
    Table(
        "cookbook",
        kinds.code("ISBN-#####"),
        attr("publisher", kinds.placed("Books"), "the publisher of {x}", "Which publisher printed {x}?"),
        attr("publication_year", kinds.integer(1931, 2024), "the publication year of {x}"),
        attr("page_count", kinds.integer(61, 690), "the page count of {x}", "What page count does {x} have?"),
        attr("price", kinds.money(11, 89), "the price of {x}", "How much does {x} cost?"),
        arg="isbn",
    ),
    Table(
        "shop",
        kinds.named("Market"),
        attr("address", kinds.STREET, "the street address of {x}", "At which address is {x}?"),
        attr("closing_time", kinds.times(15, 23), "the closing time of {x}", "When does {x} close?"),
        attr("phone", kinds.PHONE, "the phone number of {x}"),
        attr("owner", kinds.PERSON, "the owner of {x}", "Who is the owner of {x}?"),
        ref="the {}",
        arg="shop_name",
    ),
    lookups=(
        Find("recipe", ("cook", "ingredient"), ("the recipe by {cook} with {ingredient}",), by="cook"),
        Calc(
            "recipe",
            "total_time",
            add,
            ("preparation_time", "cooking_time"),
            ("the total time in minutes of {x}",),
        ),
        Calc(
            "recipe",
            "total_energy",
            multiply,
            uses=("energy",),
            says=("the total energy in kcal for {portions} portions of {x}",),
            extra=(attr("portions", kinds.integer(2, 14), arg="portion_count"),),
        ),
        Calc(
            "ingredient",
            "total_price",
            multiply,
            uses=("price",),
            says=("the total price of {packs} packs of {x}", "the total price for {packs} packs of {x}"),
            extra=(attr("packs", kinds.integer(2, 14), arg="pack_count"),),
            measure="money",
        ),
    ),
    openers=(
        "I'm cooking for guests on Saturday.",
        "I'm watching what I eat.",
        "My notes are a mess.",
        "We're testing dishes for a book.",
    ),
)
