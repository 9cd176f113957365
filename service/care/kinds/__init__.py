"""What has a retention period: from when it counts, which rows are due, and how they go.

The order is that in which they go: incomes of those who were not entitled first.
"""

from service.care.kinds import holidays, passes, register
from service.care.kinds.kind import ERASE, Kind, Step, day

KINDS = (
    *register.KINDS,
    *passes.KINDS,
    *holidays.KINDS,
    Kind(
        what="kept_answers",
        meaning="Answers of the API, kept for 48 hours so that a repeated call has no further effect",
        way=ERASE,
        months=0,
        origins={"kept": day("kept_at")},
        # Whole days: after the second midnight they are at least 48 hours old.
        steps=(Step("kept_answer", "{origin} + 2 < :cut_off"),),
    ),
)
