"""Proposals and lists too large for a request: jobs, handlers only."""

from registry.models import ImportBatch, ImportState
from trust import jobs

from . import proposals
from .lists import batches
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


@jobs.handler("read_list")
def read(job):
    """Reads a large list and stores its preview."""
    batch = ImportBatch.objects.select_related("school__county", "upload").get(uid=job.parameters["batch"])
    if batch.state != ImportState.READING:
        return
    job.report(0, 1, "正在读表")
    batches.fill(batch)
    job.report(1, 1, "读完了，可以核对")
