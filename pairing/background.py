"""Proposals too large for a request: a job, handler only."""

from trust import jobs

from . import proposals
from .models import PairingProposal, ProposalState


@jobs.handler("propose_pairings")
def make(job):
    """Computes the rows of a draft; a second run makes the same rows again."""
    proposal = PairingProposal.objects.select_related("school").get(uid=job.parameters["proposal"])
    if proposal.state != ProposalState.DRAFT or proposal.rows.exists():
        return
    job.report(0, 1, "正在算")
    proposals.compute(proposal)
    job.report(1, 1, "算好了，可以看方案")
