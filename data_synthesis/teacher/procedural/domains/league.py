"""Matches, teams, players, coaches and stadiums of a sports league."""

from data_synthesis.teacher.procedural import kinds
from data_synthesis.teacher.procedural.domain import Calc, Domain, Find, Table, attr, link
from data_synthesis.teacher.procedural.formulas import add, multiply

DOMAIN = Domain(
    "league",
    Table(
        "match",
        kinds.code("MD-###"),
        link("home_team", "team", "the home team in {x}", "Which home team plays in {x}?"),
        link("away_team", "team", "the away team in {x}", "Which away team plays in {x}?"),
        link("top_scorer", "player", "the player who is top scorer of {x}"),
        attr("date", kinds.DATE, "the date of {x}", "On what date is {x}?"),
        attr("referee", kinds.PERSON, "the referee in {x}", "Who is the referee of {x}?"),
        attr(
            "attendance", kinds.integer(900, 68000), "the attendance at {x}", "What attendance did {x} have?"
        ),
        arg="match_id",
    ),
    Table(
        "player",
        kinds.PERSON,
        link("team", "team", "the team of {x}", "Which team does {x} play for?"),
        attr("shirt_number", kinds.integer(11, 99), "the shirt number of {x}", "Which shirt number has {x}?"),
        attr("goal_count", kinds.integer(11, 320), "the goal count of {x}"),
        attr("assist_count", kinds.integer(11, 240), "the assist count of {x}"),
        attr(
            "height",
            kinds.integer(161, 214, measure="length"),
            "the height of {x}",
            "What height does {x} have?",
        ),
        attr("birthday", kinds.dates("1988-01-01", 6500), "When is the birthday of {x}?"),
        arg="player_name",
    ),
    Table(
        "team",
        kinds.named("United"),
        link("coach", "coach", "the coach of {x}", "Which coach trains {x}?"),
        link("stadium", "stadium", "the stadium of {x}", "In which stadium does {x} play?"),
        attr("rank", kinds.integer(11, 98), "the world rank of {x}"),
        attr("color", kinds.COLOUR, "the main color of {x}", "In which color does {x} play?"),
        attr("founding_year", kinds.integer(1878, 2004), "the founding year of {x}"),
        attr("sponsor", kinds.placed("Motors"), "the sponsor of {x}", "Which sponsor does {x} have?"),
        ref="the team {}",
        arg="team_name",
        vague="my team",
    ),
    Table(
        "coach",
        kinds.PERSON,
        attr("birthplace", kinds.PLACE, "the birthplace of {x}", "What is the birthplace of {x}?"),
        attr("salary", kinds.money(21000, 480000), "the yearly salary of {x}", "What salary does {x} get?"),
        attr("phone", kinds.PHONE, "the phone number of {x}"),
        attr("start_date", kinds.dates("2016-01-01", 3400), "the start date of {x}"),
        arg="coach_name",
    ),
    Table(
        "stadium",
        kinds.placed("Arena"),
        attr("city", kinds.PLACE, "the city of {x}", "In which city is {x}?"),
        attr("capacity", kinds.integer(4100, 81000), "the capacity of {x}", "What capacity does {x} have?"),
        attr("owner", kinds.placed("Trust"), "the owner of {x}"),
        attr("ticket_price", kinds.money(12, 140), "the ticket price at {x}", "How much is a ticket at {x}?"),
        ref="the {}",
        arg="stadium_name",
    ),
    lookups=(
        Find(
            "match", ("home_team", "away_team"), ("the match of {home_team} against {away_team}",), by="teams"
        ),
        Find(
            "player",
            ("team", "shirt_number"),
            ("the player with shirt number {shirt_number} in {team}",),
            by="shirt",
        ),
        Calc(
            "player",
            "score",
            add,
            ("goal_count", "assist_count"),
            ("the score of goals plus assists of {x}",),
        ),
        Calc(
            "stadium",
            "total_price",
            multiply,
            uses=("ticket_price",),
            says=(
                "the total price of {tickets} tickets at {x}",
                "the total price for {tickets} tickets at {x}",
            ),
            extra=(attr("tickets", kinds.integer(2, 40), arg="ticket_count"),),
            measure="money",
        ),
    ),
    openers=(
        "I'm a big fan.",
        "I'm commenting on tonight's games.",
        "We're having an argument among friends.",
        "I collect sports statistics.",
    ),
)
