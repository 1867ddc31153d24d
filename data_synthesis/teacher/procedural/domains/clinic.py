"""Appointments, doctors, wards, patients and prescriptions of a clinic."""

from data_synthesis.teacher.procedural import kinds
from data_synthesis.teacher.procedural.domain import Calc, Domain, Find, Table, attr, link
from data_synthesis.teacher.procedural.formulas import multiply

DOMAIN = Domain(
    "clinic",
    Table(
        "appointment",
        kinds.code("AP#####"),
        link("doctor", "doctor", "the doctor seen at {x}", "Which doctor is {x} with?"),
        link("patient", "patient", "the patient of {x}", "Which patient has {x}?"),
        attr("date", kinds.DATE, "the date of {x}", "On what date is {x}?"),
        attr("start_time", kinds.times(7, 18), "the start time of {x}", "When does {x} begin?"),
        attr("status", kinds.choice("confirmed", "cancelled", "moved", "completed", "waiting", "missed")),
        arg="appointment_id",
    ),
    Table(
        "prescription",
        kinds.code("RX-####"),
        link("medicine", "medicine", "the medicine on {x}", "Which medicine does {x} name?"),
        link("doctor", "doctor", "the doctor who is author of {x}", "Which doctor wrote {x}?"),
        attr("end_date", kinds.DATE, "the end date of {x}", "Until what end date is {x} valid?"),
        arg="prescription_id",
    ),
    Table(
        "doctor",
        kinds.PERSON,
        link("ward", "ward", "the ward led by {x}", "Which ward does {x} lead?"),
        attr("phone", kinds.PHONE, "the phone number of {x}", "What phone number does {x} have?"),
        attr("room", kinds.code("?##"), "the consulting room of {x}", "In which room is {x}?"),
        attr(
            "specialty",
            kinds.choice("cardiology", "dermatology", "neurology", "oncology", "urology", "surgery"),
        ),
        attr("fee", kinds.money(40, 380), "the fee charged by {x}", "How high is the fee of {x}?"),
        attr("rating", kinds.RATING, "the patient rating of {x}"),
        ref="doctor {}",
        arg="doctor_name",
    ),
    Table(
        "patient",
        kinds.PERSON,
        attr("birthday", kinds.dates("1934-01-01", 29000), "When is the birthday of {x}?"),
        attr("insurer", kinds.placed("Mutual"), "the insurer of {x}", "Which insurer covers {x}?"),
        attr("file_number", kinds.code("F#######"), "the file number of {x}"),
        attr("weight", kinds.decimal(41, 118, 1, "weight"), "the last recorded weight of {x}"),
        attr("address", kinds.STREET, "the home address of {x}"),
        arg="patient_name",
    ),
    Table(
        "ward",
        kinds.code("W-##"),
        attr("manager", kinds.PERSON, "Who is the manager of {x}?"),
        attr("capacity", kinds.integer(12, 96), "the bed capacity of {x}", "What capacity does {x} have?"),
        attr("floor", kinds.choice("basement", "ground", "first", "second", "third", "fourth")),
        attr("phone", kinds.PHONE, "the phone number of {x}"),
        arg="ward_code",
        vague="our ward",
    ),
    Table(
        "medicine",
        kinds.named("Tablets"),
        attr(
            "price",
            kinds.decimal(2.1, 89, 2, "money"),
            "the price of a pack of {x}",
            "How much is a pack of {x}?",
        ),
        attr("maker", kinds.placed("Pharma"), "the maker of {x}", "Which company is the maker of {x}?"),
        attr("daily_dose", kinds.integer(15, 850), "the daily dose in mg of {x}"),
        attr("color", kinds.COLOUR, "the color of the tablets of {x}"),
        arg="medicine_name",
        vague="my medicine",
    ),
    lookups=(
        Find("appointment", ("doctor", "date"), ("the appointment on {date} with {doctor}",), by="date"),
        Calc(
            "medicine",
            "total_price",
            multiply,
            uses=("price",),
            says=("the total price of {packs} packs of {x}", "the total price for {packs} packs of {x}"),
            extra=(attr("packs", kinds.integer(2, 12), arg="pack_count"),),
            measure="money",
        ),
    ),
    openers=(
        "I'm at the reception desk.",
        "I have to prepare for tomorrow's visits.",
        "My mother asked me to find something out.",
        "We're updating our files.",
    ),
)
