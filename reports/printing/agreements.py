"""委托照护协议 (未成年人保护法 22, 23): one child's agreement to be signed, blanks where a fact is missing."""

from dataclasses import dataclass

from registry.agreements import EXCLUSIONS
from registry.models import CareAgreement

# 未成年人保护法 16, 22, 23, as the duties of either side.
OF_PARENTS = (
    "与孩子、受托人至少每周联系和交流一次，了解孩子的生活、学习、心理等情况，给予亲情关爱。",
    "承担孩子的生活、学习和医疗费用，按时交给受托人。",
    "接到受托人、村（居）民委员会、学校关于孩子心理、行为异常的通知后，及时采取干预措施。",
    "外出地点、单位、电话有变动，七日内告诉受托人和学校；委托照护情况书面告知学校和村（居）民委员会。",
    "委托照护期间，父母仍是法定监护人，监护职责不因委托而免除。",
)
OF_CARER = (
    "照顾好孩子的起居、饮食、健康和出行安全，保证孩子按时上学。",
    "关心孩子的心理和行为，多陪伴、多交流，不打骂、不歧视。",
    "妥善保管孩子的证件和财物，费用只用在孩子身上。",
    "孩子生病、受伤、离家、旷课或者受到侵害，立即告诉父母和学校；需要时报警。",
    "不得把孩子再转交给别人照护；不能继续照护时，提前告诉父母和学校。",
)
EXCLUDED = tuple(words for _, words in EXCLUSIONS)


@dataclass
class AgreementPaper:
    """What stands on the paper: the agreement kept, or who would sign today."""

    agreement: CareAgreement | None
    parent: object  # AdultFacts or None
    carer: object
    facts: object

    @property
    def starts_on(self):
        """First day, or None."""
        return self.agreement.starts_on if self.agreement else None

    @property
    def ends_on(self):
        """Last day, or None."""
        return self.agreement.ends_on if self.agreement else None


def paper_of(facts, day):
    """The agreement in force, else the latest to come; without any, father or mother away and who cares today."""
    kept = (
        CareAgreement.objects.valid()
        .filter(child=facts.child)
        .select_related("guardian", "entrusted_by")
        .order_by("starts_on", "pk")
    )
    lasting = [one for one in kept if one.ends_on is None or one.ends_on >= day]
    agreement = lasting[-1] if lasting else None
    adults = {adult.guardian.pk: adult for adult in facts.adults}
    if agreement is not None:
        parent, carer = adults.get(agreement.entrusted_by_id), adults.get(agreement.guardian_id)
    else:
        parents = [adult for adult in (facts.father, facts.mother) if adult is not None]
        parent = next((adult for adult in parents if adult.work is not None), parents[0] if parents else None)
        carer = next((adult for adult in facts.carers if adult not in parents), None)
    return AgreementPaper(agreement, parent, carer, facts)
