from dataclasses import dataclass


@dataclass(frozen=True)
class Opening:
    job_id: str
    employer: str
    title: str
    city: str
    seniority: str
    remote: bool


OPENINGS = (
    Opening("CL-48213", "Calloway Ledger", "Accountant", "Denver", "senior", False),
    Opening("CL-48230", "Calloway Ledger", "Accountant", "Denver", "junior", True),
    Opening("CL-47752", "Calloway Ledger", "Accountant", "Tulsa", "senior", True),
    Opening("CL-48377", "Calloway Ledger", "Payroll Analyst", "Denver", "senior", False),
    Opening("RB-10094", "Redbluff Advisors", "Accountant", "Denver", "senior", False),
    Opening("RB-10101", "Redbluff Advisors", "Tax Manager", "Boulder", "senior", True),
)


def search_openings(employer, title, city, seniority="any", remote_only=False):
    """Ids of the open positions that fit."""
    if seniority not in ("any", "junior", "mid", "senior"):
        raise ValueError(f"seniority must be any, junior, mid or senior, not {seniority!r}")
    hits = [
        opening.job_id
        for opening in OPENINGS
        if opening.employer.casefold() == employer.casefold()
        and opening.title.casefold() == title.casefold()
        and opening.city.casefold() == city.casefold()
        and seniority in ("any", opening.seniority)
        and (opening.remote or not remote_only)
    ]
    return {"total": len(hits), "job_ids": hits}
