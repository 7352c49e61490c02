"""Forward targets: what holds for any text that a stranger may send."""

from hypothesis import given
from hypothesis import strategies as st

from dfks_rules.model.identity import Aor
from dfks_rules.policy.site.directory import Directory, Entry
from dfks_rules.policy.site.number_plan import Dialling, NumberPlan
from dfks_rules.policy.site.targets import CLASSES, KINDS, REACHES, Targets

DOMAINS = {
    "de.example": Dialling("DE", (3, 4), ("2",), "0", "30"),
    "us.example": Dialling("US", (4,), (), "9"),
    "it.example": Dialling("IT"),
}
DIRECTORY = Directory([Entry(Aor("alice", "de.example"), numbers=("201", "+49307123456"))])
TARGETS = Targets(NumberPlan(domains=DOMAINS), DIRECTORY)

domains = st.sampled_from([*DOMAINS, "none.example"])
pieces = st.sampled_from(
    [
        *("sip:", "sips:", "tel:", "<", ">", '"', "@", ";", ":", "?", "=", "%", "%2B", "%25", "+"),
        *("00", "011", "1900", "5550100", "49", "112", "911", "*", "#", ",", "p", "ext", "maddr="),
        *("phone-context=", "urn:service:sos", "alice", "de.example", "[::1]", "\u0661", "\uff0b"),
        *("\u200b", "\ud800", "\x00", " ", "-", "(", ")", "\u00b2", "\u2460", "\u0440"),
    ]
)
hostile = st.lists(pieces, max_size=30).map("".join)
any_text = st.text(st.characters(codec=None), max_size=512)


@given(text=st.one_of(hostile, any_text), user=any_text, domain=domains)
def test_any_text_is_some_target(text: str, user: str, domain: str) -> None:
    """A forward comes from the network: no text may raise, and every word is a known one."""
    target = TARGETS.analyse(text, Aor(user, domain))
    assert target.kind in KINDS
    assert target.class_ in CLASSES
    assert target.reach in (None, *REACHES)
    assert (target.kind == "foreign") <= (target.domain not in (None, domain))
    assert (target.kind == "internal") <= (target.domain == domain)
    if target.number:
        assert target.number[0] == "+"
        assert target.number[1:].isdecimal()


junk = st.text(st.sampled_from(" -./()!$&'_~|\u200b\u00a0\u2013\u202e"), max_size=3)


@given(data=st.data(), domain=domains)
def test_junk_between_digits_changes_nothing(data: st.DataObject, domain: str) -> None:
    """A PBX that strips it dials the number all the same."""
    number = data.draw(st.sampled_from(["+19005550100", "0019005550100", "+870773110000"]))
    text = "".join(char + data.draw(junk) for char in number)
    presentity = Aor("x", domain)
    assert TARGETS.analyse(text, presentity) == TARGETS.analyse(number, presentity)
