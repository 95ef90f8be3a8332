"""How phones and ID numbers stand on paper: masked, unless the person printing chose otherwise and said why."""

from dataclasses import dataclass

from django.db import models

from trust.masking import mask_id_number, mask_phone


class Numbers(models.TextChoices):
    """What of the numbers is printed in full."""

    MASKED = "masked", "遮住中间几位"
    PHONES = "phones", "电话印完整"
    ALL = "all", "电话、身份证件号都印完整"


@dataclass(frozen=True)
class Masks:
    """Prints a number as chosen."""

    numbers: Numbers = Numbers.MASKED

    def phone(self, number):
        """A phone as it may stand."""
        return mask_phone(number) if number and self.numbers == Numbers.MASKED else number

    def id_number(self, number):
        """An ID number as it may stand."""
        return number if not number or self.numbers == Numbers.ALL else mask_id_number(number)

    @property
    def foot(self):
        """The words at the foot of the sheet."""
        return {
            Numbers.MASKED: "号码已遮住中间几位",
            Numbers.PHONES: "电话完整，身份证件号已遮住中间几位，请妥善保管",
            Numbers.ALL: "电话、身份证件号完整，请妥善保管，用完收好",
        }[self.numbers]

    @property
    def fields(self):
        """Names of what is printed in full, for the audit trail."""
        return {Numbers.MASKED: [], Numbers.PHONES: ["phone"], Numbers.ALL: ["phone", "id_number"]}[
            self.numbers
        ]
