"""Employees, their departments, offices and contracts: a personnel desk."""

from data_synthesis.teacher.procedural import kinds
from data_synthesis.teacher.procedural.domain import Calc, Column, Domain, Find, Table, attr, link
from data_synthesis.teacher.procedural.formulas import product, with_percent

DOMAIN = Domain(
    "staff",
    Table(
        "employee",
        kinds.PERSON,
        link(
            "manager",
            "employee",
            "the manager of {x}",
            "the manager {x} reports to",
            "Who is the manager of {x}?",
        ),
        link(
            "department", "department", "the department {x} works in", "Which department does {x} belong to?"
        ),
        attr(
            "salary",
            kinds.money(2100, 9900),
            "the monthly salary of {x}",
            "What salary does {x} get each month?",
            "How much does {x} earn a month?",
        ),
        attr("email", kinds.EMAIL, "the email address of {x}", "What is the email of {x}?"),
        attr("badge", kinds.code("B-#####"), "the badge issued to {x}", "Which badge belongs to {x}?"),
        attr(
            "start_date",
            kinds.dates("2012-03-01", 4600),
            "the start date of {x}",
            "On what start date was {x} hired?",
        ),
        attr(
            "title",
            kinds.choice("analyst", "engineer", "accountant", "designer", "recruiter", "planner", "buyer"),
            "the job title of {x}",
        ),
        ref="{}",
        arg="employee_name",
        vague="my colleague",
    ),
    Table(
        "department",
        kinds.choice(
            "Finance",
            "Logistics",
            "Marketing",
            "Research",
            "Security",
            "Legal",
            "Procurement",
            "Quality",
            "Training",
            "Support",
            "Design",
            "Planning",
            "Compliance",
            "Analytics",
        ),
        link("office", "office", "the office where {x} sits", "Which office does {x} use?"),
        attr(
            "budget",
            kinds.money(40000, 990000),
            "the yearly budget of {x}",
            "What budget does {x} have this year?",
        ),
        attr("cost_center", kinds.code("CC-####"), "the cost center of {x}"),
        attr(
            "headcount",
            kinds.integer(11, 180),
            "the present headcount of {x}",
            "What is the headcount in {x}?",
        ),
        ref="the {} department",
        arg="department_name",
    ),
    Table(
        "office",
        kinds.code("?#-##"),
        attr("city", kinds.PLACE, "the city of {x}", "In which city is {x}?"),
        attr("phone", kinds.PHONE, "the phone number of {x}", "What phone number does {x} have?"),
        attr("address", kinds.STREET, "the street address of {x}"),
        attr("capacity", kinds.integer(20, 400), "the desk capacity of {x}"),
        attr("rent", kinds.money(900, 18000), "the monthly rent of {x}", "How much rent is paid for {x}?"),
        arg="office_code",
    ),
    Table(
        "contract",
        kinds.code("HR-####"),
        link("employee", "employee", "the employee under {x}", "Which employee signed {x}?"),
        attr("workload", kinds.integer(12, 44), "the weekly workload in hours agreed in {x}"),
        attr(
            "end_date",
            kinds.dates("2027-01-01", 1500),
            "the end date of {x}",
            "On what end date does {x} run out?",
        ),
        attr(
            "hourly_rate",
            kinds.decimal(14, 95, 2, "money"),
            "the hourly rate in {x}",
            "What hourly rate does {x} set?",
        ),
        attr("vacation", kinds.integer(20, 36), "the vacation in days granted by {x}"),
        arg="contract_id",
    ),
    lookups=(
        Find(
            "employee",
            ("badge",),
            ("the employee with badge {badge}", "Which employee carries badge {badge}?"),
        ),
        Calc(
            "employee",
            "salary_after_raise",
            with_percent,
            ("salary",),
            ("the salary after raise of {percent} percent for {employee}",),
            (Column("percent", kinds.integer(2, 18), arg="raise_percent"),),
            "money",
        ),
        Calc(
            "contract",
            "pay",
            product,
            ("hourly_rate",),
            (
                "the pay for {hours} hours under {contract}",
                "What pay is due for {hours} hours under {contract}?",
            ),
            (Column("hours", kinds.integer(12, 90), arg="hours_worked"),),
            "money",
        ),
    ),
    openers=(
        "I'm preparing a personnel review.",
        "Payroll is asking me for a few facts.",
        "I'm new here and need some information.",
        "Our yearly audit starts on Monday.",
    ),
)
