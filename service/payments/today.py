"""What can wait for somebody in this slice."""

from typing import Final

from service.errors import N_
from service.web.today import Waiting, counted

WAITING: Final = (
    Waiting(
        "payments.approve",
        N_("Payment runs to be approved"),
        counted("SELECT count(*), min(created_at) FROM payment_run WHERE state = 'created'"),
        "/payments",
    ),
    Waiting(
        "payments.release",
        N_("Payment runs to be released"),
        counted("SELECT count(*), min(approved_at) FROM payment_run WHERE state = 'approved'"),
        "/payments",
    ),
    Waiting(
        "payments.status",
        N_("Entries of the bank's files that fit no payment"),
        counted(
            """SELECT count(*), min(f.read_at) FROM status_entry e JOIN status_file f ON f.id = e.file_id
            WHERE e.outcome IN ('unknown', 'differs', 'conflict') AND e.seen_at IS NULL"""
        ),
        "/payments/statuses",
    ),
    Waiting(
        "payments.correct",
        N_("Answers of clubs to checks by lot"),
        counted("SELECT count(*), min(answered_at) FROM sample_check WHERE state = 'answered'"),
        "/payments/samples",
    ),
)
