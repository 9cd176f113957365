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
            # By run first: of a large municipality many thousand children wait, and they come from a few runs.
            """SELECT coalesce(sum(waiting.n), 0), min(r.created_at) FROM (
                SELECT d.run_id, count(*) AS n FROM determination d
                WHERE d.outcome = 'needs_review' AND d.ended_at IS NULL AND NOT EXISTS (
                    SELECT FROM review_decision live JOIN review_act a ON a.id = live.act_id
                    WHERE live.scheme_id = d.scheme_id AND live.period_start = d.period_start
                        AND live.person_id = d.person_id AND live.ended_at IS NULL AND (a.kind = 'invitation'
                            OR a.kind = 'deferral' AND a.until >= CAST(:now AS date)
                            OR a.kind = 'yes' AND a.state = 'held'))
                GROUP BY d.run_id
            ) AS waiting JOIN refresh_run r ON r.id = waiting.run_id AND r.period_end >= CAST(:now AS date)"""
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
