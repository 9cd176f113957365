"""What of eligibility waits for somebody."""

from service.errors import N_
from service.web.today import Waiting, counted

WAITING = (
    Waiting(
        "eligibility.approve",
        N_("Refreshes held, to be approved"),
        counted("SELECT count(*), min(created_at) FROM refresh_run WHERE state = 'held'"),
    ),
    Waiting(
        "determinations.read",
        N_("Children whose case needs a review"),
        counted(
            """SELECT count(*), min(r.created_at) FROM determination d JOIN refresh_run r ON r.id = d.run_id
            WHERE d.outcome = 'needs_review' AND d.ended_at IS NULL"""
        ),
    ),
)
