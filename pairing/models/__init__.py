"""Who answers for whom: pairings, helpers from outside, plans, proposals, handovers and transfers."""

from .moves import Handover, Transfer, TransferState
from .outside import HelperKind, OutsideHelper, UnitTie
from .pairings import ClassCover, EndReason, Pairing, PairingKind, PairingQuerySet, Quota
from .plans import HelpPlan, PlanKind, PlanStage
from .proposals import PairingProposal, ProposalRow, ProposalState, TieWish

__all__ = [
    "ClassCover",
    "EndReason",
    "Handover",
    "HelpPlan",
    "HelperKind",
    "OutsideHelper",
    "Pairing",
    "PairingKind",
    "PairingProposal",
    "PairingQuerySet",
    "PlanKind",
    "PlanStage",
    "ProposalRow",
    "ProposalState",
    "Quota",
    "TieWish",
    "Transfer",
    "TransferState",
    "UnitTie",
]
