from datetime import date, timedelta

# last day of a month on which notice still counts for it; months of notice up to five years, and beyond
RULES = {"Varnstadt": (3, 2, 3), "Ebbing": (15, 1, 2), "Stellau": (3, 3, 6)}


def lease_ends(city, leased_since, notice_given):
    """Last day of a lease after notice."""
    if city not in RULES:
        raise ValueError(f"no rules of {city}")
    began, given = date.fromisoformat(leased_since), date.fromisoformat(notice_given)
    if given < began:
        raise ValueError("notice cannot be given before the lease begins")
    counts_until, short, long = RULES[city]
    months = long if (given - began).days > 5 * 365 else short
    months += 1 if given.day > counts_until else 0
    years, month = divmod(given.month - 1 + months, 12)
    last = date(given.year + years, month + 1, 1) - timedelta(days=1)
    return {"as_of": date.today().isoformat(), "last_day": last.isoformat()}
