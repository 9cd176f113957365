"""What is due for retention, found another way: in plain Python, rule after rule, from the rows alone."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import text

from tests.passes.town import CODE, Town

ZONE = ZoneInfo("Europe/Copenhagen")
TABLES = """income income_past award award_past person person_past household household_member household_member_past
    household_note household_contact name_token determination refresh_run fact fact_set register_import held_row
    rejected_row letter print_batch pass_letter ended_notice review_decision review_act leisure_pass kept_answer
    claim reservation sample_check club_application club_past_contact club
    attendance opinion_code opinion season season_closing offered_season stay offer offer_traveller offer_needs
    offer_contact passed_over volunteer stay_role
    placement board_change family_group family_group_member allocation_run same_child received_list received_family
    received_traveller received_wish referral referral_traveller referral_wish referral_case referral_list
    referral_list_entry case_verdict refusal_credit family_outcome"""
WAITING = ("queued", "held_back", "batched")
Row = dict[str, Any]
Test = Callable[[Row], Any]


class SlowPath:
    """A copy of a town's rows, from which `take` erases what is due on a date as the rules say, and counts it."""

    def __init__(self, town: Town) -> None:
        with town.session() as session:
            self.of: dict[str, list[Row]] = {
                table: [dict(row._mapping) for row in session.execute(text(f"SELECT * FROM {table}"))]
                for table in TABLES.split()
            }
        self.home: Path = town.database.home
        self.taken: dict[str, int] = {}
        self.run_of = {run["id"]: run for run in self.of["refresh_run"]}

    def take(self, rules: Iterable[Row], on: date) -> dict[str, dict[str, int]]:
        """Rows by rule and table, and `files`, of the rules that take any."""
        found = {}
        for rule in rules:
            if rule["months"] is None:
                continue
            self.taken = {}
            cut = earlier(on, rule["months"])
            getattr(self, f"_{rule['what']}")(lambda day, cut=cut: day is not None and local(day) <= cut)
            if self.taken:
                found[rule["what"]] = self.taken
        return found

    def _erase(self, table: str, due: Callable[[Row], bool]) -> None:
        left = [row for row in self.of[table] if not due(row)]
        self._count(table, len(self.of[table]) - len(left))
        self.of[table] = left

    def _erase_of(self, table: str, key: str, among: set[Any]) -> None:
        self._erase(table, lambda row: row[key] in among)

    def _change(self, table: str, due: Callable[[Row], bool], **to: Any) -> None:
        changed = [row for row in self.of[table] if due(row)]
        self._count(table, len(changed))
        for row in changed:
            row |= to

    def _count(self, what: str, count: int) -> None:
        if count:
            self.taken[what] = self.taken.get(what, 0) + count

    def _income_not_entitled(self, due: Callable[[Any], bool]) -> None:
        ends = defaultdict(list)
        for run in self.of["refresh_run"]:
            if run["state"] == "committed":
                ends[run["income_year"]].append(run["period_end"])
        over = {year for year, all_ in ends.items() if due(max(all_))}
        homes = defaultdict(set)
        for row in self.of["household_member"] + self.of["household_member_past"]:
            if row["relation"] == "provider":
                homes[row["person_id"]].add(row["household_id"])
        kept = set()
        for person in self.of["person"]:
            for one in self.of["determination"]:
                if one["outcome"] != "not_entitled" and one["household_id"] in homes[person["id"]]:
                    kept.add((person["identity_hash"], self.run_of[one["run_id"]]["income_year"]))
        was_somewhere = {row["person_id"] for row in self.of["household_member_past"]}
        unknown = {p["identity_hash"] for p in self.of["person"] if p["ended_at"] and p["id"] not in was_somewhere}
        for table in ("income", "income_past"):
            self._erase(
                table,
                lambda row: (
                    row["year"] in over
                    and (row["identity_hash"], row["year"]) not in kept
                    and row["identity_hash"] not in unknown
                ),
            )

    def _figures(self, due: Callable[[Any], bool], outcomes: tuple[str, ...]) -> None:
        self._change(
            "determination",
            lambda row: (
                row["outcome"] in outcomes
                and row["anonymised_at"] is None
                and due(self.run_of[row["run_id"]]["period_end"])
            ),
            anonymised_at=True,
        )

    def _figures_not_entitled(self, due: Callable[[Any], bool]) -> None:
        self._figures(due, ("not_entitled",))

    def _determination_figures(self, due: Callable[[Any], bool]) -> None:
        self._figures(due, ("not_entitled", "entitled", "needs_review"))

    def _facts(self, due: Callable[[Any], bool]) -> None:
        held = {run["fact_set_id"] for run in self.of["refresh_run"] if run["state"] == "held"}
        self._erase("fact_set", lambda row: due(row["built_at"]) and row["id"] not in held)
        sets = {row["id"] for row in self.of["fact_set"]}
        self._erase("fact", lambda row: row["fact_set_id"] not in sets)

    def _held_imports(self, due: Callable[[Any], bool]) -> None:
        is_due: Test = lambda row: row["state"] == "held" and due(row["imported_at"])  # noqa: E731
        self._change("register_import", is_due, state="discarded")
        gone = {row["id"] for row in self.of["register_import"] if row["state"] == "discarded"}
        self._erase("held_row", lambda row: row["import_id"] in gone)

    def _rejected_rows(self, due: Callable[[Any], bool]) -> None:
        old = {row["id"] for row in self.of["register_import"] if due(row["imported_at"])}
        self._erase("rejected_row", lambda row: row["import_id"] in old)
        self._count("files", sum((self.home / "imports" / str(one) / "rejected.csv").exists() for one in old))

    def _letter_contents(self, due: Callable[[Any], bool]) -> None:
        sent = {row["id"] for row in self.of["print_batch"] if due(row["handed_over_at"])}
        said: Test = lambda row: bool(row["content"]) or row["address"] is not None  # noqa: E731
        self._change("letter", lambda row: row["batch_id"] in sent and said(row), content=b"", address=None)
        forgotten: Test = lambda row: row["state"] == "cancelled" and row["address"] and due(row["queued_at"])  # noqa: E731
        self._change("letter", forgotten, address=None)
        names = {f"batch-{row['number']:05}" for row in self.of["print_batch"] if row["id"] in sent}
        lying = [path for folder in ("outbox/print", "print") for path in (self.home / folder / CODE).glob("batch-*")]
        self._count("files", sum(path.stem.removesuffix("-protected") in names for path in lying))

    def _past_rows(self, due: Callable[[Any], bool]) -> None:
        self._erase("person_past", lambda row: due(row["replaced_at"]))
        for table in ("household_member_past", "income_past", "award_past"):
            self._erase(table, lambda row: due(row["ended_at"]))

    def _awards(self, due: Callable[[Any], bool]) -> None:
        self._erase("award", lambda row: due(row["valid_to"]))

    def _income(self, due: Callable[[Any], bool]) -> None:
        for table in ("income", "income_past"):
            self._erase(table, lambda row: due(date(row["year"], 12, 31)))

    def _attendance(self, due: Callable[[Any], bool]) -> None:
        seasons = {row["id"] for row in self.of["season"] if due(row["last_day"])}
        offers = {row["id"] for row in self.of["offer"] if row["season_id"] in seasons}
        stays = {row["id"] for row in self.of["stay"] if row["season_id"] in seasons}
        self._erase("attendance", lambda row: row["offer_id"] in offers)
        self._erase("opinion_code", lambda row: row["stay_id"] in stays)
        self._change("opinion", lambda row: row["words"] and row["stay_id"] in stays, words="")

    def _review_texts(self, due: Callable[[Any], bool]) -> None:
        is_due: Test = lambda row: row["anonymised_at"] is None and due(row["period_end"])  # noqa: E731
        self._change("review_act", is_due, anonymised_at=True)

    def _household_notes(self, due: Callable[[Any], bool]) -> None:
        self._erase("household_note", lambda row: due(row["made_at"]))

    def _household_contacts(self, due: Callable[[Any], bool]) -> None:
        self._erase("household_contact", lambda row: due(row["until"]))

    def _waiting_persons(self) -> set[Any]:
        waits = {row["id"] for row in self.of["letter"] if row["state"] in WAITING}
        holder = {row["id"]: row["person_id"] for row in self.of["leisure_pass"]}
        carried = {holder[row["pass_id"]] for row in self.of["pass_letter"] if row["letter_id"] in waits}
        told = self.of["ended_notice"] + self.of["review_decision"]
        return carried | {row["person_id"] for row in told if row["letter_id"] in waits}

    def _ended_persons(self, due: Callable[[Any], bool]) -> None:
        here = {row["person_id"] for row in self.of["household_member"]}
        usable = {
            row["person_id"] for row in self.of["leisure_pass"] if row["state"] == "live" and not due(row["valid_to"])
        }
        stay = here | usable | self._waiting_persons()
        gone = [
            row
            for row in self.of["person"]
            if row["anonymised_at"] is None and due(row["ended_at"]) and row["id"] not in stay
        ]
        ids, hashes = {row["id"] for row in gone}, {row["identity_hash"] for row in gone}
        for table in ("income", "income_past", "award", "award_past"):
            self._erase(table, lambda row: row["identity_hash"] in hashes)
        self._erase("person_past", lambda row: row["id"] in ids)
        for table in ("household_member_past", "name_token"):
            self._erase(table, lambda row: row["person_id"] in ids)
        figures: Test = lambda row: row["anonymised_at"] is None and row["person_id"] in ids  # noqa: E731
        self._change("determination", figures, anonymised_at=True)
        self._change("person", lambda row: row["id"] in ids, anonymised_at=True)

    def _ended_households(self, due: Callable[[Any], bool]) -> None:
        lived = {row["household_id"] for row in self.of["household_member"] + self.of["household_member_past"]}
        waits = {row["household_id"] for row in self.of["letter"] if row["state"] in WAITING}
        is_due: Test = lambda row: (  # noqa: E731
            row["anonymised_at"] is None and due(row["ended_at"]) and row["id"] not in lived | waits
        )
        gone = {row["id"] for row in self.of["household"] if is_due(row)}
        for table in ("household_note", "household_contact"):
            self._erase(table, lambda row: row["household_id"] in gone)
        self._change("household", is_due, anonymised_at=True)

    def _claim_names(self, due: Callable[[Any], bool]) -> None:
        self._change("sample_check", lambda row: row["answer"] is not None and due(row["closed_at"]), answer=None)
        asked = {row["claim_id"] for row in self.of["sample_check"] if row["closed_at"] is None}
        over: Test = lambda row: row["state"] in ("paid", "rejected", "withdrawn") and row["id"] not in asked  # noqa: E731
        since: Test = lambda row: row["paid_at"] or row["ended_at"]  # noqa: E731
        is_due: Test = lambda row: row["anonymised_at"] is None and over(row) and due(since(row))  # noqa: E731
        self._change("claim", is_due, anonymised_at=True)
        self._change("reservation", lambda row: row["given_name"] and due(row["ended_at"]), given_name="")

    def _club_applications(self, due: Callable[[Any], bool]) -> None:
        is_due: Test = lambda row: row["anonymised_at"] is None and due(row["decided_at"])  # noqa: E731
        self._change("club_application", lambda row: row["state"] != "waiting" and is_due(row), anonymised_at=True)

    def _club_contacts(self, due: Callable[[Any], bool]) -> None:
        self._erase("club_past_contact", lambda row: due(row["ended_at"]))
        contact = ("contact_name", "contact_email", "contact_phone")
        is_due: Test = lambda row: row["state"] == "ended" and any(row[one] for one in contact) and due(row["ended_at"])  # noqa: E731
        self._change("club", is_due, **dict.fromkeys(contact))

    def _offer_contacts(self, due: Callable[[Any], bool]) -> None:
        ends = {row["id"]: row["ends_on"] + timedelta(days=1) for row in self.of["stay"]}
        over = {row["id"] for row in self.of["offer"] if due(ends[row["stay_id"]])}
        ended = {row["id"] for row in self.of["offer"] if row["ended_at"] and due(row["ended_at"] + timedelta(days=1))}
        self._erase("offer_contact", lambda row: row["offer_id"] in over | ended)

    def _holiday_needs(self, due: Callable[[Any], bool]) -> None:
        ends = {row["id"]: row["ends_on"] for row in self.of["stay"]}
        over = {row["id"] for row in self.of["offer"] if due(ends[row["stay_id"]] + timedelta(days=14))}
        self._erase("offer_needs", lambda row: row["offer_id"] in over)

    def _season_names(self, due: Callable[[Any], bool]) -> None:
        kept = {row["season_id"] for row in self.of["season_closing"]}

        def goes(row: Row) -> bool:
            return row["names_erased_at"] is None and due(row["last_day"] + timedelta(days=row["names_kept_days"]))

        self._change("season", lambda row: row["id"] in kept and goes(row), names_erased_at=True)
        self._change("offered_season", goes, names_erased_at=True)
        gone = {row["id"] for row in self.of["season"] if row["names_erased_at"]}
        gone |= {row["season_id"] for row in self.of["offered_season"] if row["names_erased_at"]}

        def of(table: str, key: str = "season_id", among: set[Any] = gone) -> set[Any]:
            return {row["id"] for row in self.of[table] if row[key] in among}

        offers, referrals, lists = of("offer"), of("referral"), of("received_list")
        families = of("received_family", "list_id", lists)
        parts = {
            "attendance": ("offer_id", offers),
            "offer_needs": ("offer_id", offers),
            "offer_contact": ("offer_id", offers),
            "passed_over": ("offer_id", offers),
            "offer_traveller": ("offer_id", offers),
            "offer": ("season_id", gone),
            "placement": ("season_id", gone),
            "board_change": ("season_id", gone),
            "family_group_member": ("group_id", of("family_group")),
            "family_group": ("season_id", gone),
            "same_child": ("season_id", gone),
            "family_outcome": ("season_id", gone),
            "received_wish": ("family_id", families),
            "received_traveller": ("family_id", families),
            "received_family": ("list_id", lists),
            "referral_traveller": ("referral_id", referrals),
            "referral_wish": ("referral_id", referrals),
            "referral_list_entry": ("list_id", of("referral_list")),
            "case_verdict": ("first_id", of("referral_case")),
            "referral": ("season_id", gone),
            "referral_case": ("season_id", gone),
        }
        for table, (key, among) in parts.items():
            self._erase_of(table, key, among)
        self._change("allocation_run", lambda row: row["season_id"] in gone and row["problem"], problem=b"", plan=b"")

    def _volunteers(self, due: Callable[[Any], bool]) -> None:
        ends = {row["id"]: row["ends_on"] for row in self.of["stay"]}
        last: dict[Any, date] = {}
        for role in self.of["stay_role"]:
            if role["volunteer_id"]:
                last[role["volunteer_id"]] = max(last.get(role["volunteer_id"], date.min), ends[role["stay_id"]])

        def is_due(row: Row) -> bool:
            added = datetime.fromtimestamp(int(row["id"].hex[:12], 16) / 1000, ZONE)
            return bool(row["name"]) and due(last.get(row["id"], added))

        self._change("volunteer", is_due, name="")

    def _refusal_credits(self, due: Callable[[Any], bool]) -> None:
        self._erase("refusal_credit", lambda row: due(row["given_at"]))

    def _kept_answers(self, due: Callable[[Any], bool]) -> None:
        self._erase("kept_answer", lambda row: due(row["kept_at"] + timedelta(days=3)))


def local(day: Any) -> date:
    """A date, or the date of an instant by the clock on the wall."""
    return day.astimezone(ZONE).date() if isinstance(day, datetime) else day


def earlier(on: date, months: int) -> date:
    """The same day so many months before, or the last of a shorter month; by counting months down."""
    year, month = on.year, on.month
    for _ in range(months):
        year, month = (year - 1, 12) if month == 1 else (year, month - 1)
    day = on.day
    while True:
        try:
            return date(year, month, day)
        except ValueError:
            day -= 1
