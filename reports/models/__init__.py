"""What reports keep: the county's assessment schemes, which contact cards and letters to families were issued."""

from .assessment import AssessmentScheme
from .cards import CardIssue
from .letters import FamilyLetter

__all__ = ["AssessmentScheme", "CardIssue", "FamilyLetter"]
