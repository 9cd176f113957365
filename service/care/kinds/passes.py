"""Kinds of data of letters, of claims and of the clubs that make them."""

from service.care.kinds.kind import ANONYMISE, ERASE, Files, Kind, Step, day

# What the timetable and the pages have rendered. A digest by which a batch is known to be delivered stays.
_PRINTED_FILES = Files(
    """SELECT format('batch-%s%s', lpad(number::text, greatest(5, length(number::text)), '0'),
        CASE WHEN protected THEN '-protected' END) FROM print_batch WHERE {origin} <= :cut_off""",
    tuple(f"{folder}/{{code}}/{{name}}.{ending}" for folder in ("outbox/print", "print") for ending in ("pdf", "csv")),
)

_SENT = "batch_id IN (SELECT id FROM print_batch WHERE {origin} <= :cut_off)"

KINDS = (
    Kind(
        what="letter_contents",
        meaning="What letters said, their printed files here, and corrected addresses",
        way=ERASE,
        months=12,
        origins={"handed_over": day("handed_over_at")},
        # A letter of a batch always has content, so it becomes empty and never null.
        steps=(
            Step("letter", f"(length(content) > 0 OR address IS NOT NULL) AND {_SENT}", "content = '', address = NULL"),
            Step(
                "letter",
                f"state = 'cancelled' AND address IS NOT NULL AND {day('queued_at')} <= :cut_off",
                "address = NULL",
            ),
        ),
        files=_PRINTED_FILES,
    ),
    Kind(
        what="claim_names",
        meaning="Names and notes on clubs' claims and reservations that are over, and what was answered about them",
        way=ANONYMISE,
        months=24,
        origins={"ended": day("coalesce(paid_at, ended_at)")},
        steps=(
            Step("sample_check", f"answer IS NOT NULL AND {day('closed_at')} <= :cut_off", "answer = NULL"),
            Step(
                "claim",
                """anonymised_at IS NULL AND state IN ('paid', 'rejected', 'withdrawn') AND {origin} <= :cut_off
                    AND NOT EXISTS (SELECT FROM sample_check k WHERE k.claim_id = claim.id AND k.closed_at IS NULL)""",
                "given_name = '', note = NULL, reference = NULL, anonymised_at = :at",
            ),
            Step("reservation", f"given_name <> '' AND {day('ended_at')} <= :cut_off", "given_name = ''"),
        ),
    ),
    Kind(
        what="club_applications",
        meaning="Contacts and accounts in clubs' applications, once they are decided about",
        way=ANONYMISE,
        months=24,
        origins={"decided": day("decided_at")},
        steps=(
            Step(
                "club_application",
                "anonymised_at IS NULL AND state <> 'waiting' AND {origin} <= :cut_off",
                """contact_name = NULL, contact_email = NULL, contact_phone = NULL, account = NULL,
                    anonymised_at = :at""",
            ),
        ),
    ),
    Kind(
        what="club_contacts",
        meaning="Contacts that clubs named before, and those of clubs that have ended",
        way=ERASE,
        months=12,
        origins={"ended": day("ended_at")},
        steps=(
            Step("club_past_contact", "{origin} <= :cut_off"),
            Step(
                "club",
                "state = 'ended' AND (contact_name, contact_email, contact_phone) IS DISTINCT FROM (NULL, NULL, NULL)"
                " AND {origin} <= :cut_off",
                "contact_name = NULL, contact_email = NULL, contact_phone = NULL",
            ),
        ),
    ),
)
