"""Works of art, artists, halls, exhibitions and guided tours of museums."""

from data_synthesis.teacher.procedural import kinds
from data_synthesis.teacher.procedural.domain import Calc, Domain, Find, Table, attr, link
from data_synthesis.teacher.procedural.formulas import multiply

DOMAIN = Domain(
    "museum",
    Table(
        "tour",
        kinds.code("G-###"),
        link("exhibition", "exhibition", "the exhibition shown on {x}", "Which exhibition does {x} visit?"),
        link("guide", "guide", "the guide of {x}", "Which guide leads {x}?"),
        attr("start_time", kinds.times(8, 19), "the start time of {x}", "When does {x} begin?"),
        attr("price", kinds.money(11, 95), "the price of {x}", "How much is {x} per person?"),
        attr("language", kinds.choice("Danish", "Greek", "Hindi", "Italian", "Korean", "Polish", "Swahili")),
        arg="tour_id",
    ),
    Table(
        "exhibition",
        kinds.named("Exhibition"),
        link("hall", "hall", "the hall with {x}", "In which hall is {x}?"),
        link("highlight", "painting", "the painting that is the highlight of {x}"),
        attr("end_date", kinds.DATE, "the end date of {x}", "When does {x} close?"),
        attr("curator", kinds.PERSON, "the curator of {x}", "Who is the curator of {x}?"),
        attr("visitor_count", kinds.integer(900, 88000), "the visitor count of {x}"),
        ref='the exhibition "{}"',
        arg="exhibition_name",
    ),
    Table(
        "painting",
        kinds.code("INV-####"),
        link("artist", "artist", "the artist of {x}", "Which artist made {x}?"),
        attr("year", kinds.integer(1511, 1989), "the year of {x}", "In which year was {x} made?"),
        attr(
            "value", kinds.money(9000, 4900000), "the insured value of {x}", "What value is {x} insured for?"
        ),
        attr(
            "width", kinds.integer(21, 390, measure="length"), "the width of {x}", "What width does {x} have?"
        ),
        attr(
            "owner", kinds.placed("Foundation"), "the owner of {x}", "Which foundation is the owner of {x}?"
        ),
        arg="inventory_number",
    ),
    Table(
        "artist",
        kinds.PERSON,
        attr("birthplace", kinds.PLACE, "the birthplace of {x}", "What is the birthplace of {x}?"),
        attr("birthday", kinds.dates("1840-01-01", 36000), "When is the birthday of {x}?"),
        attr("teacher", kinds.PERSON, "Who was the teacher of {x}?"),
        attr("award", kinds.placed("Medal"), "the award given to {x}"),
        arg="artist_name",
    ),
    Table(
        "hall",
        kinds.placed("Hall"),
        attr("floor", kinds.choice("basement", "ground", "first", "second", "third", "fourth")),
        attr(
            "capacity", kinds.integer(30, 620), "the visitor capacity of {x}", "What capacity does {x} have?"
        ),
        attr("humidity", kinds.integer(31, 69), "the humidity in percent in {x}"),
        link("keeper", "guide", "the guide who is keeper of {x}"),
        ref="the {}",
        arg="hall_name",
    ),
    Table(
        "guide",
        kinds.PERSON,
        attr("phone", kinds.PHONE, "the phone number of {x}", "What phone number does {x} have?"),
        attr("email", kinds.EMAIL, "the email address of {x}"),
        attr("rating", kinds.RATING, "the visitor rating of {x}"),
        arg="guide_name",
    ),
    lookups=(
        Find(
            "tour",
            ("exhibition", "language"),
            ("the tour in the language {language} through {exhibition}",),
            by="language",
        ),
        Calc(
            "tour",
            "group_price",
            multiply,
            uses=("price",),
            says=(
                "the group price for {people} people of {x}",
                "What group price do {people} people pay for {x}?",
            ),
            extra=(attr("people", kinds.integer(4, 30), arg="group_size"),),
            measure="money",
        ),
    ),
    openers=(
        "I'm taking a school class to the museum.",
        "We're preparing a loan between museums.",
        "I'm writing an article about art.",
        "Visitors keep asking me.",
    ),
)
