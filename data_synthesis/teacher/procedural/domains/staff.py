"""Employees, their departments, offices and contracts: a personnel desk."""

from data_synthesis.teacher.procedural import kinds
from data_synthesis.teacher.procedural.domain import Calc, Domain, Find, Table, attr, link
from data_synthesis.teacher.procedural.formulas import add_percent, multiply

DOMAIN = Domain(
    "staff",
    Table(
        "contract",
        kinds.code("HR-####"),
        link("employee", "employee", "the employee under {x}", "Which employee signed {x}?"),
        attr("workload", kinds.integer(12, 44), "the weekly workload in hours of {x}"),
        attr("end_date", kinds.dates("2027-01-01", 1500), "the end date of {x}", "When does {x} run out?"),
        attr("hourly_rate", kinds.decimal(14, 95, 2, "money"), "What hourly rate does {x} set?"),
        attr("vacation", kinds.integer(20, 36), "the vacation in days granted by {x}"),
        arg="contract_id",
    ),
    Table(
        "employee",
        kinds.PERSON,
        link("manager", "employee", "Who is the manager of {x}?", "the manager responsible for {x}"),
        link("department", "department", "Which department does {x} belong to?"),
        attr(
            "salary", kinds.money(2100, 9900), "the monthly salary of {x}", "How much does {x} earn a month?"
        ),
        attr("email", kinds.EMAIL, "the email address of {x}", "What is the email of {x}?"),
        attr("badge", kinds.code("B-#####"), "the badge issued to {x}", "Which badge belongs to {x}?"),
        attr("start_date", kinds.dates("2012-03-01", 4600), "When was {x} hired?"),
        attr("title", kinds.choice("analyst", "engineer", "accountant", "designer", "recruiter", "buyer")),
        arg="employee_name",
        vague="my colleague",
    ),
    Table(
        "department",
        kinds.placed("Department"),
        link("office", "office", "the office used by {x}", "Which office does {x} use?"),
        attr("budget", kinds.money(40000, 990000), "the yearly budget of {x}", "What budget does {x} have?"),
        attr("cost_center", kinds.code("CC-####")),
        attr("headcount", kinds.integer(11, 180), "the present headcount of {x}"),
        ref="the {}",
        arg="department_name",
    ),
    Table(
        "office",
        kinds.code("?#-##"),
        attr("city", kinds.PLACE, "In which city is {x}?"),
        attr("phone", kinds.PHONE, "the phone number of {x}", "What phone number does {x} have?"),
        attr("address", kinds.STREET, "the street address of {x}"),
        attr("capacity", kinds.integer(20, 400), "the desk capacity of {x}"),
        attr("rent", kinds.money(900, 18000), "the monthly rent of {x}", "How much rent is paid for {x}?"),
        arg="office_code",
    ),
    lookups=(
        Find(
            "employee", ("badge",), ("the employee with badge {badge}", "Which employee has badge {badge}?")
        ),
        Calc(
            "employee",
            "new_salary",
            add_percent,
            uses=("salary",),
            says=("the new salary after a raise of {percent} percent for {x}",),
            extra=(attr("percent", kinds.integer(2, 18), arg="raise_percent"),),
            measure="money",
        ),
        Calc(
            "contract",
            "pay",
            multiply,
            uses=("hourly_rate",),
            says=("the pay for {hours} hours under {x}", "What pay is due for {hours} hours under {x}?"),
            extra=(attr("hours", kinds.integer(12, 90), arg="hours_worked"),),
            measure="money",
        ),
    ),
    openers=(
        "I'm preparing a personnel review.",
        "Payroll is asking me for a few facts.",
        "I'm new here and need some information.",
        "Our yearly audit starts on Monday.",
    ),
)
