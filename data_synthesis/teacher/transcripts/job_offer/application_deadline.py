from datetime import date, timedelta

POSTED = {
    "CL-48213": date(2026, 1, 19),
    "CL-48230": date(2026, 2, 2),
    "CL-47752": date(2025, 12, 8),
    "RB-10094": date(2026, 1, 27),
    "RB-10101": date(2026, 1, 12),
}
OPEN_DAYS = {"external": 32, "internal": 18, "referral": 39}
HOLIDAYS = {date(2026, 1, 1), date(2026, 1, 19), date(2026, 2, 16), date(2026, 5, 25)}


def is_working_day(day):
    return day.weekday() < 5 and day not in HOLIDAYS


def application_deadline(job_id, applicant_type="external"):
    """Last day on which an application is accepted.

    A deadline on a weekend or a holiday moves to the next working day.
    """
    if job_id not in POSTED:
        raise ValueError(f"position {job_id} is not open for applications")
    if applicant_type not in OPEN_DAYS:
        raise ValueError(f"applicant_type must be one of {', '.join(OPEN_DAYS)}")
    last = POSTED[job_id] + timedelta(days=OPEN_DAYS[applicant_type])
    while not is_working_day(last):
        last += timedelta(days=1)
    return {"apply_by": last.isoformat(), "closes_at": "17:00"}
