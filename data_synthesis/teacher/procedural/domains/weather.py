"""Weather stations, their forecasts by city and day, and the people who look after them."""

from data_synthesis.teacher.procedural import kinds
from data_synthesis.teacher.procedural.domain import Calc, Domain, Find, Table, attr, link
from data_synthesis.teacher.procedural.formulas import subtract

DOMAIN = Domain(
    "weather",
    Table(
        "alert",
        kinds.code("WX-####"),
        link("city", "city", "the city warned by {x}", "Which city does {x} concern?"),
        attr(
            "hazard",
            kinds.choice("hail", "flood", "gale", "frost", "heat", "fog", "avalanche"),
            "the hazard in {x}",
        ),
        attr("end_time", kinds.TIME, "the end time of {x}", "When does {x} end?"),
        attr("author", kinds.PERSON, "Who is the author of {x}?"),
        arg="alert_id",
        vague="the alert I received",
    ),
    Table(
        "city",
        kinds.PLACE,
        link(
            "station", "station", "the station nearest to {x}", "Which station measures the weather in {x}?"
        ),
        link("river", "river", "the river through {x}", "Which river flows through {x}?"),
        attr("elevation", kinds.integer(12, 2600), "the elevation in metres of {x}"),
        attr("population", kinds.integer(2100, 980000), "the population of {x}"),
        ref="the city {}",
        arg="city_name",
        vague="my city",
    ),
    Table(
        "station",
        kinds.code("ST-###"),
        attr("owner", kinds.placed("Institute"), "the owner of {x}", "Which institute is the owner of {x}?"),
        attr("temperature", kinds.decimal(-18, 37, 1, "temperature"), "the latest temperature at {x}"),
        attr("pressure", kinds.integer(961, 1049), "the air pressure in hPa at {x}"),
        attr("wind_speed", kinds.integer(11, 140), "the wind speed in km/h at {x}"),
        attr("high", kinds.decimal(15, 41, 1), "the record high at {x}"),
        attr("low", kinds.decimal(-35, -2, 1), "the record low at {x}"),
        link("observer", "observer", "the observer at {x}", "Which observer looks after {x}?"),
        arg="station_id",
        vague="the station near me",
    ),
    Table(
        "observer",
        kinds.PERSON,
        attr("phone", kinds.PHONE, "the phone number of {x}", "What phone number does {x} have?"),
        attr("email", kinds.EMAIL, "the email address of {x}"),
        attr("shift_start", kinds.times(4, 20), "the shift start of {x}"),
        arg="observer_name",
    ),
    Table(
        "river",
        kinds.placed(prefix="River"),
        attr("level", kinds.integer(45, 890), "the water level in cm of {x}", "What level in cm has {x}?"),
        attr("length", kinds.integer(21, 1900, measure="distance"), "How long, as a length, is {x}?"),
        attr("source", kinds.PLACE, "the place of the source of {x}"),
        ref="the {}",
        arg="river_name",
        vague="the river near me",
    ),
    Table(
        "forecast",
        (
            link("city", "city", arg="city_name"),
            attr("date", kinds.DATE, arg="forecast_date"),
        ),
        attr("humidity", kinds.integer(21, 98), "the expected humidity in percent in {city} on {date}"),
        attr("rainfall", kinds.decimal(0.3, 48, 1), "How much rainfall is expected in {city} on {date}?"),
        attr("sunrise", kinds.times(4, 9), "the time of sunrise in {city} on {date}"),
        attr("max_temperature", kinds.decimal(-9, 39, 1, "temperature")),
        phrase="the {label} in {city} on {date}",
    ),
    lookups=(
        Find("alert", ("city", "hazard"), ("the alert of {hazard} hazard for {city}",), by="hazard"),
        Calc(
            "station", "range", subtract, ("high", "low"), ("the range between record high and low at {x}",)
        ),
    ),
    openers=(
        "I'm planning a hike.",
        "We have an outdoor event coming up.",
        "The sky looks odd today.",
        "I write the weather column.",
    ),
)
