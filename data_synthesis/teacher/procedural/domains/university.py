"""Courses, lecturers, faculties, students and theses of a university."""

from data_synthesis.teacher.procedural import kinds
from data_synthesis.teacher.procedural.domain import Calc, Domain, Find, Table, attr, link
from data_synthesis.teacher.procedural.formulas import multiply

DOMAIN = Domain(
    "university",
    Table(
        "thesis",
        kinds.code("TH-####"),
        link("student", "student", "the student behind {x}", "Which student writes {x}?"),
        link(
            "examiner",
            "lecturer",
            "the lecturer who is examiner of {x}",
            "Which lecturer is the examiner of {x}?",
        ),
        attr("due_date", kinds.DATE, "the due date of {x}", "What is the due date of {x}?"),
        attr("page_count", kinds.integer(41, 390), "the page count of {x}"),
        arg="thesis_id",
    ),
    Table(
        "student",
        kinds.PERSON,
        link("major_course", "course", "the major course of {x}", "Which major course does {x} take?"),
        attr("email", kinds.EMAIL, "the email address of {x}", "What is the email of {x}?"),
        attr("student_number", kinds.code("S######"), "the student number of {x}"),
        attr("birthday", kinds.dates("1996-01-01", 3600), "When is the birthday of {x}?"),
        attr("home_city", kinds.PLACE, "the home city of {x}"),
        arg="student_name",
    ),
    Table(
        "course",
        kinds.code("????-###"),
        link("lecturer", "lecturer", "the lecturer of {x}", "Which lecturer teaches {x}?"),
        attr("room", kinds.code("?###"), "the room used for {x}", "In which room is {x} held?"),
        attr("start_time", kinds.times(7, 19), "the start time of {x}", "When does {x} begin?"),
        attr("exam_date", kinds.DATE, "the exam date of {x}", "On what exam date is {x} examined?"),
        attr("capacity", kinds.integer(14, 420), "the capacity of {x}", "What capacity does {x} have?"),
        attr("fee", kinds.money(45, 980), "the fee for {x}", "How high is the fee for {x}?"),
        arg="course_code",
    ),
    Table(
        "lecturer",
        kinds.PERSON,
        link("faculty", "faculty", "the faculty of {x}", "Which faculty does {x} belong to?"),
        attr("office", kinds.code("?#-##"), "the office of {x}", "Which office does {x} have?"),
        attr("phone", kinds.PHONE, "the phone number of {x}"),
        attr("rating", kinds.RATING, "the student rating of {x}", "What rating do students give {x}?"),
        attr("salary", kinds.money(3100, 9900), "the monthly salary of {x}"),
        arg="lecturer_name",
    ),
    Table(
        "faculty",
        kinds.placed("Faculty"),
        link("dean", "lecturer", "the lecturer who is dean of {x}", "Which lecturer is the dean of {x}?"),
        attr("address", kinds.STREET, "the street address of {x}", "At which address is {x}?"),
        attr(
            "budget", kinds.money(200000, 9900000), "the yearly budget of {x}", "What budget does {x} have?"
        ),
        attr("founding_year", kinds.integer(1502, 1998), "the founding year of {x}"),
        attr("secretary", kinds.PERSON, "the secretary of {x}", "Who is the secretary of {x}?"),
        ref="the {}",
        arg="faculty_name",
    ),
    lookups=(
        Find(
            "thesis",
            ("examiner", "due_date"),
            ("the thesis due on the date {due_date} with {examiner}",),
            by="date",
        ),
        Find("course", ("room", "start_time"), ("the course in room {room} at {start_time}",), by="room"),
        Calc(
            "course",
            "total_fee",
            multiply,
            uses=("fee",),
            says=("the total fee for {semesters} semesters of {x}",),
            extra=(attr("semesters", kinds.integer(2, 9), arg="semester_count"),),
            measure="money",
        ),
    ),
    openers=(
        "I'm planning my next semester.",
        "I work in the examinations office.",
        "A parent called our office.",
        "We're putting the course catalogue together.",
    ),
)
