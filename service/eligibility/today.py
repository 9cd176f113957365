"""What of eligibility waits for somebody."""

from service.errors import N_
from service.web.today import Waiting, counted

WAITING = (
    Waiting(
        "eligibility.approve",
        N_("Refreshes held, to be approved"),
        counted("SELECT count(*), min(created_at) FROM refresh_run WHERE state = 'held'"),
        path="/eligibility",
    ),
    Waiting(
        "review.decide",
        N_("Children whose case needs a review"),
        counted(
            """SELECT count(*), min(r.created_at) FROM determination d JOIN refresh_run r ON r.id = d.run_id
            LEFT JOIN review_decision live ON live.scheme_id = d.scheme_id AND live.period_start = d.period_start
                AND live.person_id = d.person_id AND live.ended_at IS NULL
            LEFT JOIN review_act a ON a.id = live.act_id
            WHERE d.outcome = 'needs_review' AND d.ended_at IS NULL AND r.period_end >= CAST(:now AS date)
                AND (a.id IS NULL OR a.kind = 'deferral' AND a.until < CAST(:now AS date) OR a.kind = 'on_the_spot'
                    OR a.kind = 'yes' AND a.state = 'done')"""
        ),
        path="/review",
    ),
    Waiting(
        "review.decide",
        N_("Decisions about many children, to be approved"),
        counted("SELECT count(*), min(made_at) FROM review_act WHERE state = 'held'"),
        path="/review/held",
    ),
)
